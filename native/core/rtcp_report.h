// Sender and receiver reports, SDES and BYE (RFC 3550 sections 6.4 to 6.6).
#ifndef SFU_CORE_RTCP_REPORT_H
#define SFU_CORE_RTCP_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ntp.h"
#include "core/rtcp.h"

typedef struct rtcp_report_block {
    uint32_t ssrc;
    uint8_t fraction_lost;     // of 256, since the last report
    int32_t cumulative_lost;   // 24-bit signed
    uint32_t highest_sequence; // cycles << 16 | sequence
    uint32_t jitter;           // RTP timestamp units
    uint32_t last_sr;          // compact NTP, 0 if none was received
    uint32_t delay_since_sr;   // 1/65536 s
} rtcp_report_block;

typedef struct rtcp_sender_info {
    ntp64 ntp;
    uint32_t rtp_timestamp;
    uint32_t packet_count;
    uint32_t octet_count;
} rtcp_sender_info;

typedef struct rtcp_report {
    uint32_t ssrc;        // of who reports
    bool has_sender_info; // SR
    rtcp_sender_info sender;
    uint8_t block_count;   // 0 to 31
    const uint8_t *blocks; // 24 bytes each, read by rtcp_report_block_at
} rtcp_report;

// Of an SR or RR. 0, or -EBADMSG if shorter than its count says. Profile-specific extensions after the blocks are
// ignored.
int rtcp_report_parse(rtcp_report *report, const rtcp_packet *packet);

// Block `index` (< block_count).
rtcp_report_block rtcp_report_block_at(const rtcp_report *report, uint8_t index);

// An SR if `sender` is not NULL, else an RR. At most 31 blocks.
void rtcp_write_report(writer *w, uint32_t ssrc, const rtcp_sender_info *sender, const rtcp_report_block *blocks,
                       uint8_t block_count);

// One SDES chunk with a CNAME of at most 255 bytes.
void rtcp_write_sdes_cname(writer *w, uint32_t ssrc, const char *cname);

// The CNAME of the first chunk that has one: 0 and its text (not terminated) and SSRC, -ENOENT if there is none,
// -EBADMSG.
int rtcp_sdes_cname(const rtcp_packet *packet, uint32_t *ssrc, const uint8_t **cname, uint8_t *length);

void rtcp_write_bye(writer *w, const uint32_t *ssrcs, uint8_t count);

// SSRC `index` (< packet->count) of a BYE: 0, or -EBADMSG.
int rtcp_bye_ssrc(const rtcp_packet *packet, uint8_t index, uint32_t *ssrc);

#endif
