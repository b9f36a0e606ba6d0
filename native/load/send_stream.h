// One SSRC that a client sends, with its RTX SSRC: builds and protects packets, and remembers which they were so that a
// NACK can be answered.
#ifndef SFU_LOAD_SEND_STREAM_H
#define SFU_LOAD_SEND_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ntp.h"
#include "core/rtcp_report.h"
#include "core/rtp_ext.h"
#include "core/srtp.h"
#include "load/source_model.h"

enum { SEND_STREAM_HISTORY = 1024 }; // packets kept for retransmission

typedef struct send_stream_stats {
    uint64_t packets; // media
    uint64_t bytes;   // payload of media
    uint64_t retransmissions;
    uint64_t nacks_received;     // numbers that were asked for
    uint64_t nacks_unknown;      // of those: never sent, or forgotten
    uint64_t key_frame_requests; // PLI, and FIR with a new command number
    uint64_t reports_received;   // report blocks about this SSRC
    uint32_t highest_reported;   // of the last block: cycles << 16 | sequence
    int32_t cumulative_lost;     // of the last block
    uint8_t fraction_lost;       // of the last block, of 256
} send_stream_stats;

typedef struct send_stream send_stream;

// `source` must outlive the stream. NULL: no memory.
send_stream *send_stream_create(const source_model *source, uint8_t layer);
void send_stream_destroy(send_stream *self);

// Keys came, also anew. 0 or -ENOMEM.
int send_stream_bind(send_stream *self, srtp_sender *sender);

uint32_t send_stream_ssrc(const send_stream *self);
uint32_t send_stream_rtx_ssrc(const send_stream *self);

// What header extensions a packet carries besides its names and level.
typedef struct send_stamp {
    const uint8_t *ids; // by rtp_ext_kind, 0: not negotiated
    uint64_t now_us;    // for abs-send-time
    int64_t ntp_us;     // client's NTP clock minus that of `now_us`, for abs-capture-time
    seq16 transport_sequence;
} send_stamp;

// Builds the packet in `output` and protects it. Its length, or -ENOSPC, or what srtp_protect says.
int send_stream_media(send_stream *self, srtp_sender *sender, const source_packet *packet, const send_stamp *stamp,
                      uint8_t *output, size_t capacity);
// Builds the retransmission of what went out under `lost`. Its length, -ENOENT where it is unknown or the stream has no
// RTX, else as above.
int send_stream_retransmit(send_stream *self, srtp_sender *sender, seq16 lost, const send_stamp *stamp, uint8_t *output,
                           size_t capacity);

// A report block about one of the two SSRCs: the server knows it now, so its packets need not carry mid and rid any
// longer (libwebrtc stops at the same moment).
void send_stream_on_report(send_stream *self, const rtcp_report_block *block);
// Sender info for an SR at `now_us`, whose NTP time stamp is `ntp`. False before the first packet.
bool send_stream_report(const send_stream *self, uint64_t now_us, ntp64 ntp, rtcp_sender_info *info);

send_stream_stats *send_stream_get_stats(send_stream *self);

#endif
