#include "media/clock_map.h"

void clock_stream_init(clock_stream *stream, uint32_t rate_hz) {
    *stream = (clock_stream){.rate = rate_hz};
}

// RTP time in microseconds, in parts so that nothing overflows in centuries. Time stamps may lie below 0, where the
// first packets came out of order.
static int64_t rtp_us(const clock_stream *stream, int64_t timestamp) {
    int64_t rate = stream->rate;
    return timestamp / rate * 1000000 + timestamp % rate * 1000000 / rate;
}

static int64_t extend(const clock_stream *stream, uint32_t timestamp) {
    return stream->newest + (int32_t)(timestamp - (uint32_t)stream->newest);
}

static const clock_segment *newest_segment(const clock_stream *stream) {
    return &stream->segments[(stream->segment_count - 1) % CLOCK_SEGMENTS];
}

static void begin_segment(clock_stream *stream, int64_t first, int64_t offset_us) {
    stream->segments[stream->segment_count++ % CLOCK_SEGMENTS] = (clock_segment){first, offset_us};
}

static int64_t drifted(int64_t least_us, uint64_t from_us, uint64_t to_us) {
    return to_us > from_us ? least_us + (int64_t)((to_us - from_us) * CLOCK_DRIFT_PPM / 1000000) : least_us;
}

// Leaves the time a fraction behind the least, so that it is not rounded away where packets come often.
static void note_least(int64_t *least_us, uint64_t *heard_us, uint64_t now_us, int64_t candidate_us) {
    int64_t limit_us = drifted(*least_us, *heard_us, now_us);
    if (candidate_us <= limit_us) {
        *least_us = candidate_us;
        *heard_us = now_us;
    } else if (limit_us > *least_us) {
        *least_us = limit_us;
        *heard_us = now_us;
    }
}

static bool is_reported(const clock_map *map, const clock_stream *stream) {
    return stream->report_epoch != 0 && stream->report_epoch == map->epoch;
}

static int64_t magnitude(int64_t value) {
    return value < 0 ? -value : value;
}

static int64_t clamp(int64_t value, int64_t bound) {
    return value > bound ? bound : value < -bound ? -bound : value;
}

static int64_t wanted_offset_us(const clock_map *map, const clock_stream *stream) {
    if (!is_reported(map, stream)) return stream->least_us;
    int64_t reported_us = stream->report_base_us + map->offset_us;
    return magnitude(reported_us - stream->least_us) < CLOCK_MAX_ERROR_US ? reported_us : stream->least_us;
}

// The stream as if this were its first packet.
static void start(clock_stream *stream, uint64_t arrival_us, uint32_t timestamp) {
    stream->started = true;
    stream->slewing = false;
    stream->report_epoch = 0;
    stream->newest = timestamp;
    stream->least_us = (int64_t)arrival_us - rtp_us(stream, timestamp);
    stream->heard_us = arrival_us;
    stream->segment_count = 0;
    begin_segment(stream, INT64_MIN, stream->least_us);
}

// A frame newer than all before: where the mapping is off, a part of that is put right.
static void begin_frame(const clock_map *map, clock_stream *stream, int64_t timestamp) {
    int64_t passed_us = rtp_us(stream, timestamp) - rtp_us(stream, stream->newest);
    int64_t offset_us = newest_segment(stream)->offset_us;
    int64_t error_us = wanted_offset_us(map, stream) - offset_us;
    stream->newest = timestamp;
    if (magnitude(error_us) < (stream->slewing ? CLOCK_SLEW_END_US : CLOCK_SLEW_BEGIN_US)) {
        stream->slewing = false;
        return;
    }
    stream->slewing = true;
    int64_t part_us = clamp(error_us, CLOCK_LATE_US);
    if (passed_us < CLOCK_SLEW_US) part_us = part_us * passed_us / CLOCK_SLEW_US;
    // Time may run at half its pace, or half as fast again, and so never backwards.
    begin_segment(stream, timestamp, offset_us + clamp(part_us, passed_us / 2));
}

static int64_t offset_at(const clock_stream *stream, int64_t timestamp) {
    uint32_t kept = stream->segment_count < CLOCK_SEGMENTS ? stream->segment_count : CLOCK_SEGMENTS;
    const clock_segment *segment = newest_segment(stream);
    for (uint32_t back = 1; back < kept && segment->first > timestamp; back++)
        segment = &stream->segments[(stream->segment_count - 1 - back) % CLOCK_SEGMENTS];
    return segment->offset_us;
}

static clock_reading reading_at(const clock_stream *stream, int64_t timestamp) {
    int64_t offset_us = offset_at(stream, timestamp);
    int64_t capture_us = rtp_us(stream, timestamp) + offset_us;
    // Of the offset, not of the sum: so the distance to the source's own time stamps is the same for all of a segment.
    uint32_t offset_ticks = offset_us < 0 ? 0 - clock_ticks((uint64_t)-offset_us, stream->rate)
                                          : clock_ticks((uint64_t)offset_us, stream->rate);
    return (clock_reading){
        .capture_us = capture_us > 0 ? (uint64_t)capture_us : 0,
        .ticks = (uint32_t)timestamp + offset_ticks,
    };
}

// Whether that time stamp goes on from the ones before. One that has been jumped to has another origin.
static bool is_plausible(const clock_stream *stream, uint64_t arrival_us, int64_t timestamp) {
    int64_t late_us = (int64_t)arrival_us - rtp_us(stream, timestamp) - newest_segment(stream)->offset_us;
    return late_us > -CLOCK_EARLY_US && late_us < CLOCK_LATE_US;
}

clock_reading clock_map_on_packet(clock_map *map, clock_stream *stream, uint64_t arrival_us, uint32_t timestamp,
                                  bool recovered) {
    int64_t at = extend(stream, timestamp);
    if (!stream->started || !is_plausible(stream, arrival_us, at)) {
        if (stream->started && recovered) return reading_at(stream, at);
        start(stream, arrival_us, timestamp);
        at = timestamp;
    }
    int64_t delay_us = (int64_t)arrival_us - rtp_us(stream, at);
    note_least(&stream->least_us, &stream->heard_us, arrival_us, delay_us);
    if (is_reported(map, stream))
        note_least(&map->offset_us, &map->heard_us, arrival_us, delay_us - stream->report_base_us);
    if (at > stream->newest) begin_frame(map, stream, at);
    return reading_at(stream, at);
}

// The publisher's NTP clock has been set, or this is the first word of it. Streams go by their own least delay until
// they report anew.
static void begin_epoch(clock_map *map, const clock_stream *stream) {
    map->epoch++;
    map->offset_us = stream->least_us - stream->report_base_us;
    map->heard_us = stream->heard_us;
}

void clock_map_on_report(clock_map *map, clock_stream *stream, uint64_t arrival_us, ntp64 ntp, uint32_t timestamp) {
    if (!stream->started) return;
    int64_t ntp_us = (int64_t)ntp_to_us(ntp);
    int64_t delay_us = (int64_t)arrival_us - ntp_us;
    int64_t base_us = ntp_us - rtp_us(stream, extend(stream, timestamp));
    bool known = is_reported(map, stream);
    bool ntp_set = map->epoch == 0 || magnitude(delay_us - map->report_delay_us) > CLOCK_STEP_US;
    bool rtp_set = known && magnitude(base_us - stream->report_base_us) > CLOCK_STEP_US;
    map->report_delay_us = delay_us;
    stream->report_base_us = base_us;
    if (ntp_set) {
        begin_epoch(map, stream);
    } else if (rtp_set) { // time stamps stood still, or jumped: arrivals from before say nothing any more
        stream->least_us = base_us + map->offset_us;
        stream->heard_us = arrival_us;
    } else if (!known && stream->least_us - base_us < map->offset_us) {
        map->offset_us = stream->least_us - base_us;
        map->heard_us = stream->heard_us;
    }
    stream->report_epoch = map->epoch;
}

bool clock_map_shift(const clock_map *map, ntp64 *ntp) {
    if (map->epoch == 0) return false;
    int64_t us = (int64_t)ntp_to_us(*ntp) + map->offset_us;
    *ntp = ntp_from_us(us > 0 ? (uint64_t)us : 0);
    return true;
}
