// What this proves of twcc_write, for any arrivals, base and capacity:
// - it writes nothing past the capacity (a heap block of that size), and nothing at all unless it takes an arrival;
// - what it writes is one packet that twcc_parse takes, with the arrivals taken, to a delta's unit, and no others;
// - it takes as many as fit: with one more, and all the room there is, the message does not fit the capacity, or that
//   one never can be in the message;
// - calling it again for what is left comes to an end, with every arrival reported once.
// The input is a capacity, a base and a time, then gaps and deltas.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rtcp.h"
#include "core/rtcp_twcc.h"

enum { MAX_ARRIVALS = 128, ROOM_BYTES = 1 << 16, FIXED_BYTES = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "fuzz_rtcp_twcc: %s\n", what);
    abort();
}

static void *allocate(size_t length) {
    void *block = malloc(length ? length : 1);
    require(block, "out of memory");
    return block;
}

static void check_message(const uint8_t *message, size_t length, seq64 base, const twcc_arrival *arrivals,
                          size_t taken) {
    const int64_t turn_us = (int64_t)TWCC_REFERENCE_US << 24;
    cursor c = cursor_over(message, length);
    rtcp_packet packet;
    twcc_feedback feedback;
    require(rtcp_next(&c, &packet) == 1 && cursor_left(&c) == 0, "not one packet");
    require(twcc_parse(&feedback, &packet) == 0, "written feedback refused");
    require(feedback.base_sequence == seq64_wire(base), "base differs");
    require(feedback.status_count == arrivals[taken - 1].sequence - base + 1, "status count differs");
    twcc_status *statuses = allocate(feedback.status_count * sizeof *statuses);
    require(twcc_statuses(&feedback, statuses, feedback.status_count) == feedback.status_count, "statuses missing");
    size_t next = 0;
    for (size_t i = 0; i < feedback.status_count; i++) {
        bool arrived = arrivals[next].sequence == base + (seq64)i;
        require(statuses[i].received == arrived, "fate differs");
        if (!arrived) continue;
        // The time of the wire is 24 bits of 64 ms: it is the same but for whole turns of that.
        int64_t error_us = ((int64_t)arrivals[next].arrival_us - statuses[i].arrival_us) % turn_us;
        if (error_us < 0) error_us += turn_us;
        require(error_us < TWCC_DELTA_US, "arrival time differs");
        next++;
    }
    require(next == taken, "arrivals left out");
    free(statuses);
}

// One message. Returns how many were taken.
static size_t write_one(size_t capacity, seq64 base, const twcc_arrival *arrivals, size_t count) {
    uint8_t *output = allocate(capacity);
    writer w = writer_over(output, capacity);
    size_t taken = twcc_write(&w, 1, 2, 3, base, arrivals, count);
    require(writer_ok(&w), "writer failed");
    require(taken <= count && (taken > 0) == (writer_length(&w) > 0), "taken and written disagree");
    if (taken > 0) check_message(output, writer_length(&w), base, arrivals, taken);
    free(output);
    if (taken < count) {
        uint8_t *room = allocate(ROOM_BYTES);
        writer larger = writer_over(room, ROOM_BYTES);
        size_t possible = twcc_write(&larger, 1, 2, 3, base, arrivals, taken + 1);
        require(possible == taken || writer_length(&larger) > capacity, "one more would have fitted");
        free(room);
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    cursor script = cursor_over(bytes, length);
    size_t capacity = cursor_u16(&script) % 2048;
    seq64 base = (seq64)cursor_u32(&script) - INT32_MAX;
    uint64_t now_us = cursor_u64(&script) >> 8; // over 2,000 years
    twcc_arrival *arrivals = allocate(MAX_ARRIVALS * sizeof *arrivals);
    size_t count = 0;
    seq64 sequence = base;
    while (count < MAX_ARRIVALS && cursor_left(&script) >= 3) {
        uint8_t kind = cursor_u8(&script);
        int64_t delta_us = (int16_t)cursor_u16(&script);
        if (kind & 0x80) delta_us *= TWCC_DELTA_US;
        // Rarely: a message over a gap like that has thousands of statuses to check.
        if ((kind & 0x78) == 0x40) sequence += (seq64)cursor_u16(&script) % (TWCC_MAX_STATUSES + 8);
        sequence += kind & 7;
        if (delta_us < 0 && (uint64_t)-delta_us > now_us) delta_us = 0;
        now_us += (uint64_t)delta_us;
        arrivals[count++] = (twcc_arrival){.sequence = sequence++, .arrival_us = now_us};
    }

    (void)write_one(capacity, base, arrivals, count);
    for (size_t done = 0; done < count;) {
        // From the arrival itself on, one always fits.
        size_t taken = write_one(capacity < FIXED_BYTES ? FIXED_BYTES : capacity, arrivals[done].sequence,
                                 arrivals + done, count - done);
        require(taken > 0, "no room for a single arrival");
        done += taken;
    }
    free(arrivals);
    return 0;
}
