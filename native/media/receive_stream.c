#include "media/receive_stream.h"

enum {
    WINDOW = RECEIVE_STREAM_WINDOW,
    MAX_TRANSIT_JUMP_S = 5, // libwebrtc too ignores a larger step: the source set its time stamps anew
};

void receive_stream_init(receive_stream *stream, uint32_t ssrc, uint32_t clock_rate) {
    *stream = (receive_stream){.ssrc = ssrc, .clock_rate = clock_rate};
}

static void window_put(receive_stream *stream, seq64 sequence, bool seen) {
    uint64_t bit = UINT64_C(1) << (sequence & 63);
    uint64_t *word = &stream->seen[(sequence & (WINDOW - 1)) >> 6];
    *word = seen ? *word | bit : *word & ~bit;
}

// False for a number that has been counted or is too old to tell.
static bool window_add(receive_stream *stream, seq64 sequence) {
    if (sequence > stream->highest) {
        seq64 from = sequence - stream->highest < WINDOW ? stream->highest + 1 : sequence - WINDOW + 1;
        for (seq64 n = from; n < sequence; n++)
            window_put(stream, n, false);
        stream->highest = sequence;
    } else {
        if (stream->highest - sequence >= WINDOW) return false;
        if (stream->seen[(sequence & (WINDOW - 1)) >> 6] >> (sequence & 63) & 1) return false;
    }
    window_put(stream, sequence, true);
    return true;
}

// RFC 3550 A.8.
static void update_jitter(receive_stream *stream, uint64_t arrival_us, uint32_t timestamp) {
    uint64_t rate = stream->clock_rate;
    uint32_t arrival = (uint32_t)(arrival_us / 1000000 * rate + arrival_us % 1000000 * rate / 1000000);
    uint32_t transit = arrival - timestamp;
    uint32_t step = transit - stream->transit;
    if (step > UINT32_MAX / 2) step = -step;
    if (stream->has_transit && step <= MAX_TRANSIT_JUMP_S * rate)
        stream->jitter_16 += step - ((stream->jitter_16 + 8) >> 4);
    stream->transit = transit;
    stream->has_transit = true;
}

void receive_stream_on_packet(receive_stream *stream, uint64_t arrival_us, seq64 sequence, uint32_t timestamp,
                              bool recovered) {
    if (!stream->started) {
        stream->started = true;
        stream->base = sequence;
        stream->highest = sequence - 1;
    }
    if (!window_add(stream, sequence)) return;
    stream->received++;
    if (!recovered) update_jitter(stream, arrival_us, timestamp);
}

void receive_stream_on_sender_report(receive_stream *stream, uint64_t arrival_us, const rtcp_sender_info *sender) {
    stream->has_sr = true;
    stream->sr_ntp = sender->ntp;
    stream->sr_rtp_timestamp = sender->rtp_timestamp;
    stream->sr_arrival_us = arrival_us;
}

// Into 24 bits. Below zero it is by what overtook the first packet, less than the window.
static int32_t cumulative_lost(uint64_t expected, uint64_t received) {
    int64_t lost = (int64_t)expected - (int64_t)received;
    return lost > 0x7FFFFF ? 0x7FFFFF : (int32_t)lost;
}

// 1/65536 s. An SR of 18 hours ago would wrap to a recent one.
static uint32_t delay_since(uint64_t then_us, uint64_t now_us) {
    if (now_us <= then_us) return 0;
    uint64_t delay_us = now_us - then_us;
    return delay_us / 1000000 > 0xFFFF ? UINT32_MAX : ntp_compact_from_us(delay_us);
}

bool receive_stream_report(receive_stream *stream, uint64_t now_us, rtcp_report_block *block) {
    if (!stream->started) return false;
    // RFC 3550 A.3.
    uint64_t expected = (uint64_t)(stream->highest - stream->base + 1);
    uint64_t expected_interval = expected - stream->expected_prior;
    uint64_t received_interval = stream->received - stream->received_prior;
    stream->expected_prior = expected;
    stream->received_prior = stream->received;

    uint64_t lost_interval = expected_interval > received_interval ? expected_interval - received_interval : 0;
    *block = (rtcp_report_block){
        .ssrc = stream->ssrc,
        .fraction_lost = lost_interval ? (uint8_t)((lost_interval << 8) / expected_interval) : 0,
        .cumulative_lost = cumulative_lost(expected, stream->received),
        .highest_sequence = (uint32_t)stream->highest,
        .jitter = stream->jitter_16 >> 4,
        .last_sr = stream->has_sr ? ntp_compact(stream->sr_ntp) : 0,
        .delay_since_sr = stream->has_sr ? delay_since(stream->sr_arrival_us, now_us) : 0,
    };
    return true;
}
