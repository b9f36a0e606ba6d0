// Reception statistics of one SSRC (RFC 3550 appendices A.3 and A.8) for the report blocks that go to its sender, and
// what its sender reports said.
#ifndef SFU_MEDIA_RECEIVE_STREAM_H
#define SFU_MEDIA_RECEIVE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ntp.h"
#include "core/rtcp_report.h"
#include "core/seq.h"

enum { RECEIVE_STREAM_WINDOW = 512 }; // packets in which a duplicate is told: a second of 5 Mbit/s, as long as an RTX

typedef struct receive_stream {
    uint32_t ssrc;
    uint32_t clock_rate; // Hz of RTP time stamps
    bool started;
    seq64 base; // first sequence number
    seq64 highest;
    uint64_t received;       // packets, without duplicates
    uint64_t expected_prior; // at the last report
    uint64_t received_prior;
    uint64_t seen[RECEIVE_STREAM_WINDOW / 64]; // ring of bits: counted already, as the packet or over RTX
    uint32_t jitter_16;                        // RFC 3550 A.8: jitter scaled by 16, time stamp units
    uint32_t transit;                          // arrival - time stamp of the last packet, time stamp units
    bool has_transit;
    bool has_sr;
    ntp64 sr_ntp;
    uint32_t sr_rtp_timestamp;
    uint64_t sr_arrival_us;
} receive_stream;

void receive_stream_init(receive_stream *stream, uint32_t ssrc, uint32_t clock_rate);

// A packet that has been authenticated; `sequence` is SRTP's index (core/srtp.h), so that the number is extended in one
// place only. Packets recovered over RTX count as received and do not touch the jitter. A packet that came both ways
// counts once; one further behind than the window not at all.
void receive_stream_on_packet(receive_stream *stream, uint64_t arrival_us, seq64 sequence, uint32_t timestamp,
                              bool recovered);

void receive_stream_on_sender_report(receive_stream *stream, uint64_t arrival_us, const rtcp_sender_info *sender);

// The block for the next RR; moves the interval on. False while nothing was received.
bool receive_stream_report(receive_stream *stream, uint64_t now_us, rtcp_report_block *block);

#endif
