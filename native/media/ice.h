// ICE (RFC 8445) for one transport, over single datagrams: the lite role that the server plays, and the controlling
// role of the load client. Both are driven by datagrams and time only.
//
// Nothing without FINGERPRINT (RFC 8445 section 7.1), a valid USERNAME and MESSAGE-INTEGRITY is answered or remembered,
// so a stranger can neither use the server as a reflector nor fill its tables.
//
// A request proves nothing about where its sender is: it carries no time and no nonce, so who has read one on its way
// can send it again, and who holds the credentials can write any source address. So a lite agent here does what RFC
// 8445 has only full ones do: it checks the pair that is chosen, with a transaction id that cannot be guessed, and
// media goes there when an authentic answer has come from there (proof, in the way of RFC 9000 section 8.2). Until then
// the pair in use goes on; where there is none, a pair gets at most ICE_AMPLIFICATION times the bytes that came from
// it. A pair that is left has to prove itself again. Clients answer a lite agent's checks as those of any other (seen
// with Chromium, Firefox and aiortc).
//
// What is left: who sits on the path between both can pass a check on and the answer back, as it can all the rest.
#ifndef SFU_MEDIA_ICE_H
#define SFU_MEDIA_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/stun.h"

enum {
    ICE_MAX_ADDRESSES = 8, // validated remote addresses kept for a transport
    ICE_MAX_UFRAG = 32,
    ICE_MAX_PASSWORD = 64,
    ICE_AMPLIFICATION = 3,         // RFC 9000 section 8.1: bytes to a pair without proof, for each that came from there
    ICE_CONSENT_US = 30 * 1000000, // RFC 7675 section 5.1: consent ends 30 s after the last valid check
};

// Local end and remote end of a pair. `local` is the index of the server's socket (or TCP connection).
typedef struct ice_path {
    net_address remote;
    uint32_t local;
} ice_path;

static inline bool ice_path_equal(const ice_path *a, const ice_path *b) {
    return a->local == b->local && net_address_equal(&a->remote, &b->remote);
}

typedef struct ice_credentials {
    char ufrag[ICE_MAX_UFRAG + 1];       // terminated
    char password[ICE_MAX_PASSWORD + 1]; // terminated
} ice_credentials;

// 0, or -EINVAL: RFC 8839 section 5.4 allows ALPHA, DIGIT, + and /; ufrag 4 to ICE_MAX_UFRAG (it allows 256; browsers
// use 4 and 8), password 22 to ICE_MAX_PASSWORD (256; 24 and 32).
int ice_credentials_check(const ice_credentials *credentials);
int ice_ufrag_check(const char *ufrag);

// ---- what both roles share ----

// A Binding request with FINGERPRINT, our USERNAME and MESSAGE-INTEGRITY under our password.
bool ice_is_check(const ice_credentials *local, const ice_credentials *remote, const stun_message *message);
// A response to `transaction_id` with FINGERPRINT and MESSAGE-INTEGRITY under the peer's password.
bool ice_is_answer(const ice_credentials *remote, const uint8_t *transaction_id, const stun_message *message);
// Builds a check; `request` without username and priority. Returns its length, or 0 if `capacity` is too small.
size_t ice_build_check(const ice_credentials *local, const ice_credentials *remote, stun_request request, uint8_t *out,
                       size_t capacity);

// ---- lite ----

typedef struct ice_validated {
    ice_path path;
    uint64_t checked_us; // last valid request
    uint32_t allowance;  // bytes that may go there without proof
    bool nominated;      // a valid request on it carried USE-CANDIDATE
} ice_validated;

typedef struct ice_lite {
    ice_credentials local;
    ice_credentials remote; // empty while it is not known
    ice_validated addresses[ICE_MAX_ADDRESSES];
    uint8_t address_count;
    int selected;      // index of the pair in use, -1 before the first valid check
    int proving;       // the pair whose proof is waited for: the one in use, or the one to take its place; -1: none
    uint64_t check_us; // when our check of it goes out next, UINT64_MAX: when the peer has sent another
    uint32_t checks;   // times that it went out
    uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES];
    bool connected;   // consent is alive
    bool choose_next; // the next valid check selects its pair, nominating or not: at first, after a restart, after
                      // expiry
} ice_lite;

// What a datagram or the clock changed, for the owner of the address table to follow.
typedef struct ice_change {
    bool checked;   // a valid check on `path` (every one, also when it changed nothing else)
    bool added;     // `path` became valid
    bool removed;   // `evicted` is no longer valid
    bool selected;  // the pair in use is now `path`
    bool proven;    // the pair in use, `path`, has answered: media may go there
    bool connected; // the first valid check, or the first after consent had expired
    bool expired;   // no pair has consent any more: send nothing until the next valid check
    ice_path path;
    ice_path evicted;
} ice_change;

// `remote` may have empty strings while it is not known: no check is valid then. 0 or -EINVAL as above.
int ice_lite_init(ice_lite *agent, const ice_credentials *local, const ice_credentials *remote);

// New credentials of both sides after an ICE restart (RFC 8445 section 9): validated addresses stay usable for sending
// until a check with the new credentials selects a pair.
int ice_lite_restart(ice_lite *agent, const ice_credentials *local, const ice_credentials *remote);

// One STUN message. Writes at most one response and returns its length (0: nothing to send). Answers:
//  - Binding request, USERNAME "local:remote" and MESSAGE-INTEGRITY valid: success with XOR-MAPPED-ADDRESS; the address
//    counts as validated; USE-CANDIDATE chooses the pair (the latest nomination wins); before the first nomination the
//    first valid pair is chosen. The 9th address takes the place of the least recently checked that is not selected.
//  - ICE-CONTROLLED from the peer, who must be controlling towards a lite agent: 487 (RFC 8445 section 7.3.1.1).
//  - unknown comprehension-required attributes, integrity valid: 420 with the list.
//  - PRIORITY missing, integrity valid: 400.
//  - everything else: silence.
// Of several reasons the first counts: 420, 400, 487. Only a success changes anything, and only if it fits `capacity`.
//
// Which pair is in use, when one is chosen:
//    in use        | chosen                | then
//    none          | any                   | in use at once, without proof
//    without proof | another               | in use at once, without proof
//    proven        | another               | is checked; in use, and proven, when it answers
//    proven        | the same              | stays; another that is being checked is given up
// and a Binding success that answers our check, from the pair that was checked, is its proof.
size_t ice_lite_on_stun(ice_lite *agent, uint64_t now_us, const ice_path *path, const stun_message *message,
                        uint8_t *response, size_t capacity, ice_change *change);

// Consent and age: a pair is forgotten ICE_CONSENT_US after its last valid check. When that is the selected pair, the
// most recently checked of the others takes over; when it was the last, `expired` is reported and it is remembered, for
// what may still arrive from there. Call at the deadline, again while the deadline has passed: at most one pair goes a
// call.
void ice_lite_on_timeout(ice_lite *agent, uint64_t now_us, ice_change *change);
uint64_t ice_lite_next_deadline_us(const ice_lite *agent); // UINT64_MAX: none

// When our check of a chosen pair is due; UINT64_MAX: none is.
uint64_t ice_lite_next_check_us(const ice_lite *agent);
// Our check, if it is due (at each check of the peer, and in between 100 ms doubling, five times), and where it goes.
// Returns its length or 0. `transaction_id` is used if the check is a new one; nobody else may be able to tell it.
size_t ice_lite_poll(ice_lite *agent, uint64_t now_us, const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES],
                     uint8_t *out, size_t capacity, ice_path *path);

// The pair in use, or NULL while there is none.
const ice_path *ice_lite_selected(const ice_lite *agent);
// Whether there is one and it has answered.
bool ice_lite_is_proven(const ice_lite *agent);
// Something else than a check has come from a validated path.
void ice_lite_on_received(ice_lite *agent, const ice_path *path, size_t bytes);
// Whether so many bytes that are not media may go to the pair in use, which are then taken from what it may get.
bool ice_lite_spend(ice_lite *agent, size_t bytes);

// A path that can no longer be used (its TCP connection closed). As with age, another pair takes over or `expired` is
// reported.
void ice_lite_remove_path(ice_lite *agent, const ice_path *path, ice_change *change);

// ---- controlling, with a lite peer at a known address ----

typedef struct ice_controlling {
    ice_credentials local;
    ice_credentials remote;
    ice_path path; // the pair that is checked
    uint64_t tie_breaker;
    uint64_t random; // state of the generator of transaction ids: seeded, replayable
    uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES];
    uint64_t sent_us;     // last request
    uint64_t next_us;     // when the next request is due
    uint64_t answered_us; // last valid success
    uint32_t attempts;    // requests without an answer
    bool outstanding;
    bool connected;
    bool nominating; // requests carry USE-CANDIDATE: from the start, as there is one pair; the owner may clear it
} ice_controlling;

int ice_controlling_init(ice_controlling *agent, const ice_credentials *local, const ice_credentials *remote,
                         const ice_path *path, uint64_t seed, uint64_t now_us);
// Moves to another path (a changed network): checks it at once, nominating.
void ice_controlling_set_path(ice_controlling *agent, const ice_path *path, uint64_t now_us);
// A response, or a check of the peer's, which is answered: returns the length of the answer or 0. `change` as above; an
// answer counts on the pair its request went out on only (RFC 8445 section 7.2.5.2.1). 487 draws a new tie-breaker and
// asks again without changing roles: a lite peer cannot be the controlling one. Other errors are no answer to consent.
size_t ice_controlling_on_stun(ice_controlling *agent, uint64_t now_us, const ice_path *path,
                               const stun_message *message, uint8_t *response, size_t capacity, ice_change *change);
// The next request to send, if due: every 50 ms doubling to 500 ms until connected, then every 2.5 s ± 20 % (RFC 7675:
// 5 s ± 20 %; halved so that loss of one check never ends consent); returns its length or 0. Until connected a request
// is the same transaction sent again, so an answer later than the next request still counts.
size_t ice_controlling_poll(ice_controlling *agent, uint64_t now_us, uint8_t *out, size_t capacity, ice_change *change);
uint64_t ice_controlling_next_deadline_us(const ice_controlling *agent);

#endif
