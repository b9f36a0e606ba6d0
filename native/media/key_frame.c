#include "media/key_frame.h"

#include "core/cursor.h"
#include "core/vp8.h"
#include "core/vp9.h"

// The encrypted envelope keeps the payload header's first bit (0x10 key, 0x11 delta).
static frame_mark detect_vp8(const uint8_t *payload, size_t length) {
    vp8_descriptor found;
    if (vp8_parse(&found, payload, length) < 0) return (frame_mark){0};
    return (frame_mark){.start = found.frame_start, .key = found.key_frame};
}

static frame_mark detect_vp9(const uint8_t *payload, size_t length) {
    vp9_descriptor found;
    if (vp9_parse(&found, payload, length) < 0) return (frame_mark){0};
    return (frame_mark){.start = vp9_picture_start(&found), .key = vp9_key_picture_start(&found)};
}

// RFC 6184: single NAL, STAP-A (24) and FU-A (28). SPS (7) and IDR (5) begin what a decoder can start from.
static frame_mark detect_h264(cursor c) {
    uint8_t type = cursor_u8(&c) & 0x1F;
    if (!cursor_ok(&c)) return (frame_mark){0};
    if (type == 28) {
        uint8_t fu = cursor_u8(&c);
        if (!cursor_ok(&c) || !(fu & 0x80)) return (frame_mark){0};
        type = fu & 0x1F;
    } else if (type == 24) {
        bool key = false;
        while (cursor_left(&c) > 0) {
            size_t size = cursor_u16(&c);
            const uint8_t *nal = cursor_bytes(&c, size);
            if (!nal || size == 0) break;
            key = key || (nal[0] & 0x1F) == 7 || (nal[0] & 0x1F) == 5;
        }
        return (frame_mark){.start = true, .key = key};
    }
    return (frame_mark){.start = true, .key = type == 5 || type == 7};
}

// AV1 RTP specification section 4.4: Z Y W N. N marks the first packet of a coded video sequence; Z continues a
// fragment.
static frame_mark detect_av1(cursor c) {
    uint8_t aggregation = cursor_u8(&c);
    if (!cursor_ok(&c)) return (frame_mark){0};
    bool start = !(aggregation & 0x80);
    return (frame_mark){.start = start, .key = start && (aggregation & 0x08)};
}

frame_mark key_frame_detect(codec_envelope envelope, const uint8_t *payload, size_t length) {
    cursor c = cursor_over(payload, length);
    switch (envelope) {
    case ENVELOPE_VP8:
        return detect_vp8(payload, length);
    case ENVELOPE_VP9:
        return detect_vp9(payload, length);
    case ENVELOPE_H264:
        return detect_h264(c);
    case ENVELOPE_AV1:
        return detect_av1(c);
    case ENVELOPE_OPAQUE:
        break;
    }
    return (frame_mark){.start = true, .key = false};
}
