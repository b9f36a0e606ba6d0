#include "media/key_frame.h"

#include "core/cursor.h"

// RFC 7741 section 4.2: X R N S R PID, then optional octets; the payload header follows where S is set and PID is 0.
// Its first bit, P, is 0 in a key frame; the encrypted envelope keeps that bit (0x10 key, 0x11 delta).
static frame_mark detect_vp8(cursor c) {
    uint8_t first = cursor_u8(&c);
    if (first & 0x80) {
        uint8_t flags = cursor_u8(&c);
        if (flags & 0x80) cursor_skip(&c, cursor_u8(&c) & 0x80 ? 1 : 0); // picture id of 7 or 15 bits
        if (flags & 0x40) cursor_skip(&c, 1);                            // TL0PICIDX
        if (flags & 0x30) cursor_skip(&c, 1);                            // TID, Y, KEYIDX
    }
    uint8_t payload_header = cursor_u8(&c);
    if (!cursor_ok(&c) || (first & 0x17) != 0x10) return (frame_mark){0};
    return (frame_mark){.start = true, .key = (payload_header & 1) == 0};
}

// RFC 9628 section 4.2: I P L F B E V Z. A key frame's lowest layer begins with B set, P clear and spatial id 0.
static frame_mark detect_vp9(cursor c) {
    uint8_t first = cursor_u8(&c);
    uint8_t spatial = 0;
    if (first & 0x80) cursor_skip(&c, cursor_u8(&c) & 0x80 ? 1 : 0);
    if (first & 0x20) spatial = cursor_u8(&c) >> 1 & 7;
    if (!cursor_ok(&c) || !(first & 0x08) || spatial != 0) return (frame_mark){0};
    return (frame_mark){.start = true, .key = !(first & 0x40)};
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
        return detect_vp8(c);
    case ENVELOPE_VP9:
        return detect_vp9(c);
    case ENVELOPE_H264:
        return detect_h264(c);
    case ENVELOPE_AV1:
        return detect_av1(c);
    case ENVELOPE_OPAQUE:
        break;
    }
    return (frame_mark){.start = true, .key = false};
}
