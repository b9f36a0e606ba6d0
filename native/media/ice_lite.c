#include <assert.h>
#include <errno.h>
#include <string.h>

#include "media/ice.h"

static_assert(sizeof(ice_lite) < 1024, "a transport is meant to be small");

enum {
    FIRST_INTERVAL_US = 100 * 1000, // between our first check and the second; doubles
    MAX_CHECKS = 5,                 // sent without the peer's doing
    ALLOWANCE_BYTES = 64 * 1024,    // most that is saved up
};

static int set_credentials(ice_lite *agent, const ice_credentials *local, const ice_credentials *remote) {
    int error = ice_credentials_check(local);
    if (!error && (remote->ufrag[0] || remote->password[0])) error = ice_credentials_check(remote);
    if (error) return error;
    agent->local = *local;
    agent->remote = *remote;
    agent->choose_next = true;
    return 0;
}

int ice_lite_init(ice_lite *agent, const ice_credentials *local, const ice_credentials *remote) {
    *agent = (ice_lite){.selected = -1, .proving = -1};
    return set_credentials(agent, local, remote);
}

static void begin_proving(ice_lite *agent, int index, uint64_t now_us) {
    agent->proving = index;
    agent->checks = 0;
    agent->check_us = now_us;
}

int ice_lite_restart(ice_lite *agent, const ice_credentials *local, const ice_credentials *remote) {
    int error = set_credentials(agent, local, remote);
    if (error) return error;
    for (int i = 0; i < agent->address_count; i++)
        agent->addresses[i].nominated = false;
    // Whom we ask knows the new password only, once it has the answer to its offer.
    begin_proving(agent, agent->proving, UINT64_MAX);
    return 0;
}

static int find(const ice_lite *agent, const ice_path *path) {
    for (int i = 0; i < agent->address_count; i++)
        if (ice_path_equal(&agent->addresses[i].path, path)) return i;
    return -1;
}

static void forget(ice_lite *agent, int index, ice_change *change) {
    assert(index >= 0 && index < agent->address_count && agent->address_count <= ICE_MAX_ADDRESSES);
    change->removed = true;
    change->evicted = agent->addresses[index].path;
    int last = --agent->address_count;
    agent->addresses[index] = agent->addresses[last];
    if (agent->selected == index) agent->selected = -1;
    if (agent->selected == last) agent->selected = index;
    if (agent->proving == index) agent->proving = -1;
    if (agent->proving == last) agent->proving = index;
}

// The least recently checked pair other than the selected one, or -1.
static int oldest(const ice_lite *agent) {
    int found = -1;
    for (int i = 0; i < agent->address_count; i++) {
        if (i == agent->selected) continue;
        if (found < 0 || agent->addresses[i].checked_us < agent->addresses[found].checked_us) found = i;
    }
    return found;
}

// The most recently checked pair other than the selected one that has consent at `now_us`, or -1.
static int freshest(const ice_lite *agent, uint64_t now_us) {
    int found = -1;
    for (int i = 0; i < agent->address_count; i++) {
        if (i == agent->selected || agent->addresses[i].checked_us + ICE_CONSENT_US <= now_us) continue;
        if (found < 0 || agent->addresses[i].checked_us > agent->addresses[found].checked_us) found = i;
    }
    return found;
}

static int remember(ice_lite *agent, const ice_path *path, ice_change *change) {
    int index = find(agent, path);
    if (index >= 0) return index;
    if (agent->address_count == ICE_MAX_ADDRESSES) forget(agent, oldest(agent), change);
    index = agent->address_count++;
    agent->addresses[index] = (ice_validated){.path = *path};
    change->added = true;
    return index;
}

static void select_pair(ice_lite *agent, int index, ice_change *change) {
    agent->selected = index;
    change->selected = true;
    change->path = agent->addresses[index].path;
}

bool ice_lite_is_proven(const ice_lite *agent) {
    return agent->connected && agent->proving != agent->selected;
}

// See the table in ice.h.
static void choose(ice_lite *agent, int index, uint64_t now_us, ice_change *change) {
    bool proven = ice_lite_is_proven(agent);
    if (index == agent->selected) {
        if (proven) agent->proving = -1;
        return;
    }
    if (!proven) select_pair(agent, index, change);
    if (index != agent->proving) begin_proving(agent, index, now_us);
}

static void allow(ice_lite *agent, int index, size_t received) {
    size_t allowance = agent->addresses[index].allowance + ICE_AMPLIFICATION * received;
    agent->addresses[index].allowance = (uint32_t)(allowance < ALLOWANCE_BYTES ? allowance : ALLOWANCE_BYTES);
}

static bool spend(ice_lite *agent, int index, size_t bytes) {
    if (agent->addresses[index].allowance < bytes) return false;
    agent->addresses[index].allowance -= (uint32_t)bytes;
    return true;
}

// A valid check of `received` bytes, which `answered` bytes answer.
static void accept(ice_lite *agent, uint64_t now_us, const ice_path *path, const stun_message *message, size_t answered,
                   ice_change *change) {
    int index = remember(agent, path, change);
    agent->addresses[index].checked_us = now_us;
    allow(agent, index, message->length);
    (void)spend(agent, index, answered);
    change->checked = true;
    change->path = *path;
    if (message->use_candidate) agent->addresses[index].nominated = true;
    if (message->use_candidate || agent->choose_next) choose(agent, index, now_us, change);
    if (agent->proving == index) agent->check_us = now_us;
    agent->choose_next = false;
    if (!agent->connected) {
        agent->connected = true;
        change->connected = true;
    }
}

static bool is_proof(const ice_lite *agent, const ice_path *path, const stun_message *message) {
    return agent->connected && agent->proving >= 0 && agent->checks > 0 && message->type == STUN_BINDING_SUCCESS &&
           ice_path_equal(path, &agent->addresses[agent->proving].path) &&
           ice_is_answer(&agent->remote, agent->transaction_id, message);
}

static void accept_proof(ice_lite *agent, ice_change *change) {
    if (agent->proving != agent->selected) select_pair(agent, agent->proving, change);
    change->proven = true;
    change->path = agent->addresses[agent->selected].path;
    agent->proving = -1;
}

size_t ice_lite_on_stun(ice_lite *agent, uint64_t now_us, const ice_path *path, const stun_message *message,
                        uint8_t *response, size_t capacity, ice_change *change) {
    *change = (ice_change){0};
    if (is_proof(agent, path, message)) accept_proof(agent, change);
    if (!ice_is_check(&agent->local, &agent->remote, message)) return 0;

    const uint8_t *key = (const uint8_t *)agent->local.password;
    size_t key_length = strlen(agent->local.password);
    uint16_t error = 0;
    if (message->unknown_count)
        error = STUN_ERROR_UNKNOWN_ATTRIBUTE;
    else if (!message->has_priority)
        error = STUN_ERROR_BAD_REQUEST;
    else if (message->role == STUN_ROLE_CONTROLLED)
        error = STUN_ERROR_ROLE_CONFLICT;
    if (error)
        return stun_build_error(response, capacity, message->transaction_id, error, message->unknown,
                                message->unknown_count, key, key_length);

    size_t length = stun_build_success(response, capacity, message->transaction_id, &path->remote, key, key_length);
    if (length) accept(agent, now_us, path, message, length, change);
    return length;
}

// The selected pair is lost. Another with consent takes over, or nothing may be sent.
static void replace_selected(ice_lite *agent, uint64_t now_us, ice_change *change) {
    int next = agent->connected ? freshest(agent, now_us) : -1;
    if (next >= 0) {
        select_pair(agent, next, change);
        if (next != agent->proving) begin_proving(agent, next, now_us);
        return;
    }
    agent->choose_next = true;
    begin_proving(agent, agent->selected, UINT64_MAX);
    if (agent->connected) {
        agent->connected = false;
        change->expired = true;
    }
}

void ice_lite_on_timeout(ice_lite *agent, uint64_t now_us, ice_change *change) {
    *change = (ice_change){0};
    int selected = agent->selected;
    if (agent->connected && agent->addresses[selected].checked_us + ICE_CONSENT_US <= now_us) {
        replace_selected(agent, now_us, change);
        if (change->selected) forget(agent, selected, change);
        return;
    }
    int aged = oldest(agent);
    if (aged >= 0 && agent->addresses[aged].checked_us + ICE_CONSENT_US <= now_us) forget(agent, aged, change);
}

uint64_t ice_lite_next_check_us(const ice_lite *agent) {
    return agent->connected && agent->proving >= 0 && agent->remote.password[0] ? agent->check_us : UINT64_MAX;
}

uint64_t ice_lite_next_deadline_us(const ice_lite *agent) {
    uint64_t deadline = ice_lite_next_check_us(agent);
    for (int i = 0; i < agent->address_count; i++) {
        if (i == agent->selected && !agent->connected) continue;
        uint64_t end = agent->addresses[i].checked_us + ICE_CONSENT_US;
        if (end < deadline) deadline = end;
    }
    return deadline;
}

size_t ice_lite_poll(ice_lite *agent, uint64_t now_us, const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES],
                     uint8_t *out, size_t capacity, ice_path *path) {
    if (agent->proving < 0 || now_us < ice_lite_next_check_us(agent)) return 0;
    if (agent->checks == 0) memcpy(agent->transaction_id, transaction_id, sizeof agent->transaction_id);
    stun_request request = {.transaction_id = agent->transaction_id, .role = STUN_ROLE_CONTROLLED};
    size_t length = ice_build_check(&agent->local, &agent->remote, request, out, capacity);
    agent->check_us = UINT64_MAX;
    if (length == 0 || !spend(agent, agent->proving, length)) return 0;
    if (++agent->checks < MAX_CHECKS) agent->check_us = now_us + ((uint64_t)FIRST_INTERVAL_US << (agent->checks - 1));
    *path = agent->addresses[agent->proving].path;
    return length;
}

const ice_path *ice_lite_selected(const ice_lite *agent) {
    return agent->connected ? &agent->addresses[agent->selected].path : NULL;
}

void ice_lite_remove_path(ice_lite *agent, const ice_path *path, ice_change *change) {
    *change = (ice_change){0};
    int index = find(agent, path);
    if (index < 0) return;
    // Without a clock here consent is judged by age at the next timeout; 0 takes any.
    if (index == agent->selected) replace_selected(agent, 0, change);
    forget(agent, index, change);
}

void ice_lite_on_received(ice_lite *agent, const ice_path *path, size_t bytes) {
    int index = find(agent, path);
    if (index >= 0) allow(agent, index, bytes);
}

bool ice_lite_spend(ice_lite *agent, size_t bytes) {
    return ice_lite_is_proven(agent) || (agent->connected && spend(agent, agent->selected, bytes));
}
