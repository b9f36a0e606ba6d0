// The payload of a synthetic packet: it says which packet it is and can be recomputed from that alone, so a receiver
// checks every byte end to end, whatever SSRC, sequence number and time stamp the server gave it.
//
//     video:  VP8 payload descriptor (0x10 first packet of a frame, else 0x00), and in the first packet one clear byte:
//             0x10 key frame, 0x11 delta (BROWSERS.md, the VP8 envelope)
//     both:   header below, then bytes that follow from a hash of the header
//
//      0                   1                   2                   3
//     |                          magic "sfu1"                         |
//     |                           stream                              |
//     |                          sequence                             |
//     |                           frame                               |
//     |            index              |             count             |
//     |            flags              |            length             |
//     |                       capture time, µs                        |
//     |                                                               |
//     |                  check: hash of the above                     |
#ifndef SFU_LOAD_PAYLOAD_H
#define SFU_LOAD_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"

enum {
    PAYLOAD_HEADER_BYTES = 36,
    PAYLOAD_MIN_BYTES = PAYLOAD_HEADER_BYTES + 2, // header behind descriptor and clear byte
    PAYLOAD_MAX_BYTES = 1400,

    PAYLOAD_VP8_START = 0x10, // payload descriptor with S set, partition 0
    PAYLOAD_VP8_CONTINUE = 0x00,
    PAYLOAD_CLEAR_KEY = 0x10, // the synthetic byte: P = 0
    PAYLOAD_CLEAR_DELTA = 0x11,
};

// Which packet a payload belongs to.
typedef struct payload_mark {
    uint32_t stream;     // id of the source's layer, unique in a test or a load run
    uint32_t sequence;   // extended sequence number it was first sent under, modulo 2^32
    uint32_t frame;      // number of the frame in its stream
    uint16_t index;      // of the packet in its frame
    uint16_t count;      // packets of the frame
    uint16_t length;     // bytes of the whole payload
    bool video;          // VP8-shaped, else opaque
    bool key;            // of a key frame
    uint64_t capture_us; // when the frame was captured, clock of the sender's process
} payload_mark;

// Writes the mark's `length` bytes (at least PAYLOAD_MIN_BYTES, or the writer fails).
void payload_write(writer *w, const payload_mark *mark);

// 0 and the mark; -ENOMSG where the bytes are no synthetic payload at all; -EBADMSG where any byte differs from what
// was sent.
int payload_read(payload_mark *mark, const uint8_t *bytes, size_t length, bool video);

#endif
