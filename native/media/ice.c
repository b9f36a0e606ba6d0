#include "media/ice.h"

#include <errno.h>
#include <string.h>

#include "core/cursor.h"

static const uint32_t priority = 110u << 24 | 65535u << 8 | 255u; // RFC 8445 section 5.1.2: peer-reflexive, one address

static bool is_ice_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static int check(const char *text, size_t least, size_t most) {
    size_t length = 0;
    while (length <= most && text[length]) {
        if (!is_ice_char(text[length])) return -EINVAL;
        length++;
    }
    return length >= least && length <= most ? 0 : -EINVAL;
}

int ice_ufrag_check(const char *ufrag) {
    return check(ufrag, 4, ICE_MAX_UFRAG);
}

int ice_credentials_check(const ice_credentials *credentials) {
    int error = ice_ufrag_check(credentials->ufrag);
    return error ? error : check(credentials->password, 22, ICE_MAX_PASSWORD);
}

// RFC 8445 section 7.3: "local:remote" seen from here. A fragment has no colon in it, so a second one never matches.
static bool username_matches(const ice_credentials *local, const ice_credentials *remote, const uint8_t *username,
                             size_t length) {
    size_t ours = strlen(local->ufrag);
    size_t theirs = strlen(remote->ufrag);
    return theirs > 0 && length == ours + 1 + theirs && memcmp(username, local->ufrag, ours) == 0 &&
           username[ours] == ':' && memcmp(username + ours + 1, remote->ufrag, theirs) == 0;
}

// Cheapest first, so that a stranger's datagram costs no HMAC.
bool ice_is_check(const ice_credentials *local, const ice_credentials *remote, const stun_message *message) {
    return message->type == STUN_BINDING_REQUEST && message->has_fingerprint && message->username &&
           username_matches(local, remote, message->username, message->username_length) && message->integrity_offset &&
           stun_check_integrity(message, (const uint8_t *)local->password, strlen(local->password));
}

bool ice_is_answer(const ice_credentials *remote, const uint8_t *transaction_id, const stun_message *message) {
    return (message->type == STUN_BINDING_SUCCESS || message->type == STUN_BINDING_ERROR) &&
           memcmp(message->transaction_id, transaction_id, STUN_TRANSACTION_ID_BYTES) == 0 &&
           message->has_fingerprint && remote->password[0] &&
           stun_check_integrity(message, (const uint8_t *)remote->password, strlen(remote->password));
}

size_t ice_build_check(const ice_credentials *local, const ice_credentials *remote, stun_request request, uint8_t *out,
                       size_t capacity) {
    uint8_t username[2 * ICE_MAX_UFRAG + 1];
    writer w = writer_over(username, sizeof username);
    writer_bytes(&w, (const uint8_t *)remote->ufrag, strlen(remote->ufrag));
    writer_u8(&w, ':');
    writer_bytes(&w, (const uint8_t *)local->ufrag, strlen(local->ufrag));
    request.username = username;
    request.username_length = writer_length(&w);
    request.priority = priority;
    return stun_build_request(out, capacity, &request, (const uint8_t *)remote->password, strlen(remote->password));
}
