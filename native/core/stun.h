// STUN for ICE: Binding requests, indications and responses (RFC 8489) with the ICE attributes of RFC 8445 section 7.1.
#ifndef SFU_CORE_STUN_H
#define SFU_CORE_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"

enum {
    STUN_BINDING_REQUEST = 0x0001,
    STUN_BINDING_INDICATION = 0x0011,
    STUN_BINDING_SUCCESS = 0x0101,
    STUN_BINDING_ERROR = 0x0111,

    STUN_ERROR_BAD_REQUEST = 400,
    STUN_ERROR_UNAUTHENTICATED = 401,
    STUN_ERROR_UNKNOWN_ATTRIBUTE = 420,
    STUN_ERROR_ROLE_CONFLICT = 487,

    STUN_TRANSACTION_ID_BYTES = 12,
    STUN_MAX_BYTES = 548,            // longest message accepted or built (RFC 8489 section 6.1: fits any path)
    STUN_MAX_UNKNOWN_ATTRIBUTES = 4, // so many are reported in a 420
};

typedef enum stun_role { STUN_ROLE_NONE = 0, STUN_ROLE_CONTROLLING = 1, STUN_ROLE_CONTROLLED = 2 } stun_role;

// A parsed message. Pointers lead into the bytes given to stun_parse and live as long as they do.
typedef struct stun_message {
    const uint8_t *bytes;          // whole message
    size_t length;                 // of the whole message
    uint16_t type;                 // method and class, one of STUN_BINDING_*
    const uint8_t *transaction_id; // 12 bytes
    const uint8_t *username;       // USERNAME value or NULL
    uint16_t username_length;
    bool has_priority;
    uint32_t priority;
    bool use_candidate;
    stun_role role; // of the sender, from ICE-CONTROLLING or ICE-CONTROLLED
    uint64_t tie_breaker;
    bool has_mapped_address; // XOR-MAPPED-ADDRESS
    net_address mapped_address;
    uint16_t error_code;       // of ERROR-CODE, 0 if absent
    uint16_t integrity_offset; // of the MESSAGE-INTEGRITY attribute, 0 if absent
    bool has_fingerprint;      // present, last, and right: a wrong one fails stun_parse
    uint8_t unknown_count;     // unknown comprehension-required attributes, at most STUN_MAX_UNKNOWN_ATTRIBUTES kept
    uint16_t unknown[STUN_MAX_UNKNOWN_ATTRIBUTES];
} stun_message;

// 0, or -EBADMSG for anything malformed or not a Binding message: truncated, wrong magic cookie, length not a multiple
// of 4, attribute past the end, repeated FINGERPRINT, attributes after FINGERPRINT, wrong FINGERPRINT, bad address
// family. Attributes that follow MESSAGE-INTEGRITY, other than FINGERPRINT, are ignored (RFC 8489 section 14.5).
int stun_parse(stun_message *message, const uint8_t *bytes, size_t length);

// Whether MESSAGE-INTEGRITY is present and is HMAC-SHA1 under `key` (short-term: the password). Constant time.
bool stun_check_integrity(const stun_message *message, const uint8_t *key, size_t key_length);

// Each builds one message, with MESSAGE-INTEGRITY and FINGERPRINT last, into `out` and returns its length, or 0 if
// `capacity` is too small.
size_t stun_build_success(uint8_t *out, size_t capacity, const uint8_t *transaction_id, const net_address *mapped,
                          const uint8_t *key, size_t key_length);

// `unknown` lists attribute types for a 420 and is empty otherwise.
size_t stun_build_error(uint8_t *out, size_t capacity, const uint8_t *transaction_id, uint16_t code,
                        const uint16_t *unknown, size_t unknown_count, const uint8_t *key, size_t key_length);

typedef struct stun_request {
    const uint8_t *transaction_id; // 12 bytes
    const uint8_t *username;       // "remote ufrag:local ufrag"
    size_t username_length;
    uint32_t priority;
    bool use_candidate;
    stun_role role;
    uint64_t tie_breaker;
} stun_request;

size_t stun_build_request(uint8_t *out, size_t capacity, const stun_request *request, const uint8_t *key,
                          size_t key_length);

#endif
