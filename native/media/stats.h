// Counters that the media plane keeps; read as a snapshot by its owner's thread only.
#ifndef SFU_MEDIA_STATS_H
#define SFU_MEDIA_STATS_H

#include <stdint.h>

typedef struct engine_stats {
    uint64_t datagrams_received;
    uint64_t datagrams_unknown; // of no known transport, or of no known kind
    uint64_t stun_refused;      // malformed, or not answered
    uint64_t dtls_dropped; // queue full, from an address that no check has validated, or too much for one without proof
    uint64_t srtp_refused; // malformed, forged, replayed
    uint64_t rtp_received; // authenticated
    uint64_t rtp_unlatched; // authenticated, but of no known track
    uint64_t rtp_duplicate; // recovered twice, or sent again
    uint64_t rtp_recovered; // over RTX
    uint64_t rtp_padding;   // without payload: probes
    uint64_t rtcp_received;
    uint64_t rtcp_malformed;
    uint64_t packets_sent;  // RTP
    uint64_t bytes_sent;    // UDP payload of RTP
    uint64_t messages_sent; // RTP messages: packets_sent / messages_sent is the mean run
    uint64_t retransmissions_sent;
    uint64_t nacks_ignored;        // asked for what is too old, unknown or was just sent again
    uint64_t pool_exhausted;       // video packets refused for want of a buffer
    uint64_t history_evicted;      // ring entries given up early for want of buffers
    uint64_t handoff_dropped;      // video packets that did not fit a ring
    uint64_t queue_flushed;        // departures dropped because a receiver's queue passed its bound
    uint64_t oversize_dropped;     // would have been longer than max_payload_bytes
    uint64_t key_frames_requested; // PLIs sent to publishers
    uint64_t run_lengths[7];       // messages of 1, 2, 3–4, 5–8, 9–16, 17–32, 33–64 packets
    uint32_t packets_free;         // bodies in the pool now
    uint32_t packets_total;
    uint32_t transports;        // open now
    uint32_t departures_queued; // now
} engine_stats;

typedef struct transport_stats {
    uint64_t packets_received;
    uint64_t bytes_received;
    uint64_t packets_sent;
    uint64_t bytes_sent;
    uint64_t nacks_sent; // numbers asked for
    uint64_t nacks_received;
    uint64_t retransmissions_sent;
    uint64_t send_refused;  // datagrams that the kernel did not take
    uint64_t rtt_us;        // 0: unknown
    uint64_t remb_bps;      // last REMB, 0: none
    uint32_t queue_packets; // departures waiting
    uint32_t queue_bytes;
} transport_stats;

#endif
