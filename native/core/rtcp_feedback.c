#include "core/rtcp_feedback.h"

#include <errno.h>

enum {
    SSRCS_BYTES = 8, // sender and media SSRC
    NACK_BYTES = 4,  // PID and BLP
    NACK_FOLLOWING = 16,
    FIR_BYTES = 8,
    REMB_NAME = 0x52454D42, // "REMB"
    REMB_MANTISSA_BITS = 18,
};

static bool is(const rtcp_packet *packet, uint8_t type, uint8_t format) {
    return packet->type == type && packet->count == format;
}

int rtcp_feedback_ssrcs(const rtcp_packet *packet, uint32_t *sender_ssrc, uint32_t *media_ssrc) {
    if (packet->type != RTCP_RTPFB && packet->type != RTCP_PSFB) return -EBADMSG;
    cursor c = cursor_over(packet->body, packet->length);
    uint32_t sender = cursor_u32(&c);
    uint32_t media = cursor_u32(&c);
    if (!cursor_ok(&c)) return -EBADMSG;
    *sender_ssrc = sender;
    *media_ssrc = media;
    return 0;
}

// The feedback control information, if it is one or more entries of `entry_bytes`, else a failed cursor.
static cursor entries_of(const rtcp_packet *packet, size_t entry_bytes) {
    cursor c = cursor_over(packet->body, packet->length);
    cursor_skip(&c, SSRCS_BYTES);
    if (cursor_left(&c) == 0 || cursor_left(&c) % entry_bytes != 0) c.failed = true;
    return c;
}

int rtcp_nack_parse(const rtcp_packet *packet, seq16 *lost, size_t capacity) {
    if (!is(packet, RTCP_RTPFB, RTCP_FMT_NACK)) return -EBADMSG;
    cursor c = entries_of(packet, NACK_BYTES);
    if (!cursor_ok(&c)) return -EBADMSG;
    size_t count = 0;
    while (cursor_left(&c) > 0) {
        seq16 first = cursor_u16(&c);
        // Bit i - 1 of BLP stands for PID + i; PID itself is always lost.
        uint32_t mask = (uint32_t)cursor_u16(&c) << 1 | 1;
        for (unsigned i = 0; i <= NACK_FOLLOWING; i++) {
            if (!(mask >> i & 1)) continue;
            if (count < capacity) lost[count] = (seq16)(first + i);
            count++;
        }
    }
    return (int)count;
}

void rtcp_write_nack(writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, const seq16 *lost, size_t count) {
    if (count == 0) return; // a NACK that names nothing is malformed
    uint8_t *begun = rtcp_begin(w, RTCP_RTPFB, RTCP_FMT_NACK);
    writer_u32(w, sender_ssrc);
    writer_u32(w, media_ssrc);
    for (size_t i = 0; i < count && writer_ok(w);) {
        seq16 first = lost[i++];
        uint16_t following = 0;
        for (; i < count; i++) {
            uint16_t distance = (uint16_t)(lost[i] - first);
            if (distance > NACK_FOLLOWING) break;
            if (distance > 0) following |= (uint16_t)(1u << (distance - 1));
        }
        writer_u16(w, first);
        writer_u16(w, following);
    }
    rtcp_end(w, begun);
}

void rtcp_write_pli(writer *w, uint32_t sender_ssrc, uint32_t media_ssrc) {
    uint8_t *begun = rtcp_begin(w, RTCP_PSFB, RTCP_FMT_PLI);
    writer_u32(w, sender_ssrc);
    writer_u32(w, media_ssrc);
    rtcp_end(w, begun);
}

int rtcp_fir_entry_at(const rtcp_packet *packet, size_t index, rtcp_fir_entry *entry) {
    if (!is(packet, RTCP_PSFB, RTCP_FMT_FIR)) return -EBADMSG;
    cursor c = entries_of(packet, FIR_BYTES);
    if (!cursor_ok(&c)) return -EBADMSG;
    if (index >= cursor_left(&c) / FIR_BYTES) return 0;
    cursor_skip(&c, index * FIR_BYTES);
    entry->ssrc = cursor_u32(&c);
    entry->sequence = cursor_u8(&c);
    return 1;
}

void rtcp_write_fir(writer *w, uint32_t sender_ssrc, const rtcp_fir_entry *entries, size_t count) {
    if (count == 0) return;
    uint8_t *begun = rtcp_begin(w, RTCP_PSFB, RTCP_FMT_FIR);
    writer_u32(w, sender_ssrc);
    writer_u32(w, 0); // the media SSRCs are in the entries (RFC 5104 section 4.3.1.2)
    for (size_t i = 0; i < count && writer_ok(w); i++) {
        writer_u32(w, entries[i].ssrc);
        writer_u8(w, entries[i].sequence);
        writer_zeros(w, 3);
    }
    rtcp_end(w, begun);
}

int rtcp_remb_parse(rtcp_remb *remb, const rtcp_packet *packet) {
    if (!is(packet, RTCP_PSFB, RTCP_FMT_AFB)) return -EBADMSG;
    cursor c = cursor_over(packet->body, packet->length);
    cursor_skip(&c, SSRCS_BYTES);
    if (!cursor_ok(&c)) return -EBADMSG;
    if (cursor_u32(&c) != REMB_NAME) return -ENOENT;

    uint8_t ssrc_count = cursor_u8(&c);
    uint32_t rate = cursor_u24(&c);
    unsigned exponent = rate >> REMB_MANTISSA_BITS;
    uint64_t mantissa = rate & ((1u << REMB_MANTISSA_BITS) - 1);
    const uint8_t *ssrcs = cursor_bytes(&c, (size_t)ssrc_count * 4);
    if (!cursor_ok(&c) || cursor_left(&c) != 0) return -EBADMSG;
    if (mantissa > (uint64_t)INT64_MAX >> exponent) return -EBADMSG;
    *remb = (rtcp_remb){.bitrate_bps = mantissa << exponent, .ssrc_count = ssrc_count, .ssrcs = ssrcs};
    return 0;
}

void rtcp_write_remb(writer *w, uint32_t sender_ssrc, uint64_t bitrate_bps, const uint32_t *ssrcs, uint8_t count) {
    uint64_t mantissa = bitrate_bps < INT64_MAX ? bitrate_bps : INT64_MAX;
    uint32_t exponent = 0;
    // Rounds down: it is a limit.
    for (; mantissa >> REMB_MANTISSA_BITS; exponent++)
        mantissa >>= 1;

    uint8_t *begun = rtcp_begin(w, RTCP_PSFB, RTCP_FMT_AFB);
    writer_u32(w, sender_ssrc);
    writer_u32(w, 0); // always zero (section 2.2)
    writer_u32(w, REMB_NAME);
    writer_u8(w, count);
    writer_u24(w, exponent << REMB_MANTISSA_BITS | (uint32_t)mantissa);
    for (uint8_t i = 0; i < count && writer_ok(w); i++)
        writer_u32(w, ssrcs[i]);
    rtcp_end(w, begun);
}
