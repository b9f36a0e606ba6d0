// The client role: one participant without I/O. Datagrams, keys and time go in; datagrams and the next deadline come
// out. It sends what its sources make, answers NACKs and key-frame requests, checks all that it receives and gives the
// feedback that a browser gives. It is the load generator of `sfu bench` and drives the engine in tests, in virtual
// time; all that is random in it follows from its seed.
#ifndef SFU_LOAD_PEER_H
#define SFU_LOAD_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rtp_ext.h"
#include "core/srtp.h"
#include "load/observation.h"
#include "load/send_stream.h"
#include "load/source_model.h"
#include "load/verify.h"
#include "media/ice.h"

enum {
    PEER_MAX_SOURCES = 16,
    PEER_MAX_SENDERS = PEER_MAX_SOURCES * SOURCE_MAX_LAYERS,
    PEER_MAX_RECEIVERS = SRTP_MAX_RECEIVE_STREAMS,
    PEER_MAX_DATAGRAM = 1500,
    PEER_MAX_CNAME = 31,
    PEER_START_US = 300 * 1000,   // without a key frame for so long after the first packet one is asked for
    PEER_FREEZE_US = 3000 * 1000, // packets come, but nothing was decoded for so long: likewise (libwebrtc waits 3 s)
};

typedef struct peer_config {
    bool connected; // no ICE: `path` may be used at once, and is all the credentials are not looked at
    ice_credentials local;
    ice_credentials remote;
    ice_path path;                             // the client's socket, and the server's address
    uint64_t start_us;                         // now
    char cname[PEER_MAX_CNAME + 1];            // terminated
    uint32_t feedback_ssrc;                    // of RTCP while nothing is sent
    uint8_t send_extensions[RTP_EXT_KINDS];    // ids, 0: not negotiated
    uint8_t receive_extensions[RTP_EXT_KINDS]; // TRANSPORT_CC among them: transport-cc feedback is sent
    int64_t clock_offset_us;                   // of the client's NTP clock to `now_us`
    int32_t clock_skew_ppm;                    // it runs faster than `now_us` by this
    uint64_t report_interval_us;               // between SRs and RRs; 0: none
    bool answer_nacks;
    bool send_nacks;
    bool send_key_frame_requests;
    bool respond_to_key_frame_requests;
    size_t observations; // packets kept for peer_take_observation
} peer_config;

typedef struct peer_stats {
    uint64_t datagrams_received;
    uint64_t bytes_received; // UDP payload
    uint64_t datagrams_sent;
    uint64_t bytes_sent;
    uint64_t foreign;                 // from another address than the server's
    uint64_t unexpected;              // neither STUN nor RTP nor RTCP: DTLS is not for this role
    uint64_t unkeyed;                 // SRTP before keys
    uint64_t malformed;               // SRTP, SRTCP, or RTCP within
    uint64_t unauthentic;             // SRTP or SRTCP
    uint64_t replayed;                // SRTP or SRTCP
    uint64_t rtp_received;            // authenticated
    uint64_t rtcp_received;           // authenticated
    uint64_t unknown_ssrc;            // RTP of no expected stream
    uint64_t rtx_padding;             // RTX without an original
    uint64_t rtx_malformed;           // wrong payload type, or too short
    uint64_t transport_feedback_sent; // messages
    uint64_t transport_feedback_received;
    uint64_t transport_received;      // packets that the server says it received
    uint64_t transport_lost;          // packets that it first said it did not
    uint64_t transport_unknown;       // packets of which it spoke and which were never sent, or long ago
    uint64_t reports_sent;            // datagrams with SR or RR
    uint64_t retransmissions_dropped; // NACKs came faster than they could be answered
    uint64_t send_errors;             // packets that could not be built or protected
    uint64_t rtt_us;                  // from the server's report blocks, 0: unknown
    uint64_t remb_bps;                // the last, 0: none
    uint64_t byes_received;
    bool connected; // ICE
    bool ready;     // and keys are there
} peer_stats;

typedef struct peer_receiver_stats {
    stream_stats stream;
    uint64_t nacks_sent; // numbers asked for
    uint64_t nacks_abandoned;
    uint64_t key_frames_requested;
    uint64_t sender_reports;
    uint64_t sr_arrival_us; // the last SR
    ntp64 sr_ntp;
    uint32_t sr_rtp_timestamp;
    uint32_t jitter; // RTP time stamp units
} peer_receiver_stats;

typedef struct peer peer;

// NULL: no memory, or a value out of range.
peer *peer_create(const peer_config *config, uint64_t seed);
void peer_destroy(peer *self);

// SRTP keys of both directions; `local` is what the client protects with. 0, -EINVAL (profile) or -ENOMEM.
int peer_set_keys(peer *self, srtp_profile profile, const uint8_t *local_key, const uint8_t *local_salt,
                  const uint8_t *remote_key, const uint8_t *remote_salt);
// The network has changed: another socket of the client, or another address of the server. Nothing but checks is sent
// until one is answered.
void peer_set_path(peer *self, const ice_path *path, uint64_t now_us);

// Index of the source; -EINVAL; -ENOSPC; -ENOMEM; -EEXIST where an SSRC is taken. It starts once keys and ICE are
// there.
int peer_add_source(peer *self, const source_config *config);
// To mute, ask for key frames and so on. NULL where there is none.
source_model *peer_get_source(peer *self, int index);
// Counters of one SSRC sent. NULL where there is none.
const send_stream_stats *peer_get_sender_stats(const peer *self, uint32_t ssrc);

// A stream that the server will send. 0; -EEXIST; -ENOSPC; -ENOMEM. `rtx_ssrc` may be 0.
typedef struct peer_stream {
    bool video;
    uint32_t ssrc;
    uint32_t rtx_ssrc;
    uint8_t payload_type;
    uint8_t rtx_payload_type;
    uint32_t clock_rate;
} peer_stream;
int peer_expect_stream(peer *self, const peer_stream *stream);
// 0 or -ENOENT.
int peer_get_receiver_stats(const peer *self, uint32_t ssrc, peer_receiver_stats *stats);
// Asks the server for a key frame of a stream it sends. 0 or -ENOENT.
int peer_request_key_frame(peer *self, uint32_t ssrc, uint64_t now_us);

void peer_on_datagram(peer *self, uint64_t now_us, uint32_t local, const net_address *from, const uint8_t *bytes,
                      size_t length);

typedef struct peer_datagram {
    const uint8_t *bytes; // valid until the next peer_poll
    size_t length;
    uint32_t local; // the client's socket
    net_address to;
} peer_datagram;

// The next datagram to send. False when nothing is due.
bool peer_poll(peer *self, uint64_t now_us, peer_datagram *datagram);
// When peer_poll is to be called even if nothing comes in. UINT64_MAX: never; `now_us` or less: at once.
uint64_t peer_next_deadline_us(const peer *self);

peer_stats peer_get_stats(const peer *self);
bool peer_take_observation(peer *self, observation *record);

#endif
