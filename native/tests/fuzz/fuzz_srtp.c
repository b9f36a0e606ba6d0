// What this proves, for all three profiles, in place and out of place:
// - no bytes from the wire, as RTP or RTCP, open unless the sender made them: each packet that opens is, bit for bit,
// one
//   that the sender protected, it opens once, and it yields what was protected, with the index it was protected under;
// - of each packet that fails nothing is left but zeros and what came from the wire, and it moves nothing: every packet
//   that the sender made opens afterwards, be it kept back until then, as long as it is within the window;
// - nothing is read or written out of bounds by instrumented code (the cipher library's assembly is not; what it is
// given
//   are heap blocks of the exact size).
// The input is a script: of packets to send, to mutate, to keep back, to repeat, and of bytes to be taken as they are.
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cursor.h"
#include "core/rtp.h"
#include "core/srtp.h"

enum { MAX_PACKETS = 64, MAX_PLAIN = 300, MAX_WIRE = MAX_PLAIN + SRTCP_MAX_OVERHEAD, SSRCS = 3, STEPS = 200 };

typedef struct sent {
    bool rtcp;
    bool opened;
    seq64 index;
    uint32_t ssrc;
    uint8_t plain[MAX_PLAIN];
    size_t plain_length;
    uint8_t wire[MAX_WIRE];
    size_t wire_length;
} sent;

typedef struct harness {
    srtp_sender *sender;
    srtp_receiver *receiver;
    cursor script;
    bool in_place;
    seq64 next_index[SSRCS];
    seq64 highest[SSRCS]; // opened by the receiver; -1 before the first
    sent packets[MAX_PACKETS];
    size_t count;
} harness;

static void require(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "fuzz_srtp: %s\n", what);
    abort();
}

static sent *find(harness *h, bool rtcp, const uint8_t *wire, size_t length) {
    for (size_t i = 0; i < h->count; i++) {
        sent *p = &h->packets[i];
        if (p->rtcp == rtcp && p->wire_length == length && memcmp(p->wire, wire, length) == 0) return p;
    }
    return NULL;
}

// A sent packet has to open if it is new and not older than the window; if it is older, it must not.
static bool must_open(const harness *h, const sent *p) {
    if (!p || p->opened) return false;
    return p->rtcp || p->index > h->highest[p->ssrc] - 1024;
}

static void deliver_rtp(harness *h, const uint8_t *wire, size_t length) {
    sent *p = find(h, false, wire, length);
    bool expected = must_open(h, p);
    uint8_t *input = malloc(length ? length : 1);
    uint8_t *output = h->in_place ? input : malloc(length ? length : 1);
    require(input && output, "out of memory");
    if (!h->in_place) memset(output, 0, length);
    if (length) memcpy(input, wire, length);
    srtp_incoming in = {.input = input, .length = length, .output = output, .status = 1};
    size_t done = srtp_unprotect(h->receiver, &in, 1);
    require(done == (in.status == 0), "count and status disagree");
    require((in.status == 0) == expected,
            expected ? "a sent packet did not open" : "a forged or repeated packet opened");
    if (in.status == 0) {
        require(in.index == p->index, "wrong index");
        require(in.output_length == p->plain_length && memcmp(output, p->plain, p->plain_length) == 0,
                "wrong plaintext");
        require(in.header.payload_offset + in.header.payload_length + in.header.padding_length == (int)p->plain_length,
                "header does not fit the packet");
        p->opened = true;
        if (p->index > h->highest[p->ssrc]) h->highest[p->ssrc] = p->index;
    } else {
        require(in.output_length == 0, "output of a failed packet");
        for (size_t i = 0; i < length; i++)
            require(!output[i] || (h->in_place && output[i] == wire[i]), "something left of a failed packet");
    }
    if (!h->in_place) free(output);
    free(input);
}

static void deliver_rtcp(harness *h, const uint8_t *wire, size_t length) {
    sent *p = find(h, true, wire, length);
    bool expected = must_open(h, p);
    uint8_t *packet = malloc(length ? length : 1);
    require(packet, "out of memory");
    if (length) memcpy(packet, wire, length);
    int status = srtcp_unprotect(h->receiver, packet, length);
    require((status >= 0) == expected, expected ? "sent RTCP did not open" : "forged or repeated RTCP opened");
    if (status >= 0) {
        require((size_t)status == p->plain_length && memcmp(packet, p->plain, p->plain_length) == 0, "wrong RTCP");
        p->opened = true;
    } else {
        for (size_t i = 0; i < length; i++)
            require(!packet[i] || packet[i] == wire[i], "something left of failed RTCP");
    }
    free(packet);
}

static void deliver(harness *h, bool rtcp, const uint8_t *wire, size_t length) {
    if (rtcp)
        deliver_rtcp(h, wire, length);
    else
        deliver_rtp(h, wire, length);
}

// The payload is never padded: bad padding in an authentic packet is a case of test_srtp.py.
static sent *send_rtp(harness *h) {
    sent *p = &h->packets[h->count];
    uint8_t shape = cursor_u8(&h->script);
    p->rtcp = false;
    p->ssrc = shape % SSRCS;
    seq64 step = shape & 0x40 ? 1 + cursor_u16(&h->script) % 0x7000 : 1;
    // The receiver learns of a turn from the packets it opens: none may be further ahead of them than half a turn.
    seq64 reference = h->highest[p->ssrc];
    if (reference < 0 && h->next_index[p->ssrc] + step > 0xFFFF) step = 1;
    if (reference < 0 && h->next_index[p->ssrc] + step > 0xFFFF) return NULL;
    if (reference >= 0 && h->next_index[p->ssrc] + step - reference >= 0x8000) step = 1;
    if (reference >= 0 && h->next_index[p->ssrc] + step - reference >= 0x8000) return NULL;
    p->index = h->next_index[p->ssrc] += step;
    rtp_header header = {
        .has_extension = shape >> 7, .payload_type = 96, .sequence = seq64_wire(p->index), .ssrc = p->ssrc};
    writer w = writer_over(p->plain, sizeof p->plain);
    rtp_write_header(&w, &header);
    if (header.has_extension) {
        writer_u32(&w, 0xBEDE0001);
        writer_u32(&w, 0x10550000);
    }
    size_t header_length = writer_length(&w);
    size_t length = cursor_u8(&h->script);
    writer_zeros(&w, length);
    for (size_t i = 0; i < length; i++)
        p->plain[header_length + i] = (uint8_t)(i * 7 + (size_t)p->index);
    p->plain_length = writer_length(&w);
    size_t prefix = length < CIPHER_MAX_PREFIX ? length : shape >> 3 & 7;
    memcpy(p->wire, p->plain, header_length);
    srtp_outgoing out = {.stream = srtp_sender_stream(h->sender, p->ssrc),
                         .index = p->index,
                         .header_length = header_length,
                         .text = {.prefix = p->plain + header_length,
                                  .prefix_length = prefix,
                                  .body = p->plain + header_length + prefix,
                                  .body_length = length - prefix},
                         .output = p->wire};
    require(srtp_protect(h->sender, &out, 1) == 1, "a fresh index was refused");
    p->wire_length = out.output_length;
    require(p->wire_length == p->plain_length + srtp_sender_overhead(h->sender), "wrong length");
    srtp_outgoing again = out;
    uint8_t scratch[MAX_WIRE];
    again.output = scratch;
    require(srtp_protect(h->sender, &again, 1) == 0 && again.status == -EALREADY, "an index was used twice");
    return p;
}

static sent *send_rtcp(harness *h) {
    sent *p = &h->packets[h->count];
    uint8_t shape = cursor_u8(&h->script);
    p->rtcp = true;
    p->ssrc = shape % SSRCS;
    writer w = writer_over(p->plain, sizeof p->plain);
    writer_u32(&w, 0x80C90000U | shape);
    writer_u32(&w, p->ssrc);
    writer_zeros(&w, shape);
    p->plain_length = writer_length(&w);
    memcpy(p->wire, p->plain, p->plain_length);
    int length = srtcp_protect(h->sender, p->wire, p->plain_length, sizeof p->wire);
    require(length > 0, "RTCP was not protected");
    p->wire_length = (size_t)length;
    return p;
}

// A packet with one to three bytes changed, or cut, or grown.
static void deliver_mutated(harness *h, const sent *p) {
    uint8_t wire[MAX_WIRE + 8] = {0};
    memcpy(wire, p->wire, p->wire_length);
    size_t length = p->wire_length;
    uint8_t how = cursor_u8(&h->script);
    for (unsigned i = 0; i <= how % 3U; i++)
        wire[cursor_u16(&h->script) % length] ^= cursor_u8(&h->script);
    if (how & 0x40) length -= cursor_u8(&h->script) % (length + 1);
    if (how & 0x80) length += cursor_u8(&h->script) % 8;
    bool as_rtcp = how & 0x20 ? !p->rtcp : p->rtcp;
    deliver(h, as_rtcp, wire, length);
}

static void step(harness *h) {
    uint8_t op = cursor_u8(&h->script);
    switch (op & 7) {
    case 0:
    case 1:
    case 2: { // send; keep back if bit 3 is set
        if (h->count == MAX_PACKETS) break;
        sent *p = op & 0x10 ? send_rtcp(h) : send_rtp(h);
        if (!p) break;
        p->opened = false;
        h->count++;
        bool first = !p->rtcp && h->highest[p->ssrc] < 0; // the first of a stream tells the receiver its turn
        if (first || !(op & 8)) deliver(h, p->rtcp, p->wire, p->wire_length);
        break;
    }
    case 3: // a kept-back packet, or one again
        if (h->count) {
            const sent *p = &h->packets[cursor_u8(&h->script) % h->count];
            deliver(h, p->rtcp, p->wire, p->wire_length);
        }
        break;
    case 4:
    case 5:
        if (h->count) deliver_mutated(h, &h->packets[cursor_u8(&h->script) % h->count]);
        break;
    default: { // bytes as they are
        size_t length = cursor_u8(&h->script);
        if (length > cursor_left(&h->script)) length = cursor_left(&h->script);
        const uint8_t *bytes = cursor_bytes(&h->script, length);
        if (bytes) deliver(h, op & 8, bytes, length);
    }
    }
}

// Each input has a key of its own (FNV-1a). With one key for all, libFuzzer watches the comparisons, learns a packet
// that one input had protected, and "forges" it in another.
static void write_hash(uint8_t *output, const uint8_t *data, size_t size) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * UINT64_C(0x100000001B3);
    writer w = writer_over(output, sizeof hash);
    writer_u64(&w, hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const srtp_profile profiles[] = {SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM};
    uint8_t key[SRTP_MAX_KEY_BYTES] = {1, 2, 3}, salt[SRTP_MAX_SALT_BYTES] = {4, 5, 6};
    write_hash(key, data, size);
    harness *h = calloc(1, sizeof *h);
    require(h, "out of memory");
    h->script = cursor_over(data, size);
    uint8_t setup = cursor_u8(&h->script);
    srtp_profile profile = profiles[setup % 3];
    h->in_place = setup & 0x80;
    h->sender = srtp_sender_create(profile, key, salt);
    h->receiver = srtp_receiver_create(profile, key, salt);
    require(h->sender && h->receiver, "out of memory");
    for (size_t i = 0; i < SSRCS; i++) {
        h->next_index[i] = setup & 0x40 ? 65500 : cursor_u16(&h->script) % 65000;
        h->highest[i] = -1;
    }
    for (int i = 0; i < STEPS && cursor_left(&h->script); i++)
        step(h);
    // Whatever came before, what is kept back still opens, and what was opened does not.
    for (size_t i = 0; i < h->count; i++)
        deliver(h, h->packets[i].rtcp, h->packets[i].wire, h->packets[i].wire_length);
    srtp_sender_destroy(h->sender);
    srtp_receiver_destroy(h->receiver);
    free(h);
    return 0;
}
