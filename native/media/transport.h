// One participant's ICE, DTLS and SRTP association, and all that concerns receiving from and sending to it. It belongs
// for life to one engine.
#ifndef SFU_MEDIA_TRANSPORT_H
#define SFU_MEDIA_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rtp_ext.h"
#include "core/srtp.h"
#include "media/arrival_feedback.h"
#include "media/clock_map.h"
#include "media/deadline.h"
#include "media/departure.h"
#include "media/engine.h"
#include "media/ice.h"
#include "media/pacer.h"
#include "media/send_history.h"
#include "media/slot.h"
#include "media/ssrc_latch.h"
#include "media/trace.h"

enum {
    TRANSPORT_REPORT_US = 1000000,     // between SRs and RRs
    TRANSPORT_QUEUE_US = 1000000,      // the queue may hold what the pacing rate sends in this time
    TRANSPORT_DEFAULT_RTT_US = 100000, // until a receiver report tells
    // What a report may claim: less would have everything sent again at once, more nothing ever.
    TRANSPORT_MIN_RTT_US = 10000,
    TRANSPORT_MAX_RTT_US = 500000, // history is kept for twice as long
    TRANSPORT_PATH_HELD_US =
        10000000, // a path is its holder's for so long after a check: browsers check every 2.5 to 5 s
    TRANSPORT_NO_MAPPING = 0xFF,
    TRANSPORT_RTX_FLAG = 0x80,
    TRANSPORT_LOCAL_SSRC = 1, // sender of feedback that concerns no slot (libwebrtc's receivers use 1, too)
};

struct transport {
    uint32_t id;
    bool open;
    ice_lite ice;
    srtp_sender *sender; // NULL until DTLS is through
    srtp_receiver *receiver;
    bool secured;           // something authenticated has come
    uint64_t dtls_since_us; // begin of the window in which DTLS datagrams are counted
    uint16_t dtls_taken;    // in that window

    payload_mapping mappings[ENGINE_MAX_CODECS];
    uint8_t mapping_count;
    uint8_t mapping_of_type[128]; // index, with TRANSPORT_RTX_FLAG for its RTX type; TRANSPORT_NO_MAPPING
    uint8_t mapping_of_codec[ENGINE_MAX_CODECS];
    rtp_ext_map extensions;
    uint32_t send_extensions; // bits of kinds that this receiver takes

    // Receiving.
    source *tracks[ENGINE_MAX_TRACKS];
    uint8_t track_count;
    ssrc_latch latch;
    clock_map clock;            // of its publisher
    arrival_feedback *arrivals; // made with the first transport-wide number
    uint32_t feedback_ssrc;     // a media SSRC that the publisher uses

    // Sending.
    slot **slots; // by id; NULL where there is none
    uint16_t slot_limit;
    departure_queue queues[DEPARTURE_CLASSES];
    pacer pacing;
    send_history *history; // made with the first packet that carries a transport-wide number
    uint64_t rtt_us;       // as the peer claims; 0: unknown

    // Time and events.
    deadline timer;
    uint64_t report_us;  // when the next reports are due, UINT64_MAX while nothing flows
    uint32_t event_bits; // 1 << event_type
    bool event_queued;
    struct transport *event_next;
    bool listed;  // by the engine: ready to send, or stalled
    bool stalled; // its socket is blocked
    struct transport *listed_next;

    trace *tracing; // NULL: off

    transport_stats stats;
};

// Whether media may be sent: keys are there, consent is alive and the address has proven to be the participant's.
static inline bool transport_is_sendable(const transport *self) {
    return self->sender && ice_lite_is_proven(&self->ice);
}

static inline bool transport_sends(const transport *self, rtp_ext_kind kind) {
    return self->extensions.id_of_kind[kind] != 0 && (self->send_extensions >> kind & 1) != 0;
}

// The round trip to wait before something is asked for or sent again.
static inline uint64_t transport_rtt_us(const transport *self) {
    uint64_t rtt_us = self->rtt_us ? self->rtt_us : TRANSPORT_DEFAULT_RTT_US;
    if (rtt_us < TRANSPORT_MIN_RTT_US) return TRANSPORT_MIN_RTT_US;
    return rtt_us < TRANSPORT_MAX_RTT_US ? rtt_us : TRANSPORT_MAX_RTT_US;
}

static inline slot *transport_slot(const transport *self, uint16_t id) {
    return id < self->slot_limit ? self->slots[id] : NULL;
}

slot *transport_slot_by_ssrc(const transport *self, uint32_t ssrc);

uint32_t transport_queued_bytes(const transport *self);

#endif
