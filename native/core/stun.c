#include "core/stun.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "core/crc32.h"
#include "core/cursor.h"
#include "core/hmac_sha1.h"

enum {
    HEADER_BYTES = 20,
    ATTRIBUTE_HEADER_BYTES = 4,
    INTEGRITY_ATTRIBUTE_BYTES = ATTRIBUTE_HEADER_BYTES + HMAC_SHA1_BYTES,
    FINGERPRINT_ATTRIBUTE_BYTES = ATTRIBUTE_HEADER_BYTES + 4,

    ATTR_MAPPED_ADDRESS = 0x0001,
    ATTR_USERNAME = 0x0006,
    ATTR_MESSAGE_INTEGRITY = 0x0008,
    ATTR_ERROR_CODE = 0x0009,
    ATTR_UNKNOWN_ATTRIBUTES = 0x000A,
    ATTR_MESSAGE_INTEGRITY_SHA256 = 0x001C,
    ATTR_XOR_MAPPED_ADDRESS = 0x0020,
    ATTR_PRIORITY = 0x0024,
    ATTR_USE_CANDIDATE = 0x0025,
    ATTR_FINGERPRINT = 0x8028,
    ATTR_ICE_CONTROLLED = 0x8029,
    ATTR_ICE_CONTROLLING = 0x802A,
    ATTR_COMPREHENSION_OPTIONAL = 0x8000, // this and above may be ignored

    FAMILY_IPV4 = 1,
    FAMILY_IPV6 = 2,
};

static const uint32_t MAGIC_COOKIE = 0x2112A442;
static const uint32_t FINGERPRINT_XOR = 0x5354554E;

static bool is_binding(uint16_t type) {
    return type == STUN_BINDING_REQUEST || type == STUN_BINDING_INDICATION || type == STUN_BINDING_SUCCESS ||
           type == STUN_BINDING_ERROR;
}

// XOR-MAPPED-ADDRESS hides address and port behind the cookie and the transaction id, which stand side by side in the
// header (RFC 8489 section 14.2). `ip` is 4 or 16 bytes, in place.
static void xor_address(uint8_t *ip, size_t length, const uint8_t *transaction_id) {
    uint8_t mask[16];
    writer w = writer_over(mask, sizeof mask);
    writer_u32(&w, MAGIC_COOKIE);
    writer_bytes(&w, transaction_id, STUN_TRANSACTION_ID_BYTES);
    for (size_t i = 0; i < length; i++) {
        ip[i] ^= mask[i];
    }
}

static bool read_xor_mapped_address(stun_message *m, cursor *value) {
    cursor_skip(value, 1);
    uint8_t family = cursor_u8(value);
    uint16_t port = (uint16_t)(cursor_u16(value) ^ MAGIC_COOKIE >> 16);
    size_t length = family == FAMILY_IPV4 ? 4 : 16;
    if (family != FAMILY_IPV4 && family != FAMILY_IPV6) return false;
    const uint8_t *hidden = cursor_bytes(value, length);
    if (!hidden || cursor_left(value)) return false;
    uint8_t ip[16];
    memcpy(ip, hidden, length);
    xor_address(ip, length, m->transaction_id);
    m->mapped_address = family == FAMILY_IPV4 ? net_address_ipv4(ip, port) : net_address_ipv6(ip, port);
    m->has_mapped_address = true;
    return true;
}

static bool read_error_code(stun_message *m, cursor *value) {
    cursor_skip(value, 2);
    unsigned class = cursor_u8(value) & 7U;
    unsigned number = cursor_u8(value);
    if (!cursor_ok(value) || class < 3 || class > 6 || number > 99) return false;
    m->error_code = (uint16_t)(class * 100 + number);
    return true;
}

static bool read_role(stun_message *m, cursor *value, stun_role role) {
    m->role = role;
    m->tie_breaker = cursor_u64(value);
    return cursor_ok(value) && !cursor_left(value);
}

static void note_unknown(stun_message *m, uint16_t type) {
    if (type < ATTR_COMPREHENSION_OPTIONAL && m->unknown_count < STUN_MAX_UNKNOWN_ATTRIBUTES) {
        m->unknown[m->unknown_count++] = type;
    }
}

// One attribute that stands before MESSAGE-INTEGRITY. Of a repeated one the first counts (RFC 8489 section 14).
static bool read_attribute(stun_message *m, uint16_t type, cursor value) {
    switch (type) {
    case ATTR_USERNAME:
        if (m->username) return true;
        m->username_length = (uint16_t)cursor_left(&value);
        m->username = value.at;
        return true;
    case ATTR_PRIORITY:
        if (m->has_priority) return true;
        m->has_priority = true;
        m->priority = cursor_u32(&value);
        return cursor_ok(&value) && !cursor_left(&value);
    case ATTR_USE_CANDIDATE:
        m->use_candidate = true;
        return !cursor_left(&value);
    case ATTR_ICE_CONTROLLED:
        return m->role != STUN_ROLE_NONE || read_role(m, &value, STUN_ROLE_CONTROLLED);
    case ATTR_ICE_CONTROLLING:
        return m->role != STUN_ROLE_NONE || read_role(m, &value, STUN_ROLE_CONTROLLING);
    case ATTR_XOR_MAPPED_ADDRESS:
        return m->has_mapped_address || read_xor_mapped_address(m, &value);
    case ATTR_ERROR_CODE:
        return m->error_code != 0 || read_error_code(m, &value);
    case ATTR_MAPPED_ADDRESS: // known, and of no use: SHA-1 integrity and the XORed address are what ICE requires
    case ATTR_UNKNOWN_ATTRIBUTES:
    case ATTR_MESSAGE_INTEGRITY_SHA256:
        return true;
    default:
        note_unknown(m, type);
        return true;
    }
}

// FINGERPRINT covers all before it, with a length field that includes it. That is the field as received only where it
// is last, which RFC 8489 section 14.7 demands.
static bool read_fingerprint(stun_message *m, size_t offset, cursor value) {
    uint32_t fingerprint = cursor_u32(&value);
    if (!cursor_ok(&value) || cursor_left(&value)) return false;
    if (offset + FINGERPRINT_ATTRIBUTE_BYTES != m->length) return false;
    m->has_fingerprint = true;
    return fingerprint == (crc32_of(m->bytes, offset) ^ FINGERPRINT_XOR);
}

static bool read_header(stun_message *m, cursor *c) {
    m->type = cursor_u16(c);
    uint16_t body = cursor_u16(c);
    uint32_t cookie = cursor_u32(c);
    m->transaction_id = cursor_bytes(c, STUN_TRANSACTION_ID_BYTES);
    return cursor_ok(c) && is_binding(m->type) && cookie == MAGIC_COOKIE && body % 4 == 0 && body == cursor_left(c);
}

int stun_parse(stun_message *message, const uint8_t *bytes, size_t length) {
    *message = (stun_message){.bytes = bytes, .length = length};
    if (length > STUN_MAX_BYTES) return -EBADMSG;
    cursor c = cursor_over(bytes, length);
    if (!read_header(message, &c)) return -EBADMSG;
    while (cursor_left(&c)) {
        size_t offset = length - cursor_left(&c);
        uint16_t type = cursor_u16(&c);
        uint16_t value_length = cursor_u16(&c);
        const uint8_t *value = cursor_bytes(&c, value_length);
        cursor_skip(&c, (4U - value_length % 4U) % 4U);
        if (!cursor_ok(&c)) return -EBADMSG;
        if (type == ATTR_FINGERPRINT) {
            if (!read_fingerprint(message, offset, cursor_over(value, value_length))) return -EBADMSG;
        } else if (message->integrity_offset) {
            continue;
        } else if (type == ATTR_MESSAGE_INTEGRITY) {
            if (value_length != HMAC_SHA1_BYTES) return -EBADMSG;
            message->integrity_offset = (uint16_t)offset;
        } else if (!read_attribute(message, type, cursor_over(value, value_length))) {
            return -EBADMSG;
        }
    }
    return 0;
}

// The MAC covers all before MESSAGE-INTEGRITY with a length field that ends after it, whatever follows (RFC 8489
// section 14.5).
static void compute_integrity(uint8_t mac[HMAC_SHA1_BYTES], const uint8_t *bytes, size_t offset, const uint8_t *key,
                              size_t key_length) {
    uint8_t head[4];
    writer w = writer_over(head, sizeof head);
    writer_bytes(&w, bytes, 2);
    writer_u16(&w, (uint16_t)(offset + INTEGRITY_ATTRIBUTE_BYTES - HEADER_BYTES));
    hmac_sha1(mac, key, key_length, head, sizeof head, bytes + sizeof head, offset - sizeof head);
}

bool stun_check_integrity(const stun_message *message, const uint8_t *key, size_t key_length) {
    if (!message->integrity_offset) return false;
    uint8_t mac[HMAC_SHA1_BYTES];
    compute_integrity(mac, message->bytes, message->integrity_offset, key, key_length);
    cursor c = cursor_over(message->bytes, message->length);
    cursor_skip(&c, (size_t)message->integrity_offset + ATTRIBUTE_HEADER_BYTES);
    const uint8_t *received = cursor_bytes(&c, sizeof mac);
    return received && CRYPTO_memcmp(mac, received, sizeof mac) == 0;
}

static writer start_message(uint8_t *out, size_t capacity, uint16_t type, const uint8_t *transaction_id) {
    writer w = writer_over(out, capacity < STUN_MAX_BYTES ? capacity : STUN_MAX_BYTES);
    writer_u16(&w, type);
    writer_u16(&w, 0); // length, by finish_message
    writer_u32(&w, MAGIC_COOKIE);
    writer_bytes(&w, transaction_id, STUN_TRANSACTION_ID_BYTES);
    return w;
}

static void write_attribute_header(writer *w, uint16_t type, size_t length) {
    writer_u16(w, type);
    writer_u16(w, (uint16_t)length);
}

static void write_attribute(writer *w, uint16_t type, const uint8_t *value, size_t length) {
    write_attribute_header(w, type, length);
    writer_bytes(w, value, length);
    writer_zeros(w, (4 - length % 4) % 4);
}

static size_t finish_message(writer *w, const uint8_t *key, size_t key_length) {
    size_t integrity_offset = writer_length(w);
    write_attribute_header(w, ATTR_MESSAGE_INTEGRITY, HMAC_SHA1_BYTES);
    uint8_t *mac = writer_reserve(w, HMAC_SHA1_BYTES);
    size_t fingerprint_offset = writer_length(w);
    write_attribute_header(w, ATTR_FINGERPRINT, 4);
    uint8_t *fingerprint = writer_reserve(w, 4);
    if (!mac || !fingerprint) return 0;
    compute_integrity(mac, w->start, integrity_offset, key, key_length);
    writer length = writer_over(w->start + 2, 2);
    writer_u16(&length, (uint16_t)(writer_length(w) - HEADER_BYTES));
    writer check = writer_over(fingerprint, 4);
    writer_u32(&check, crc32_of(w->start, fingerprint_offset) ^ FINGERPRINT_XOR);
    return writer_length(w);
}

size_t stun_build_success(uint8_t *out, size_t capacity, const uint8_t *transaction_id, const net_address *mapped,
                          const uint8_t *key, size_t key_length) {
    size_t ip_length = mapped->is_ipv6 ? 16 : 4;
    uint8_t ip[16];
    memcpy(ip, mapped->ip + sizeof ip - ip_length, ip_length);
    xor_address(ip, ip_length, transaction_id);
    writer w = start_message(out, capacity, STUN_BINDING_SUCCESS, transaction_id);
    write_attribute_header(&w, ATTR_XOR_MAPPED_ADDRESS, 4 + ip_length);
    writer_u8(&w, 0);
    writer_u8(&w, mapped->is_ipv6 ? FAMILY_IPV6 : FAMILY_IPV4);
    writer_u16(&w, (uint16_t)(mapped->port ^ MAGIC_COOKIE >> 16));
    writer_bytes(&w, ip, ip_length);
    return finish_message(&w, key, key_length);
}

static const char *reason_of(uint16_t code) {
    switch (code) {
    case STUN_ERROR_BAD_REQUEST:
        return "Bad Request";
    case STUN_ERROR_UNAUTHENTICATED:
        return "Unauthenticated";
    case STUN_ERROR_UNKNOWN_ATTRIBUTE:
        return "Unknown Attribute";
    case STUN_ERROR_ROLE_CONFLICT:
        return "Role Conflict";
    default:
        return "";
    }
}

size_t stun_build_error(uint8_t *out, size_t capacity, const uint8_t *transaction_id, uint16_t code,
                        const uint16_t *unknown, size_t unknown_count, const uint8_t *key, size_t key_length) {
    writer w = start_message(out, capacity, STUN_BINDING_ERROR, transaction_id);
    const char *reason = reason_of(code);
    size_t reason_length = strlen(reason);
    write_attribute_header(&w, ATTR_ERROR_CODE, 4 + reason_length);
    writer_u16(&w, 0);
    writer_u8(&w, (uint8_t)(code / 100));
    writer_u8(&w, (uint8_t)(code % 100));
    writer_bytes(&w, (const uint8_t *)reason, reason_length);
    writer_zeros(&w, (4 - reason_length % 4) % 4);
    if (unknown_count) {
        write_attribute_header(&w, ATTR_UNKNOWN_ATTRIBUTES, 2 * unknown_count);
        for (size_t i = 0; i < unknown_count && writer_ok(&w); i++) {
            writer_u16(&w, unknown[i]);
        }
        writer_zeros(&w, unknown_count % 2 * 2);
    }
    return finish_message(&w, key, key_length);
}

static void write_u64_attribute(writer *w, uint16_t type, uint64_t value) {
    write_attribute_header(w, type, 8);
    writer_u64(w, value);
}

size_t stun_build_request(uint8_t *out, size_t capacity, const stun_request *request, const uint8_t *key,
                          size_t key_length) {
    writer w = start_message(out, capacity, STUN_BINDING_REQUEST, request->transaction_id);
    write_attribute(&w, ATTR_USERNAME, request->username, request->username_length);
    write_attribute_header(&w, ATTR_PRIORITY, 4);
    writer_u32(&w, request->priority);
    if (request->role == STUN_ROLE_CONTROLLING) write_u64_attribute(&w, ATTR_ICE_CONTROLLING, request->tie_breaker);
    if (request->role == STUN_ROLE_CONTROLLED) write_u64_attribute(&w, ATTR_ICE_CONTROLLED, request->tie_breaker);
    if (request->use_candidate) write_attribute_header(&w, ATTR_USE_CANDIDATE, 0);
    return finish_message(&w, key, key_length);
}
