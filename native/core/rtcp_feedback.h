// Feedback messages: generic NACK and PLI (RFC 4585), FIR (RFC 5104 section 4.3.1), REMB
// (draft-alvestrand-rmcat-remb-03).
#ifndef SFU_CORE_RTCP_FEEDBACK_H
#define SFU_CORE_RTCP_FEEDBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rtcp.h"
#include "core/seq.h"

enum {
    RTCP_FMT_NACK = 1,          // of RTPFB
    RTCP_FMT_TRANSPORT_CC = 15, // of RTPFB
    RTCP_FMT_PLI = 1,           // of PSFB
    RTCP_FMT_FIR = 4,           // of PSFB
    RTCP_FMT_AFB = 15,          // of PSFB: application layer feedback, REMB
};

// The sender and media SSRC with which every RTPFB and PSFB body begins. 0, or -EBADMSG.
int rtcp_feedback_ssrcs(const rtcp_packet *packet, uint32_t *sender_ssrc, uint32_t *media_ssrc);

// NACK: writes each lost sequence number, in wire order, at most `capacity`. Returns how many the message names
// (which may be more than were written), or -EBADMSG.
int rtcp_nack_parse(const rtcp_packet *packet, seq16 *lost, size_t capacity);

// One generic NACK for `count` ascending (modulo 2^16) numbers, packed into PID and BLP.
void rtcp_write_nack(writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, const seq16 *lost, size_t count);

void rtcp_write_pli(writer *w, uint32_t sender_ssrc, uint32_t media_ssrc);

typedef struct rtcp_fir_entry {
    uint32_t ssrc;
    uint8_t sequence; // command sequence number: repeated for a retransmitted command
} rtcp_fir_entry;

// Entry `index` of a FIR: 1 and the entry, 0 past the last, -EBADMSG.
int rtcp_fir_entry_at(const rtcp_packet *packet, size_t index, rtcp_fir_entry *entry);
void rtcp_write_fir(writer *w, uint32_t sender_ssrc, const rtcp_fir_entry *entries, size_t count);

typedef struct rtcp_remb {
    uint64_t bitrate_bps;
    uint8_t ssrc_count;
    const uint8_t *ssrcs; // 4 bytes each
} rtcp_remb;

// 0; -ENOENT for an application message that is not REMB; -EBADMSG; a bit rate over 2^63 - 1 is -EBADMSG.
int rtcp_remb_parse(rtcp_remb *remb, const rtcp_packet *packet);
void rtcp_write_remb(writer *w, uint32_t sender_ssrc, uint64_t bitrate_bps, const uint32_t *ssrcs, uint8_t count);

#endif
