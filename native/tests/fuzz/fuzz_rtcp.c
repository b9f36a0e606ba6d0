// What this proves, for any datagram and any parser on any packet of it:
// - rtcp_check takes exactly the datagrams that rtcp_next walks to their end over at least one packet; the packets lie
//   in the datagram one behind the other, and a walk that has failed stays failed;
// - each body is handed to the parsers in a heap block of its exact size, so nothing is read outside of it, neither by
//   them nor through the pointers that they give;
// - what a parser takes, its writer can write, and the parser reads the same out of that again;
// - the number of transport-cc statuses is the message's count or the capacity, whichever is less, and they are
// numbered
//   in sequence; the NACK parser keeps to its capacity.
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rtcp.h"
#include "core/rtcp_feedback.h"
#include "core/rtcp_report.h"
#include "core/rtcp_twcc.h"

enum { OUTPUT_BYTES = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "fuzz_rtcp: %s\n", what);
    abort();
}

static void *allocate(size_t length) {
    void *block = malloc(length ? length : 1);
    require(block, "out of memory");
    return block;
}

static rtcp_packet only_packet(const writer *w) {
    require(writer_ok(w), "writer failed on what was parsed");
    cursor c = cursor_over(w->start, writer_length(w));
    rtcp_packet packet;
    require(rtcp_next(&c, &packet) == 1, "what was written does not walk");
    require(cursor_left(&c) == 0, "more than one packet written");
    return packet;
}

static void check_report(const rtcp_packet *packet, uint8_t *output) {
    rtcp_report report;
    if (rtcp_report_parse(&report, packet)) return;
    require(report.block_count == packet->count, "block count is not the header's");
    require(report.has_sender_info == (packet->type == RTCP_SR), "sender info in an RR");
    rtcp_report_block blocks[31];
    for (uint8_t i = 0; i < report.block_count; i++)
        blocks[i] = rtcp_report_block_at(&report, i);

    writer w = writer_over(output, OUTPUT_BYTES);
    rtcp_write_report(&w, report.ssrc, report.has_sender_info ? &report.sender : NULL, blocks, report.block_count);
    rtcp_packet again = only_packet(&w);
    // All but the profile-specific extensions, which are not kept.
    require(again.length <= packet->length && memcmp(again.body, packet->body, again.length) == 0, "report differs");
    require(again.type == packet->type && again.count == packet->count, "report header differs");
}

static void check_sdes(const rtcp_packet *packet, uint8_t *output) {
    uint32_t ssrc;
    const uint8_t *cname;
    uint8_t length;
    if (rtcp_sdes_cname(packet, &ssrc, &cname, &length)) return;
    char text[256] = {0};
    memcpy(text, cname, length);
    if (strlen(text) != length) return; // the writer takes text only

    writer w = writer_over(output, OUTPUT_BYTES);
    rtcp_write_sdes_cname(&w, ssrc, text);
    rtcp_packet again = only_packet(&w);
    uint32_t again_ssrc;
    uint8_t again_length;
    require(rtcp_sdes_cname(&again, &again_ssrc, &cname, &again_length) == 0, "written CNAME refused");
    require(again_ssrc == ssrc && again_length == length && memcmp(cname, text, length) == 0, "CNAME differs");
}

static void check_bye(const rtcp_packet *packet, uint8_t *output) {
    uint32_t ssrcs[31];
    uint8_t count = 0;
    while (count < 31 && rtcp_bye_ssrc(packet, count, &ssrcs[count]) == 0)
        count++;
    require(count <= packet->count, "BYE of more than the header counts");
    if (count == 0) return;
    writer w = writer_over(output, OUTPUT_BYTES);
    rtcp_write_bye(&w, ssrcs, count);
    rtcp_packet again = only_packet(&w);
    require(again.length <= packet->length && memcmp(again.body, packet->body, again.length) == 0, "BYE differs");
}

static void check_nack(const rtcp_packet *packet, uint8_t *output) {
    int named = rtcp_nack_parse(packet, NULL, 0);
    if (named < 0) return;
    size_t count = (size_t)named;
    seq16 *lost = allocate(count * sizeof *lost);
    require(count > 0 && rtcp_nack_parse(packet, lost, count) == named, "NACK depends on the capacity");
    seq16 *half = allocate(count / 2 * sizeof *half);
    require(rtcp_nack_parse(packet, half, count / 2) == named, "NACK depends on the capacity");
    require(memcmp(half, lost, count / 2 * sizeof *half) == 0, "NACK depends on the capacity");

    writer w = writer_over(output, OUTPUT_BYTES);
    rtcp_write_nack(&w, 1, 2, lost, count);
    rtcp_packet again = only_packet(&w);
    // Repeated numbers may be named once and out of order numbers merged: it is the set that has to survive.
    uint8_t *seen = allocate(1 << 16);
    memset(seen, 0, 1 << 16);
    for (size_t i = 0; i < count; i++)
        seen[lost[i]] = 1;
    int named_again = rtcp_nack_parse(&again, lost, count);
    require(named_again > 0 && named_again <= named, "written NACK names more");
    for (int i = 0; i < named_again; i++) {
        require(seen[lost[i]] != 0, "written NACK names another number");
        seen[lost[i]] = 2;
    }
    require(memchr(seen, 1, 1 << 16) == NULL, "written NACK leaves out a number");
    free(seen);
    free(half);
    free(lost);
}

static void check_fir(const rtcp_packet *packet, uint8_t *output) {
    rtcp_fir_entry *entries = allocate((packet->length / 8 + 1) * sizeof *entries);
    size_t count = 0;
    int more;
    while ((more = rtcp_fir_entry_at(packet, count, &entries[count])) == 1) {
        count++;
        require(count < packet->length / 8, "more FIR entries than fit");
    }
    require((more == 0) == (count > 0), "FIR entries and then an error, or none and no error");
    if (count > 0) {
        writer w = writer_over(output, OUTPUT_BYTES);
        rtcp_write_fir(&w, 1, entries, count);
        rtcp_packet again = only_packet(&w);
        for (size_t i = 0; i < count; i++) {
            rtcp_fir_entry entry;
            require(rtcp_fir_entry_at(&again, i, &entry) == 1, "written FIR entry missing");
            require(entry.ssrc == entries[i].ssrc && entry.sequence == entries[i].sequence, "FIR entry differs");
        }
    }
    free(entries);
}

static void check_remb(const rtcp_packet *packet, uint8_t *output) {
    rtcp_remb remb;
    if (rtcp_remb_parse(&remb, packet)) return;
    require(remb.bitrate_bps <= INT64_MAX, "REMB over 2^63 - 1");
    uint32_t ssrcs[255];
    cursor c = cursor_over(remb.ssrcs, (size_t)remb.ssrc_count * 4);
    for (uint8_t i = 0; i < remb.ssrc_count; i++)
        ssrcs[i] = cursor_u32(&c);

    writer w = writer_over(output, OUTPUT_BYTES);
    rtcp_write_remb(&w, 1, remb.bitrate_bps, ssrcs, remb.ssrc_count);
    rtcp_packet again = only_packet(&w);
    rtcp_remb second;
    require(rtcp_remb_parse(&second, &again) == 0, "written REMB refused");
    require(second.bitrate_bps == remb.bitrate_bps && second.ssrc_count == remb.ssrc_count, "REMB differs");
    require(memcmp(second.ssrcs, remb.ssrcs, (size_t)remb.ssrc_count * 4) == 0, "REMB's SSRCs differ");
}

// Writes the received ones of the statuses as arrivals and reads them again.
static void rewrite_twcc(const twcc_feedback *feedback, const twcc_status *statuses, uint8_t *output) {
    // The reference time is signed on the wire and an arrival is not: one turn of it later all are positive.
    const int64_t turn_us = (int64_t)TWCC_REFERENCE_US << 24;
    twcc_arrival *arrivals = allocate(feedback->status_count * sizeof *arrivals);
    size_t count = 0;
    for (size_t i = 0; i < feedback->status_count; i++) {
        if (!statuses[i].received) continue;
        arrivals[count].sequence = feedback->base_sequence + (seq64)i;
        arrivals[count++].arrival_us = (uint64_t)(statuses[i].arrival_us + turn_us);
    }
    writer w = writer_over(output, OUTPUT_BYTES);
    size_t taken = twcc_write(&w, 1, 2, 3, feedback->base_sequence, arrivals, count);
    require(taken == count, "not all arrivals of one message fit one message");
    if (count > 0) {
        rtcp_packet again = only_packet(&w);
        twcc_feedback second;
        require(twcc_parse(&second, &again) == 0, "written feedback refused");
        require(second.status_count <= feedback->status_count, "written feedback has more statuses");
        twcc_status *read = allocate(second.status_count * sizeof *read);
        require(twcc_statuses(&second, read, second.status_count) == second.status_count, "statuses missing");
        for (size_t i = 0; i < second.status_count; i++) {
            require(read[i].sequence == statuses[i].sequence, "sequence differs");
            require(read[i].received == statuses[i].received, "fate differs");
            require((read[i].arrival_us - statuses[i].arrival_us) % turn_us == 0, "arrival time differs");
        }
        for (size_t i = second.status_count; i < feedback->status_count; i++) {
            require(!statuses[i].received, "arrival left out");
        }
        free(read);
    }
    free(arrivals);
}

static void check_twcc(const rtcp_packet *packet, uint8_t *output) {
    twcc_feedback feedback;
    if (twcc_parse(&feedback, packet)) return;
    require(feedback.status_count > 0 && feedback.status_count <= TWCC_MAX_STATUSES, "status count out of range");
    size_t count = feedback.status_count;
    twcc_status *statuses = allocate(count * sizeof *statuses);
    require(twcc_statuses(&feedback, statuses, count + 1) == count, "statuses are not as many as the count");
    size_t fewer = count / 2;
    twcc_status *some = allocate(fewer * sizeof *some);
    require(twcc_statuses(&feedback, some, fewer) == fewer, "capacity not used");
    for (size_t i = 0; i < count; i++) {
        require(statuses[i].sequence == (seq16)(feedback.base_sequence + i), "statuses out of sequence");
        if (i >= fewer) continue;
        require(some[i].received == statuses[i].received && some[i].arrival_us == statuses[i].arrival_us,
                "statuses depend on the capacity");
    }
    rewrite_twcc(&feedback, statuses, output);
    free(some);
    free(statuses);
}

static void check_packet(const rtcp_packet *packet, uint8_t *output) {
    uint8_t *body = allocate(packet->length);
    memcpy(body, packet->body, packet->length);
    rtcp_packet exact = *packet;
    exact.body = body;
    uint32_t sender_ssrc, media_ssrc;
    (void)rtcp_feedback_ssrcs(&exact, &sender_ssrc, &media_ssrc);
    check_report(&exact, output);
    check_sdes(&exact, output);
    check_bye(&exact, output);
    check_nack(&exact, output);
    check_fir(&exact, output);
    check_remb(&exact, output);
    check_twcc(&exact, output);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    uint8_t *output = allocate(OUTPUT_BYTES);
    cursor datagram = cursor_over(bytes, length);
    rtcp_packet packet;
    const uint8_t *expected = bytes; // where the next packet's header has to be
    bool any = false;
    int more;
    while ((more = rtcp_next(&datagram, &packet)) == 1) {
        any = true;
        require(packet.body == expected + RTCP_HEADER_BYTES, "packets do not lie one behind the other");
        require(packet.length <= (size_t)(datagram.at - packet.body), "body longer than its packet");
        require(packet.count <= 31, "count has more than five bits");
        expected = datagram.at;
        check_packet(&packet, output);
    }
    require(more == 0 || more == -EBADMSG, "unknown error");
    require((more == 0) == (cursor_left(&datagram) == 0 && cursor_ok(&datagram)), "walk ended before the end");
    require(rtcp_next(&datagram, &packet) == more, "walk went on after its end");
    int checked = rtcp_check(bytes, length);
    require(checked == (any && more == 0 ? 0 : -EBADMSG), "rtcp_check and rtcp_next disagree");
    free(output);
    return 0;
}
