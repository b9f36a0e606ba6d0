// What the files of the client role share: peer.c (life, ICE, media out), peer_receive.c (media in), peer_rtcp.c.
#ifndef SFU_LOAD_PEER_INTERNAL_H
#define SFU_LOAD_PEER_INTERNAL_H

#include "load/peer.h"
#include "media/arrival_feedback.h"
#include "media/key_frame_request.h"
#include "media/nack_request.h"
#include "media/receive_stream.h"
#include "media/send_history.h"

enum {
    PEER_SSRC_SLOTS = 256,       // power of two, over twice the SSRCs
    PEER_RETRANSMISSIONS = 1024, // queue
    PEER_DEFAULT_RTT_US = 100 * 1000,
};

// One SSRC that goes out.
typedef struct peer_sender {
    send_stream *stream;
    source_model *source;
    int16_t fir_sequence; // of the last FIR, -1 before
} peer_sender;

// One stream that comes in.
typedef struct peer_receiver {
    peer_stream config;
    verify *check;
    receive_stream reception;
    nack_request *nacks; // NULL for audio
    key_frame_request key_frames;
    uint64_t start_deadline_us; // when to ask for the first key frame; UINT64_MAX: no need, or nothing came yet
    bool started;
    peer_receiver_stats stats; // without `stream`
} peer_receiver;

typedef struct peer_retransmission {
    uint8_t sender; // index
    seq16 sequence;
} peer_retransmission;

struct peer {
    peer_config config;
    rtp_ext_map receive_map;
    ice_controlling ice; // not used where config.connected
    ice_path path;
    uint8_t answer[STUN_MAX_BYTES]; // to the server's check
    size_t answer_length;           // 0: none waits
    uint32_t answer_local;          // where the check came in

    srtp_sender *srtp_out;
    srtp_receiver *srtp_in;

    source_model *sources[PEER_MAX_SOURCES];
    uint8_t source_count;
    uint8_t source_turn; // whose packets go out now
    peer_sender senders[PEER_MAX_SENDERS];
    uint8_t sender_count;
    send_history *sent;                                        // by transport-wide number
    peer_retransmission retransmissions[PEER_RETRANSMISSIONS]; // ring
    uint32_t retransmission_head;                              // ever put in
    uint32_t retransmission_tail;                              // ever taken out

    peer_receiver receivers[PEER_MAX_RECEIVERS];
    uint8_t receiver_count;
    uint8_t ssrc_slots[PEER_SSRC_SLOTS]; // hash table of receiver index + 1, by ssrc and rtx_ssrc
    arrival_feedback *arrivals;
    bool report_arrivals; // transport-cc was negotiated
    uint32_t media_ssrc;  // that packets came from last: what transport-cc feedback speaks of

    uint64_t feedback_due_us; // NACKs and PLIs: earliest of all receivers
    uint64_t report_due_us;   // UINT64_MAX: not ready yet
    bool reporting;           // a round of reports is going out
    uint8_t report_sender;    // next of the round
    uint8_t report_receiver;

    peer_stats stats;
    observation_log log;
    uint8_t output[PEER_MAX_DATAGRAM];
    uint8_t input[PEER_MAX_DATAGRAM]; // opened packet
};

static inline bool peer_is_connected(const peer *self) {
    return self->config.connected || self->ice.connected;
}

static inline bool peer_is_ready(const peer *self) {
    return self->srtp_out && peer_is_connected(self);
}

peer_receiver *peer_find_receiver(peer *self, uint32_t ssrc);
peer_sender *peer_find_sender(peer *self, uint32_t ssrc);

// peer_receive.c
void peer_on_rtp(peer *self, uint64_t now_us, const uint8_t *bytes, size_t length);
uint64_t peer_receiver_deadline_us(const peer_receiver *receiver);

// peer_rtcp.c
void peer_on_rtcp(peer *self, uint64_t now_us, const uint8_t *bytes, size_t length);
// Writes one RTCP datagram, if any is due, not yet protected. Returns its length.
// The time by the client's NTP clock.
ntp64 peer_ntp(const peer *self, uint64_t now_us);
size_t peer_poll_rtcp(peer *self, uint64_t now_us, uint8_t *output, size_t capacity);

#endif
