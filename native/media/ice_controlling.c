#include <string.h>

#include "media/ice.h"

enum {
    FIRST_INTERVAL_US = 50 * 1000, // RFC 8445 section 14.2: pace of checks
    LAST_INTERVAL_US = 500 * 1000, // RFC 8489 section 6.2.1: least retransmission time-out
    MAX_TRANSMISSIONS = 7,         // RFC 8489 section 6.2.1, Rc: then it is a new transaction
    CONSENT_INTERVAL_US = 2500000, // mean pace of consent checks
    CONSENT_SPREAD_US = 500000,    // ± 20 % of it
};

// SplitMix64.
static uint64_t draw(ice_controlling *agent) {
    uint64_t z = agent->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

// Checks `agent->path` from the beginning.
static void begin_checking(ice_controlling *agent, uint64_t now_us) {
    agent->connected = false;
    agent->outstanding = false;
    agent->attempts = 0;
    agent->next_us = now_us;
}

static uint64_t consent_interval_us(ice_controlling *agent) {
    return CONSENT_INTERVAL_US - CONSENT_SPREAD_US + draw(agent) % (2 * CONSENT_SPREAD_US + 1);
}

static uint64_t checking_interval_us(uint32_t attempts) {
    return attempts < 4 ? (uint64_t)FIRST_INTERVAL_US << attempts : LAST_INTERVAL_US;
}

int ice_controlling_init(ice_controlling *agent, const ice_credentials *local, const ice_credentials *remote,
                         const ice_path *path, uint64_t seed, uint64_t now_us) {
    int error = ice_credentials_check(local);
    if (!error) error = ice_credentials_check(remote);
    if (error) return error;
    *agent = (ice_controlling){.local = *local, .remote = *remote, .path = *path, .random = seed, .nominating = true};
    agent->tie_breaker = draw(agent);
    begin_checking(agent, now_us);
    return 0;
}

void ice_controlling_set_path(ice_controlling *agent, const ice_path *path, uint64_t now_us) {
    agent->path = *path;
    agent->nominating = true;
    begin_checking(agent, now_us);
}

static void on_answer(ice_controlling *agent, uint64_t now_us, const ice_path *path, const stun_message *message,
                      ice_change *change) {
    if (!agent->outstanding || !ice_path_equal(path, &agent->path) ||
        !ice_is_answer(&agent->remote, agent->transaction_id, message))
        return;
    if (message->type == STUN_BINDING_ERROR) {
        agent->outstanding = false;
        if (message->error_code == STUN_ERROR_ROLE_CONFLICT) agent->tie_breaker = draw(agent);
        return;
    }
    if (!message->has_mapped_address) return;

    agent->outstanding = false;
    agent->attempts = 0;
    agent->answered_us = now_us;
    change->checked = true;
    change->path = *path;
    if (agent->connected) return;
    agent->connected = true;
    agent->next_us = now_us + consent_interval_us(agent);
    change->connected = true;
    change->selected = true;
}

static size_t answer(const ice_controlling *agent, const ice_path *path, const stun_message *message, uint8_t *response,
                     size_t capacity) {
    return stun_build_success(response, capacity, message->transaction_id, &path->remote,
                              (const uint8_t *)agent->local.password, strlen(agent->local.password));
}

size_t ice_controlling_on_stun(ice_controlling *agent, uint64_t now_us, const ice_path *path,
                               const stun_message *message, uint8_t *response, size_t capacity, ice_change *change) {
    *change = (ice_change){0};
    if (ice_is_check(&agent->local, &agent->remote, message)) return answer(agent, path, message, response, capacity);
    on_answer(agent, now_us, path, message, change);
    return 0;
}

static size_t build_request(const ice_controlling *agent, uint8_t *out, size_t capacity) {
    stun_request request = {
        .transaction_id = agent->transaction_id,
        .use_candidate = agent->nominating,
        .role = STUN_ROLE_CONTROLLING,
        .tie_breaker = agent->tie_breaker,
    };
    return ice_build_check(&agent->local, &agent->remote, request, out, capacity);
}

size_t ice_controlling_poll(ice_controlling *agent, uint64_t now_us, uint8_t *out, size_t capacity,
                            ice_change *change) {
    *change = (ice_change){0};
    if (agent->connected && agent->answered_us + ICE_CONSENT_US <= now_us) {
        begin_checking(agent, now_us);
        change->expired = true;
    }
    if (now_us < agent->next_us) return 0;

    // RFC 7675 section 5.1: a consent check is never the same transaction sent again.
    if (agent->connected || !agent->outstanding || agent->attempts % MAX_TRANSMISSIONS == 0) {
        uint64_t parts[2] = {draw(agent), draw(agent)};
        memcpy(agent->transaction_id, parts, sizeof agent->transaction_id);
    }
    agent->outstanding = true;
    agent->sent_us = now_us;
    agent->next_us = now_us + (agent->connected ? consent_interval_us(agent) : checking_interval_us(agent->attempts));
    agent->attempts++;
    return build_request(agent, out, capacity);
}

uint64_t ice_controlling_next_deadline_us(const ice_controlling *agent) {
    uint64_t end = agent->connected ? agent->answered_us + ICE_CONSENT_US : UINT64_MAX;
    return agent->next_us < end ? agent->next_us : end;
}
