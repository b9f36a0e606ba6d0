#include "media/address_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_WORDS = 3,  // an ice_path as it lies in memory
    UFRAG_WORDS = 4, // a user name fragment, padded with zeros
    MAX_WORDS = UFRAG_WORDS,
    CACHE_LINE_BYTES = 64,
};

static const size_t max_capacity = 1u << 28;

static_assert(sizeof(ice_path) == PATH_WORDS * sizeof(uint64_t), "the key has no padding");
static_assert(ICE_MAX_UFRAG == UFRAG_WORDS * sizeof(uint64_t), "the key is the whole fragment");

// Linear probing at most half full. A slot is 1 + `words` words: hash (its top bit set; zero marks an empty slot) and
// transport in the first, then the key. A path's slot is half a cache line, so that a look-up mostly touches one line.
typedef struct key_index {
    uint64_t *slots;
    size_t mask;     // number of slots - 1
    size_t count;    // occupied
    size_t capacity; // most that may be occupied
} key_index;

struct address_table {
    uint64_t secrets[MAX_WORDS + 2]; // keys of the hash
    key_index paths;
    key_index ufrags;
};

static inline uint64_t fold_multiply(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// Folded multiplication (as in wyhash), every factor masked with a secret word, so that nobody who does not know the
// seed can choose keys that collide. SipHash-1-3 would cost three times as much on the path of every packet.
static inline uint32_t hash(const uint64_t *secrets, const uint64_t *key, size_t words) {
    uint64_t h = fold_multiply(key[0] ^ secrets[0], key[1] ^ secrets[1]);
    h ^= fold_multiply(key[2] ^ secrets[2], (words > 3 ? key[3] : 0) ^ secrets[3]);
    return (uint32_t)(fold_multiply(h ^ secrets[4], secrets[5]) >> 32) | 0x80000000u;
}

static inline uint64_t *slot_at(const key_index *in, size_t position, size_t words) {
    return in->slots + position * (words + 1);
}

static inline uint32_t slot_hash(const uint64_t *slot) {
    return (uint32_t)(slot[0] >> 32);
}

// The slot that holds the key, or the empty one where it would go.
static inline uint64_t *probe(const key_index *in, const uint64_t *key, uint32_t h, size_t words) {
    for (size_t position = h & in->mask;; position = (position + 1) & in->mask) {
        uint64_t *slot = slot_at(in, position, words);
        if (slot[0] == 0) return slot;
        if (slot_hash(slot) == h && memcmp(slot + 1, key, words * sizeof *key) == 0) return slot;
    }
}

static int key_index_create(key_index *in, size_t capacity, size_t words) {
    size_t slots = 2;
    while (slots < 2 * capacity)
        slots *= 2;
    size_t bytes = slots * (words + 1) * sizeof(uint64_t);
    bytes = (bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
    *in = (key_index){.slots = aligned_alloc(CACHE_LINE_BYTES, bytes), .mask = slots - 1, .capacity = capacity};
    if (!in->slots) return -ENOMEM;
    memset(in->slots, 0, bytes);
    return 0;
}

static int key_index_add(key_index *in, const uint64_t *key, uint32_t h, size_t words, uint32_t transport) {
    uint64_t *slot = probe(in, key, h, words);
    if (slot[0]) return (uint32_t)slot[0] == transport ? 0 : -EEXIST;
    if (in->count == in->capacity) return -ENOSPC;
    slot[0] = (uint64_t)h << 32 | transport;
    memcpy(slot + 1, key, words * sizeof *key);
    in->count++;
    return 0;
}

// Closes the gap by moving back every entry behind it that may stand there, so that no marks of the deleted are left to
// lengthen probes.
static void key_index_remove(key_index *in, const uint64_t *key, uint32_t h, size_t words) {
    uint64_t *gap = probe(in, key, h, words);
    if (!gap[0]) return;
    size_t hole = (size_t)(gap - in->slots) / (words + 1);
    for (size_t position = (hole + 1) & in->mask;; position = (position + 1) & in->mask) {
        uint64_t *slot = slot_at(in, position, words);
        if (!slot[0]) break;
        size_t from_home = (position - slot_hash(slot)) & in->mask;
        size_t from_hole = (position - hole) & in->mask;
        if (from_home < from_hole) continue;
        memcpy(slot_at(in, hole, words), slot, (words + 1) * sizeof *slot);
        hole = position;
    }
    memset(slot_at(in, hole, words), 0, (words + 1) * sizeof(uint64_t));
    in->count--;
}

static inline uint32_t key_index_find(const key_index *in, const uint64_t *key, uint32_t h, size_t words) {
    const uint64_t *slot = probe(in, key, h, words);
    return slot[0] ? (uint32_t)slot[0] : UINT32_MAX;
}

// SplitMix64: spreads the seed over the words of the key.
static uint64_t next_secret(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

address_table *address_table_create(size_t capacity, const uint64_t seed[2]) {
    if (capacity > max_capacity) return NULL;
    address_table *table = calloc(1, sizeof *table);
    if (!table) return NULL;
    uint64_t first = seed[0];
    uint64_t second = seed[1];
    for (size_t i = 0; i < MAX_WORDS + 2; i++)
        table->secrets[i] = next_secret(&first) ^ (next_secret(&second) << 1 | 1);
    if (key_index_create(&table->paths, capacity, PATH_WORDS) ||
        key_index_create(&table->ufrags, capacity, UFRAG_WORDS)) {
        address_table_destroy(table);
        return NULL;
    }
    return table;
}

void address_table_destroy(address_table *table) {
    if (!table) return;
    free(table->paths.slots);
    free(table->ufrags.slots);
    free(table);
}

int address_table_add_path(address_table *table, const ice_path *path, uint32_t transport) {
    if (transport == UINT32_MAX) return -EINVAL;
    uint64_t key[PATH_WORDS];
    memcpy(key, path, sizeof key);
    return key_index_add(&table->paths, key, hash(table->secrets, key, PATH_WORDS), PATH_WORDS, transport);
}

void address_table_remove_path(address_table *table, const ice_path *path) {
    uint64_t key[PATH_WORDS];
    memcpy(key, path, sizeof key);
    key_index_remove(&table->paths, key, hash(table->secrets, key, PATH_WORDS), PATH_WORDS);
}

uint32_t address_table_find_path(const address_table *table, const ice_path *path) {
    uint64_t key[PATH_WORDS];
    memcpy(key, path, sizeof key);
    return key_index_find(&table->paths, key, hash(table->secrets, key, PATH_WORDS), PATH_WORDS);
}

static void ufrag_key(uint64_t *key, const void *ufrag, size_t length) {
    memset(key, 0, UFRAG_WORDS * sizeof *key);
    memcpy(key, ufrag, length);
}

int address_table_add_ufrag(address_table *table, const char *ufrag, uint32_t transport) {
    if (transport == UINT32_MAX || ice_ufrag_check(ufrag)) return -EINVAL;
    uint64_t key[UFRAG_WORDS];
    ufrag_key(key, ufrag, strlen(ufrag));
    return key_index_add(&table->ufrags, key, hash(table->secrets, key, UFRAG_WORDS), UFRAG_WORDS, transport);
}

void address_table_remove_ufrag(address_table *table, const char *ufrag) {
    if (ice_ufrag_check(ufrag)) return;
    uint64_t key[UFRAG_WORDS];
    ufrag_key(key, ufrag, strlen(ufrag));
    key_index_remove(&table->ufrags, key, hash(table->secrets, key, UFRAG_WORDS), UFRAG_WORDS);
}

uint32_t address_table_find_username(const address_table *table, const uint8_t *username, size_t length) {
    size_t most = length <= ICE_MAX_UFRAG ? length : ICE_MAX_UFRAG + 1;
    const uint8_t *colon = most ? memchr(username, ':', most) : NULL;
    // A NUL at the end would look like padding, and find the fragment without it.
    if (!colon || colon == username || colon[-1] == 0) return UINT32_MAX;
    uint64_t key[UFRAG_WORDS];
    ufrag_key(key, username, (size_t)(colon - username));
    return key_index_find(&table->ufrags, key, hash(table->secrets, key, UFRAG_WORDS), UFRAG_WORDS);
}
