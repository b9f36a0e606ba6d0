// One worker of the media plane without its I/O: datagrams, hand-offs, commands and time go in; messages to send,
// events and the next deadline come out. It reads no clock, draws no randomness of its own and makes no system call, so
// that several engines and their clients run in one thread, in virtual time, and any run replays from its seed.
//
// The two stages (native/DESIGN.md): *accept* is reached from engine_on_*: it authenticates, stores, fans out and
// appends departures, and never encrypts. *Depart* is engine_poll: it grants bytes, builds headers and encrypts.
#ifndef SFU_MEDIA_ENGINE_H
#define SFU_MEDIA_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rtp_ext.h"
#include "core/srtp.h"
#include "media/ice.h"
#include "media/stats.h"
#include "media/trace.h"

typedef struct engine engine;
typedef struct handoff handoff;

enum {
    ENGINE_MAX_ENGINES = 64,
    ENGINE_MAX_CODECS = 8,        // codecs known to a room: (name, fmtp) pairs, numbered by the control plane
    ENGINE_MAX_LAYERS = 3,        // simulcast layers of a track
    ENGINE_MAX_SLOTS = 256,       // of one transport
    ENGINE_MAX_TRACKS = 16,       // published by one transport
    ENGINE_MAX_DATAGRAM = 1500,   // longest datagram accepted
    ENGINE_MAX_RUN = 64,          // segments of one message: the kernel's UDP_MAX_SEGMENTS
    ENGINE_MAX_RUN_BYTES = 63000, // UDP payload of one message
    ENGINE_TURN_PACKETS = 256,    // packets made in one engine_poll, about 200 µs of work
    ENGINE_MAX_TRACES = 16,       // transports traced at a time
    ENGINE_MAX_SOCKETS = 64,      // ice_path.local below this may be blocked
    ENGINE_NO_SOURCE = 0,
};

typedef struct engine_config {
    uint8_t index; // of this engine, below the hand-off's engine count
    uint32_t max_transports;
    uint32_t packets;           // bodies in the pool: memory is about 1.7 kB each
    uint32_t max_payload_bytes; // UDP payload that is ever sent: 1232 suits every IPv6 path
    uint64_t pacing_bps;        // of a new transport
    uint64_t seed[2];           // keys the address table's hash, RTP sequence starts and the like
} engine_config;

// `links` joins this engine to its peers and must outlive it; NULL for an engine on its own. NULL: no memory, or a
// value out of range.
engine *engine_create(const engine_config *config, handoff *links);
// Closes every transport and lets go of every packet. Engines that share a hand-off are all shut down first, then take
// what the others sent back (engine_on_handoff) until nothing is under way, and only then are destroyed.
void engine_shut_down(engine *self, uint64_t now_us);
void engine_destroy(engine *self);

// ---- in ----

typedef struct datagram {
    const uint8_t *bytes;
    uint32_t length;
    ice_path path;       // socket it came in on, and from whom
    uint64_t arrival_us; // kernel's time stamp on the engine's clock, at most `now_us`
} datagram;

void engine_on_datagrams(engine *self, uint64_t now_us, const datagram *batch, size_t count);

// A TCP connection is over: nothing is sent to its path any more.
void engine_on_path_closed(engine *self, uint64_t now_us, const ice_path *path);
// Whether a check has validated the path for some transport.
bool engine_knows_path(const engine *self, const ice_path *path);

// A socket (`local` below ENGINE_MAX_SOCKETS) takes no more, and then does again. In between what is to go out by it
// stays in the queues, as departures, while the others go on; STUN answers and DTLS are still handed out.
void engine_on_blocked(engine *self, uint32_t local);
void engine_on_writable(engine *self, uint32_t local);

// The kernel refused (`error`, an errno) so many datagrams of a message: only that receiver is charged. Its pacer has
// paid for them and gets nothing back; loss is for the receiver to find.
void engine_on_refused(engine *self, uint64_t now_us, uint32_t transport, uint32_t datagrams, int error);

// Takes what other engines have put into this one's rings.
void engine_on_handoff(engine *self, uint64_t now_us);

// ---- commands of the control plane ----

typedef enum command_type {
    COMMAND_NONE = 0, // refused
    COMMAND_TRANSPORT_OPEN,
    COMMAND_TRANSPORT_RESTART,  // ICE restart: new credentials
    COMMAND_TRANSPORT_KEYS,     // DTLS is through: SRTP keys of both directions
    COMMAND_TRANSPORT_DTLS,     // one DTLS record flight datagram to send
    COMMAND_TRANSPORT_PAYLOADS, // payload types and header extensions, from the answer
    COMMAND_TRANSPORT_PACING,
    COMMAND_TRANSPORT_CLOSE,
    COMMAND_TRACK_ADD,
    COMMAND_TRACK_REMOVE,
    COMMAND_SLOT_ADD,
    COMMAND_SLOT_SOURCE,
    COMMAND_TRANSPORT_TRACE,
} command_type;

typedef enum media_kind { MEDIA_AUDIO = 0, MEDIA_VIDEO = 1 } media_kind;

typedef struct payload_mapping {
    uint8_t payload_type;
    uint8_t rtx_payload_type; // 0: none
    uint8_t codec;            // below ENGINE_MAX_CODECS
    uint8_t envelope;         // codec_envelope
    uint32_t clock_rate;
} payload_mapping;

// How the server tells a key frame, from the clear bytes only (E2EE: one envelope per codec).
typedef enum codec_envelope {
    ENVELOPE_OPAQUE = 0, // audio
    ENVELOPE_VP8,        // payload descriptor, then 0x10 key or 0x11 delta
    ENVELOPE_VP9,        // payload descriptor: not inter-predicted, begins a frame
    ENVELOPE_H264,       // a NAL of type 5 or 7, also in STAP-A and FU-A
    ENVELOPE_AV1,        // aggregation header with N set
} codec_envelope;

typedef struct command {
    command_type type;
    uint32_t transport; // below max_transports; chosen by the caller, free again after EVENT_TRANSPORT_CLOSED
    union {
        struct {
            ice_credentials local;
            ice_credentials remote;
        } ice; // OPEN, RESTART
        struct {
            srtp_profile profile;
            uint8_t local_key[SRTP_MAX_KEY_BYTES], local_salt[SRTP_MAX_SALT_BYTES];   // what the server protects with
            uint8_t remote_key[SRTP_MAX_KEY_BYTES], remote_salt[SRTP_MAX_SALT_BYTES]; // what it opens with
        } keys;
        struct {
            uint16_t length;
            uint8_t bytes[ENGINE_MAX_DATAGRAM];
        } dtls;
        struct {
            uint8_t count;
            payload_mapping mappings[ENGINE_MAX_CODECS];
            uint8_t extension_ids[RTP_EXT_KINDS]; // 0: not negotiated
            uint32_t send_extensions;             // bit (1 << kind): may be sent to this receiver
        } payloads;
        struct {
            uint64_t bps;
        } pacing;
        struct {
            trace_mode mode;
        } trace;
        struct {
            // Id, unique among all engines and never used again, rising on each engine; not ENGINE_NO_SOURCE. A slot of
            // another engine may be filled with it before this command has come.
            uint32_t source;
            media_kind kind;
            char mid[17];                      // terminated
            uint8_t layer_count;               // 1 without simulcast
            char rids[ENGINE_MAX_LAYERS][17];  // in ascending quality; empty strings without simulcast
            uint32_t ssrcs[ENGINE_MAX_LAYERS]; // where the offer names them, else 0: learnt from mid and rid
            uint32_t rtx_ssrcs[ENGINE_MAX_LAYERS];
        } track;
        struct {
            uint32_t source; // TRACK_REMOVE
        } untrack;
        struct {
            uint16_t slot; // below ENGINE_MAX_SLOTS
            media_kind kind;
            uint32_t ssrc;
            uint32_t rtx_ssrc; // 0: none (audio)
            char cname[32];    // terminated
        } slot;
        struct {
            uint16_t slot;
            uint32_t source; // or ENGINE_NO_SOURCE
            uint8_t home;    // engine of the source's publisher
            uint8_t layer;   // highest that is wanted, below ENGINE_MAX_LAYERS
        } fill;
    };
} command;

// 0; -EINVAL: a value out of range; -ENOENT: no such transport, slot or track; -EEXIST: it is there already; -ENOMEM;
// -EKEYREJECTED. A refused command changes nothing.
int engine_on_command(engine *self, uint64_t now_us, const command *command);

// ---- out ----

// One message: `length` bytes to `path`; where segment_bytes is less, the kernel cuts it (UDP_SEGMENT) into datagrams
// of that size.
typedef struct transmit {
    const uint8_t *bytes; // valid until the next engine_poll
    uint32_t length;
    uint16_t segment_bytes;
    uint16_t segments;
    uint32_t transport;
    bool droppable; // video: what a blocked connection gives up first
    ice_path path;
} transmit;

// Fills at most `capacity` messages and returns how many; call again until 0. Work in one call is bounded
// (ENGINE_TURN_PACKETS), audio comes first and receivers rotate.
size_t engine_poll(engine *self, uint64_t now_us, transmit *messages, size_t capacity);

// When engine_poll is to be called even if nothing comes in. UINT64_MAX: never; `now_us` or less: at once.
uint64_t engine_next_deadline_us(const engine *self);

// The engines, as bits, into whose rings this one has put something since the last call: they are to be woken.
uint64_t engine_take_wakeups(engine *self);

// ---- events to the control plane ----

typedef enum event_type {
    EVENT_NONE = 0,
    EVENT_TRANSPORT_CONNECTED,    // a valid ICE check, the first or the first since consent expired
    EVENT_TRANSPORT_DISCONNECTED, // consent expired
    EVENT_TRANSPORT_PATH,         // sending goes to another address now
    EVENT_TRANSPORT_SECURED,      // the first authenticated SRTP or SRTCP packet
    EVENT_TRANSPORT_CLOSED,       // its number is free
    EVENT_TRANSPORT_DTLS,         // a DTLS datagram, only from validated addresses
    EVENT_SLOT_FILLED,            // the slot now carries that layer of a source (its key frame has come), or none
    EVENT_AUDIO_LEVEL,            // how loud a source of the transport is now; 127: it has fallen silent
    EVENT_TRANSPORT_TRACE,        // records of media/trace.h, only from engine_next_trace
} event_type;

typedef struct event {
    event_type type;
    uint32_t transport;
    uint16_t slot;   // SLOT_FILLED
    uint32_t source; // SLOT_FILLED, AUDIO_LEVEL
    uint8_t layer;   // SLOT_FILLED
    uint8_t level;   // AUDIO_LEVEL: -dBov, smoothed (RFC 6464)
    ice_path path;   // PATH, CONNECTED
    uint16_t length; // DTLS, TRACE
    uint8_t bytes[ENGINE_MAX_DATAGRAM];
} event;

// The next event. False when there is none. State is never lost: what happened twice before it was read is told once,
// the last way it is. DTLS datagrams are queued up to a bound and then dropped: DTLS sends again.
bool engine_next_event(engine *self, event *event);
// The next batch of records of a transport that is traced. False when there is none. Who has no room for it leaves it:
// what then finds a full ring is counted in the trace.
bool engine_next_trace(engine *self, event *event);

const engine_stats *engine_get_stats(const engine *self);
// 0 or -ENOENT.
int engine_get_transport_stats(const engine *self, uint32_t transport, transport_stats *stats);

#endif
