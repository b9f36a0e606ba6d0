// RTP header extensions (RFC 8285), one- and two-byte forms, by negotiated id. With BUNDLE an id means the same on
// every m-line (RFC 8843 section 9), so there is one map for each direction of a transport.
#ifndef SFU_CORE_RTP_EXT_H
#define SFU_CORE_RTP_EXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"
#include "core/ntp.h"
#include "core/rtp.h"

typedef enum rtp_ext_kind {
    RTP_EXT_NONE = 0,
    RTP_EXT_AUDIO_LEVEL,   // RFC 6464
    RTP_EXT_CSRC_LEVEL,    // RFC 6465
    RTP_EXT_ABS_SEND_TIME, // 24-bit 6.18 seconds
    RTP_EXT_TRANSPORT_CC,  // draft-holmer-rmcat-transport-wide-cc-extensions-01, 16-bit sequence
    RTP_EXT_MID,           // RFC 8843 section 15
    RTP_EXT_RID,           // RFC 8852
    RTP_EXT_REPAIRED_RID,  // RFC 8852
    RTP_EXT_TOFFSET,       // RFC 5450
    RTP_EXT_ORIENTATION,   // 3GPP TS 26.114 CVO
    RTP_EXT_PLAYOUT_DELAY,
    RTP_EXT_CONTENT_TYPE,
    RTP_EXT_TIMING,
    RTP_EXT_COLOR_SPACE,
    RTP_EXT_DEPENDENCY_DESCRIPTOR, // AV1 RTP specification, appendix A
    RTP_EXT_ABS_CAPTURE_TIME,
    RTP_EXT_KINDS,
} rtp_ext_kind;

typedef struct rtp_ext_map {
    uint8_t kind_of_id[256];           // rtp_ext_kind; RTP_EXT_NONE where the id means nothing
    uint8_t id_of_kind[RTP_EXT_KINDS]; // 0 where the kind was not negotiated
} rtp_ext_map;

// 0; -EINVAL for id 0, id above 255, or an unknown kind; -EEXIST if the id or the kind is taken.
int rtp_ext_map_set(rtp_ext_map *map, unsigned id, rtp_ext_kind kind);

// What one packet carries: for each known kind where its data stands.
typedef struct rtp_extensions {
    uint32_t present; // bit (1 << kind)
    struct {
        uint16_t offset; // of the data, from the start of the packet
        uint8_t length;  // of the data, bytes
    } at[RTP_EXT_KINDS];
} rtp_extensions;

static inline bool rtp_ext_has(const rtp_extensions *extensions, rtp_ext_kind kind) {
    return (extensions->present >> kind & 1) != 0;
}

// Walks the extension block once. A malformed element ends the walk (RFC 8285 section 4.2: what follows is ignored) and
// -EBADMSG is returned with what was found before it; an unknown profile finds nothing and is no error. Of a repeated
// kind the first counts. What is not as long as its kind can be is as if it were not there.
int rtp_ext_parse(rtp_extensions *extensions, const rtp_ext_map *map, const rtp_header *header, const uint8_t *packet);

// Values of fixed shape. Each returns false, and leaves its output alone, where the element is absent or ill-sized.
bool rtp_ext_audio_level(const rtp_extensions *extensions, const uint8_t *packet, uint8_t *level_dbov, bool *voice);
bool rtp_ext_transport_cc(const rtp_extensions *extensions, const uint8_t *packet, seq16 *sequence);
bool rtp_ext_abs_send_time(const rtp_extensions *extensions, const uint8_t *packet, uint32_t *time_6_18);
// Capture time in the capturer's NTP clock, 64 bits, with or without the offset of that clock to the sender's behind
// it.
bool rtp_ext_abs_capture_time(const rtp_extensions *extensions, const uint8_t *packet, ntp64 *capture);
// Puts another capture time in place of the one that is there.
void rtp_ext_set_abs_capture_time(const rtp_extensions *extensions, uint8_t *packet, ntp64 capture);
// MID, RID or REPAIRED_RID: 1 to 16 bytes of text, not terminated.
bool rtp_ext_text(const rtp_extensions *extensions, const uint8_t *packet, rtp_ext_kind kind, const uint8_t **text,
                  uint8_t *length);

// Building. Elements are given in the order in which they go out.
typedef struct rtp_ext_element {
    uint8_t id;          // 1 to 255
    uint8_t length;      // bytes of data
    const uint8_t *data; // may be NULL: room is left, zeroed, for the caller to fill in later
} rtp_ext_element;

// Writes profile, length and elements padded to 32 bits: one-byte form where every id is 1 to 14 and every length 1 to
// 16, else two-byte form 0x1000. `offsets`, if not NULL, receives for each element where its data stands from the start
// of the writer. Nothing is written for zero elements. Returns 0, or -ENOSPC, or -EINVAL for id 0.
int rtp_ext_write(writer *w, const rtp_ext_element *elements, size_t count, uint16_t *offsets);

#endif
