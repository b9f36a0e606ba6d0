// Sequence numbers. `seq16` is what the wire carries and wraps; `seq64` is extended and never does, so it is the only
// one that is compared, subtracted or used as an index. -Wconversion refuses to narrow one into the other silently.
#ifndef SFU_CORE_SEQ_H
#define SFU_CORE_SEQ_H

#include <stdint.h>

typedef uint16_t seq16;
typedef int64_t seq64;

// The extended number nearest to `reference` whose low 16 bits are `wire` (RFC 3711 section 3.3.1 does the same with
// its roll-over counter). A distance of exactly 2^15 counts as behind.
static inline seq64 seq64_extend(seq64 reference, seq16 wire) {
    return reference + (int16_t)(uint16_t)(wire - (uint16_t)reference);
}

static inline seq16 seq64_wire(seq64 sequence) {
    return (seq16)(sequence & 0xFFFF);
}

#endif
