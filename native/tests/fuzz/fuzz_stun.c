// Proves of stun_parse, for any bytes: it reads nothing outside them (AddressSanitizer); it answers 0 or -EBADMSG; what
// it accepts is a Binding message whose every pointer leads into the bytes and whose every value is in its range; no
// message verifies under a key that it was not signed with; no name is taken from behind the signature; and what is
// rebuilt from an accepted message parses to the same values and verifies under its key and no other.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/crc32.h"
#include "core/cursor.h"
#include "core/stun.h"

// In no seed, so a message that verifies under it was forged.
static const uint8_t KEY[] = "a key that no seed is signed with";
static const uint8_t OTHER_KEY[] = "another";

static void demand(bool holds) {
    if (!holds) abort();
}

static bool lies_within(const stun_message *m, const uint8_t *at, size_t length) {
    return at >= m->bytes && at <= m->bytes + m->length && length <= (size_t)(m->bytes + m->length - at);
}

static void check_values(const stun_message *m, const uint8_t *data, size_t size) {
    demand(m->bytes == data && m->length == size && size >= 20 && size % 4 == 0 && size <= STUN_MAX_BYTES);
    demand(m->type == STUN_BINDING_REQUEST || m->type == STUN_BINDING_INDICATION || m->type == STUN_BINDING_SUCCESS ||
           m->type == STUN_BINDING_ERROR);
    demand(m->transaction_id == data + 8);
    demand(m->username ? lies_within(m, m->username, m->username_length) : m->username_length == 0);
    demand(m->integrity_offset % 4 == 0 && (!m->integrity_offset || m->integrity_offset >= 20));
    demand(!m->integrity_offset || !m->username || m->username + m->username_length <= data + m->integrity_offset);
    demand(!m->integrity_offset || m->integrity_offset + 24U + (m->has_fingerprint ? 8U : 0U) <= size);
    demand(m->error_code == 0 || (m->error_code >= 300 && m->error_code <= 699));
    demand(m->unknown_count <= STUN_MAX_UNKNOWN_ATTRIBUTES);
    for (size_t i = 0; i < m->unknown_count; i++) {
        demand(m->unknown[i] < 0x8000);
    }
    demand(m->role == STUN_ROLE_NONE || m->role == STUN_ROLE_CONTROLLING || m->role == STUN_ROLE_CONTROLLED);
    demand(m->mapped_address.is_ipv6 <= 1 && (m->has_mapped_address || m->mapped_address.port == 0));
}

static void parse_signed(stun_message *m, const uint8_t *bytes, size_t length) {
    demand(length >= 20 && length <= STUN_MAX_BYTES);
    demand(stun_parse(m, bytes, length) == 0);
    demand(m->has_fingerprint && m->integrity_offset + 32U == length);
    demand(stun_check_integrity(m, KEY, sizeof KEY));
    demand(!stun_check_integrity(m, OTHER_KEY, sizeof OTHER_KEY));
}

static void check_request(const stun_message *m) {
    stun_request request = {.transaction_id = m->transaction_id,
                            .username = m->username,
                            .username_length = m->username_length,
                            .priority = m->priority,
                            .use_candidate = m->use_candidate,
                            .role = m->role,
                            .tie_breaker = m->tie_breaker};
    uint8_t out[STUN_MAX_BYTES];
    stun_message again;
    size_t length = stun_build_request(out, sizeof out, &request, KEY, sizeof KEY);
    if (!length) { // no room for the signature beside so long a name
        demand(m->username_length > 400);
        return;
    }
    parse_signed(&again, out, length);
    demand(again.type == STUN_BINDING_REQUEST && again.username_length == m->username_length);
    demand(!m->username_length || memcmp(again.username, m->username, m->username_length) == 0);
    demand(again.has_priority && again.priority == m->priority && again.use_candidate == m->use_candidate);
    demand(again.role == m->role && again.tie_breaker == m->tie_breaker && again.unknown_count == 0);
}

static void check_responses(const stun_message *m) {
    uint8_t out[STUN_MAX_BYTES];
    stun_message again;
    if (m->has_mapped_address) {
        parse_signed(&again, out,
                     stun_build_success(out, sizeof out, m->transaction_id, &m->mapped_address, KEY, sizeof KEY));
        demand(again.type == STUN_BINDING_SUCCESS && again.has_mapped_address);
        demand(net_address_equal(&again.mapped_address, &m->mapped_address));
    }
    uint16_t code = m->error_code ? m->error_code : STUN_ERROR_UNKNOWN_ATTRIBUTE;
    parse_signed(
        &again, out,
        stun_build_error(out, sizeof out, m->transaction_id, code, m->unknown, m->unknown_count, KEY, sizeof KEY));
    demand(again.type == STUN_BINDING_ERROR && again.error_code == code);
    demand(memcmp(again.transaction_id, m->transaction_id, STUN_TRANSACTION_ID_BYTES) == 0);
}

static void check(const uint8_t *data, size_t size) {
    stun_message m;
    int status = stun_parse(&m, data, size);
    demand(status == 0 || status == -EBADMSG);
    if (status) return;
    check_values(&m, data, size);
    demand(!stun_check_integrity(&m, KEY, sizeof KEY));
    check_request(&m);
    check_responses(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check(data, size);
    // Again with a right length and cookie, which chance rarely gives, on exactly so many bytes of the heap.
    size_t whole = size / 4 * 4;
    if (whole < 20 || whole > STUN_MAX_BYTES) return 0;
    uint8_t *repaired = malloc(whole);
    if (!repaired) return 0;
    memcpy(repaired, data, whole);
    writer w = writer_over(repaired + 2, 6);
    writer_u16(&w, (uint16_t)(whole - 20));
    writer_u32(&w, 0x2112A442);
    check(repaired, whole);
    // And with a right FINGERPRINT in the place of the last eight bytes.
    if (whole >= 28) {
        w = writer_over(repaired + whole - 8, 8);
        writer_u32(&w, 0x80280004);
        writer_u32(&w, crc32_of(repaired, whole - 8) ^ 0x5354554E);
        check(repaired, whole);
    }
    free(repaired);
    return 0;
}
