#include <assert.h>
#include <errno.h>
#include <string.h>

#include "media/ice.h"

static_assert(sizeof(ice_lite) < 1024, "a transport is meant to be small");

static int set_credentials(ice_lite *agent, const ice_credentials *local, const char *remote_ufrag) {
    int error = ice_credentials_check(local);
    if (!error && remote_ufrag[0]) error = ice_ufrag_check(remote_ufrag);
    if (error) return error;
    agent->local = *local;
    memset(agent->remote_ufrag, 0, sizeof agent->remote_ufrag);
    memcpy(agent->remote_ufrag, remote_ufrag, strlen(remote_ufrag));
    agent->choose_next = true;
    return 0;
}

int ice_lite_init(ice_lite *agent, const ice_credentials *local, const char *remote_ufrag) {
    *agent = (ice_lite){.selected = -1};
    return set_credentials(agent, local, remote_ufrag);
}

int ice_lite_restart(ice_lite *agent, const ice_credentials *local, const char *remote_ufrag) {
    int error = set_credentials(agent, local, remote_ufrag);
    if (error) return error;
    for (int i = 0; i < agent->address_count; i++)
        agent->addresses[i].nominated = false;
    return 0;
}

// RFC 8445 section 7.3: "local:remote" seen from here. A fragment has no colon in it, so a second one never matches.
static bool username_matches(const ice_lite *agent, const uint8_t *username, size_t length) {
    size_t local = strlen(agent->local.ufrag);
    size_t remote = strlen(agent->remote_ufrag);
    return remote > 0 && length == local + 1 + remote && memcmp(username, agent->local.ufrag, local) == 0 &&
           username[local] == ':' && memcmp(username + local + 1, agent->remote_ufrag, remote) == 0;
}

// Cheapest first, so that a stranger's datagram costs no HMAC.
static bool is_authentic_request(const ice_lite *agent, const stun_message *message) {
    return message->type == STUN_BINDING_REQUEST && message->has_fingerprint && message->username &&
           username_matches(agent, message->username, message->username_length) && message->integrity_offset &&
           stun_check_integrity(message, (const uint8_t *)agent->local.password, strlen(agent->local.password));
}

static int find(const ice_lite *agent, const ice_path *path) {
    for (int i = 0; i < agent->address_count; i++)
        if (ice_path_equal(&agent->addresses[i].path, path)) return i;
    return -1;
}

static void forget(ice_lite *agent, int index, ice_change *change) {
    change->removed = true;
    change->evicted = agent->addresses[index].path;
    int last = --agent->address_count;
    agent->addresses[index] = agent->addresses[last];
    if (agent->selected == index) agent->selected = -1;
    if (agent->selected == last) agent->selected = index;
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

static void accept(ice_lite *agent, uint64_t now_us, const ice_path *path, bool use_candidate, ice_change *change) {
    int index = remember(agent, path, change);
    agent->addresses[index].checked_us = now_us;
    change->checked = true;
    change->path = *path;
    if (use_candidate) agent->addresses[index].nominated = true;
    if ((use_candidate || agent->choose_next) && agent->selected != index) {
        agent->selected = index;
        change->selected = true;
    }
    agent->choose_next = false;
    if (!agent->connected) {
        agent->connected = true;
        change->connected = true;
    }
}

size_t ice_lite_on_stun(ice_lite *agent, uint64_t now_us, const ice_path *path, const stun_message *message,
                        uint8_t *response, size_t capacity, ice_change *change) {
    *change = (ice_change){0};
    if (!is_authentic_request(agent, message)) return 0;

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
    if (length) accept(agent, now_us, path, message->use_candidate, change);
    return length;
}

// The selected pair is lost. Another with consent takes over, or nothing may be sent.
static void replace_selected(ice_lite *agent, uint64_t now_us, ice_change *change) {
    int next = agent->connected ? freshest(agent, now_us) : -1;
    if (next >= 0) {
        agent->selected = next;
        change->selected = true;
        change->path = agent->addresses[next].path;
        return;
    }
    agent->choose_next = true;
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

uint64_t ice_lite_next_deadline_us(const ice_lite *agent) {
    uint64_t deadline = UINT64_MAX;
    for (int i = 0; i < agent->address_count; i++) {
        if (i == agent->selected && !agent->connected) continue;
        uint64_t end = agent->addresses[i].checked_us + ICE_CONSENT_US;
        if (end < deadline) deadline = end;
    }
    return deadline;
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
