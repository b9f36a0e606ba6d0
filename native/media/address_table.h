// Which transport a datagram belongs to: by path (socket and remote address) for media and DTLS, by our ICE user name
// fragment for STUN. Open addressing with a seeded hash, because addresses are chosen by strangers.
#ifndef SFU_MEDIA_ADDRESS_TABLE_H
#define SFU_MEDIA_ADDRESS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "media/ice.h"

typedef struct address_table address_table;

// Room for `capacity` entries of each kind (it does not grow: the bound is known at start). `seed` keys the hash. NULL:
// no memory.
address_table *address_table_create(size_t capacity, const uint64_t seed[2]);
void address_table_destroy(address_table *table);

// 0 (also if it is there already); -EEXIST if the key is taken by another transport (the first keeps it); -ENOSPC when
// full; -EINVAL for the transport UINT32_MAX or a user name fragment that ice_ufrag_check refuses.
int address_table_add_path(address_table *table, const ice_path *path, uint32_t transport);
void address_table_remove_path(address_table *table, const ice_path *path);
// The transport, or UINT32_MAX.
uint32_t address_table_find_path(const address_table *table, const ice_path *path);

int address_table_add_ufrag(address_table *table, const char *ufrag, uint32_t transport);
void address_table_remove_ufrag(address_table *table, const char *ufrag);
// By the part before the colon of a STUN USERNAME. The transport, or UINT32_MAX.
uint32_t address_table_find_username(const address_table *table, const uint8_t *username, size_t length);

#endif
