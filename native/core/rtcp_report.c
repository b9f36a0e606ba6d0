#include "core/rtcp_report.h"

#include <errno.h>
#include <string.h>

enum {
    BLOCK_BYTES = 24,
    LOST_MAX = 0x7FFFFF, // 24-bit signed
    LOST_MIN = -0x800000,

    SDES_END = 0,
    SDES_CNAME = 1,
    SDES_MAX_TEXT = 255,
};

int rtcp_report_parse(rtcp_report *report, const rtcp_packet *packet) {
    if (packet->type != RTCP_SR && packet->type != RTCP_RR) return -EBADMSG;
    cursor c = cursor_over(packet->body, packet->length);
    rtcp_report r = {.ssrc = cursor_u32(&c), .has_sender_info = packet->type == RTCP_SR, .block_count = packet->count};
    if (r.has_sender_info) {
        r.sender.ntp = cursor_u64(&c);
        r.sender.rtp_timestamp = cursor_u32(&c);
        r.sender.packet_count = cursor_u32(&c);
        r.sender.octet_count = cursor_u32(&c);
    }
    r.blocks = cursor_bytes(&c, (size_t)r.block_count * BLOCK_BYTES);
    if (!cursor_ok(&c)) return -EBADMSG;
    *report = r;
    return 0;
}

rtcp_report_block rtcp_report_block_at(const rtcp_report *report, uint8_t index) {
    cursor c = cursor_over(report->blocks + (size_t)index * BLOCK_BYTES, BLOCK_BYTES);
    rtcp_report_block block;
    block.ssrc = cursor_u32(&c);
    block.fraction_lost = cursor_u8(&c);
    uint32_t lost = cursor_u24(&c);
    block.cumulative_lost = (int32_t)lost - (lost & 0x800000 ? 0x1000000 : 0);
    block.highest_sequence = cursor_u32(&c);
    block.jitter = cursor_u32(&c);
    block.last_sr = cursor_u32(&c);
    block.delay_since_sr = cursor_u32(&c);
    return block;
}

static void write_block(writer *w, const rtcp_report_block *block) {
    // The count stays at its limit instead of wrapping (RFC 3550 appendix A.3).
    int32_t lost = block->cumulative_lost;
    if (lost > LOST_MAX) lost = LOST_MAX;
    if (lost < LOST_MIN) lost = LOST_MIN;
    writer_u32(w, block->ssrc);
    writer_u8(w, block->fraction_lost);
    writer_u24(w, (uint32_t)lost & 0xFFFFFF);
    writer_u32(w, block->highest_sequence);
    writer_u32(w, block->jitter);
    writer_u32(w, block->last_sr);
    writer_u32(w, block->delay_since_sr);
}

void rtcp_write_report(writer *w, uint32_t ssrc, const rtcp_sender_info *sender, const rtcp_report_block *blocks,
                       uint8_t block_count) {
    uint8_t *begun = rtcp_begin(w, sender ? RTCP_SR : RTCP_RR, block_count);
    writer_u32(w, ssrc);
    if (sender) {
        writer_u64(w, sender->ntp);
        writer_u32(w, sender->rtp_timestamp);
        writer_u32(w, sender->packet_count);
        writer_u32(w, sender->octet_count);
    }
    for (uint8_t i = 0; i < block_count && writer_ok(w); i++)
        write_block(w, &blocks[i]);
    rtcp_end(w, begun);
}

void rtcp_write_sdes_cname(writer *w, uint32_t ssrc, const char *cname) {
    size_t length = strlen(cname);
    if (length > SDES_MAX_TEXT) {
        w->failed = true;
        return;
    }
    uint8_t *begun = rtcp_begin(w, RTCP_SDES, 1);
    writer_u32(w, ssrc);
    writer_u8(w, SDES_CNAME);
    writer_u8(w, (uint8_t)length);
    writer_bytes(w, (const uint8_t *)cname, length);
    // The list ends with at least one null, so text that fills its word gets four more (RFC 3550 section 6.5).
    writer_zeros(w, 4 - (2 + length) % 4);
    rtcp_end(w, begun);
}

// The CNAME of the chunk under the cursor, which is left at the next chunk where there is none.
static int chunk_cname(cursor *c, const uint8_t *body, const uint8_t **cname, uint8_t *length) {
    uint8_t type;
    while ((type = cursor_u8(c)) != SDES_END) {
        uint8_t item_length = cursor_u8(c);
        const uint8_t *text = cursor_bytes(c, item_length);
        if (!text) return -EBADMSG;
        if (type == SDES_CNAME) {
            *cname = text;
            *length = item_length;
            return 0;
        }
    }
    // A failed read yields zero, which ends the list too.
    if (!cursor_ok(c)) return -EBADMSG;
    size_t past_word = (size_t)(c->at - body) % 4;
    if (past_word != 0) cursor_skip(c, 4 - past_word);
    return cursor_ok(c) ? -ENOENT : -EBADMSG;
}

int rtcp_sdes_cname(const rtcp_packet *packet, uint32_t *ssrc, const uint8_t **cname, uint8_t *length) {
    if (packet->type != RTCP_SDES) return -EBADMSG;
    cursor c = cursor_over(packet->body, packet->length);
    for (uint8_t i = 0; i < packet->count; i++) {
        uint32_t chunk_ssrc = cursor_u32(&c);
        int result = chunk_cname(&c, packet->body, cname, length);
        if (result == 0) *ssrc = chunk_ssrc;
        if (result != -ENOENT) return result;
    }
    return -ENOENT;
}

void rtcp_write_bye(writer *w, const uint32_t *ssrcs, uint8_t count) {
    uint8_t *begun = rtcp_begin(w, RTCP_BYE, count);
    for (uint8_t i = 0; i < count && writer_ok(w); i++)
        writer_u32(w, ssrcs[i]);
    rtcp_end(w, begun);
}

int rtcp_bye_ssrc(const rtcp_packet *packet, uint8_t index, uint32_t *ssrc) {
    if (packet->type != RTCP_BYE || index >= packet->count) return -EBADMSG;
    cursor c = cursor_over(packet->body, packet->length);
    cursor_skip(&c, (size_t)index * 4);
    uint32_t value = cursor_u32(&c);
    if (!cursor_ok(&c)) return -EBADMSG;
    *ssrc = value;
    return 0;
}
