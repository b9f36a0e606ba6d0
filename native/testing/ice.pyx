"""ICE agents and the address table, as pytest sees them: the stub says what each method takes and gives."""

import ipaddress
import os
from collections import namedtuple

include "testing/exact.pxi"


cdef extern from "core/address.h":
    ctypedef struct net_address:
        uint8_t ip[16]
        uint16_t port
        uint16_t is_ipv6
    net_address net_address_ipv4(const uint8_t *ip, uint16_t port)
    net_address net_address_ipv6(const uint8_t *ip, uint16_t port)


cdef extern from "core/stun.h":
    enum:
        STUN_MAX_BYTES
    ctypedef struct stun_message:
        pass
    int stun_parse(stun_message *message, const uint8_t *bytes, size_t length)


cdef extern from "media/ice.h":
    enum:
        ICE_MAX_ADDRESSES
        ICE_MAX_UFRAG
        ICE_MAX_PASSWORD
        ICE_CONSENT_US
    ctypedef struct ice_path:
        net_address remote
        uint32_t local
    ctypedef struct ice_credentials:
        char ufrag[33]
        char password[65]
    ctypedef struct ice_change:
        bint checked
        bint added
        bint removed
        bint selected
        bint proven
        bint connected
        bint expired
        ice_path path
        ice_path evicted
    int ice_ufrag_check(const char *ufrag)
    int ice_credentials_check(const ice_credentials *credentials)

    ctypedef struct ice_validated:
        ice_path path
        uint64_t checked_us
        bint nominated
    ctypedef struct ice_lite:
        ice_validated addresses[8]
        uint8_t address_count
        bint connected
    int ice_lite_init(ice_lite *agent, const ice_credentials *local, const ice_credentials *remote)
    int ice_lite_restart(ice_lite *agent, const ice_credentials *local, const ice_credentials *remote)
    size_t ice_lite_on_stun(ice_lite *agent, uint64_t now_us, const ice_path *path, const stun_message *message,
                            uint8_t *response, size_t capacity, ice_change *change)
    void ice_lite_on_timeout(ice_lite *agent, uint64_t now_us, ice_change *change)
    uint64_t ice_lite_next_deadline_us(const ice_lite *agent)
    size_t ice_lite_poll(ice_lite *agent, uint64_t now_us, const uint8_t *transaction_id, uint8_t *out, size_t capacity,
                         ice_path *path)
    const ice_path *ice_lite_selected(const ice_lite *agent)
    bint ice_lite_is_proven(const ice_lite *agent)
    void ice_lite_on_received(ice_lite *agent, const ice_path *path, size_t bytes)
    bint ice_lite_spend(ice_lite *agent, size_t bytes)
    void ice_lite_remove_path(ice_lite *agent, const ice_path *path, ice_change *change)

    ctypedef struct ice_controlling:
        ice_path path
        uint64_t tie_breaker
        bint connected
        bint nominating
    int ice_controlling_init(ice_controlling *agent, const ice_credentials *local, const ice_credentials *remote,
                             const ice_path *path, uint64_t seed, uint64_t now_us)
    void ice_controlling_set_path(ice_controlling *agent, const ice_path *path, uint64_t now_us)
    size_t ice_controlling_on_stun(ice_controlling *agent, uint64_t now_us, const ice_path *path,
                                   const stun_message *message, uint8_t *response, size_t capacity, ice_change *change)
    size_t ice_controlling_poll(ice_controlling *agent, uint64_t now_us, uint8_t *out, size_t capacity,
                                ice_change *change)
    uint64_t ice_controlling_next_deadline_us(const ice_controlling *agent)


cdef extern from "media/address_table.h":
    ctypedef struct address_table:
        pass
    address_table *address_table_create(size_t capacity, const uint64_t *seed)
    void address_table_destroy(address_table *table)
    int address_table_add_path(address_table *table, const ice_path *path, uint32_t transport)
    void address_table_remove_path(address_table *table, const ice_path *path)
    uint32_t address_table_find_path(const address_table *table, const ice_path *path)
    int address_table_add_ufrag(address_table *table, const char *ufrag, uint32_t transport)
    void address_table_remove_ufrag(address_table *table, const char *ufrag)
    uint32_t address_table_find_username(const address_table *table, const uint8_t *username, size_t length)


MAX_ADDRESSES = ICE_MAX_ADDRESSES
MAX_UFRAG = ICE_MAX_UFRAG
MAX_PASSWORD = ICE_MAX_PASSWORD
CONSENT_US = ICE_CONSENT_US
LITE_BYTES = sizeof(ice_lite)
CONTROLLING_BYTES = sizeof(ice_controlling)
NEVER = 2**64 - 1

Path = namedtuple("Path", "host port local", defaults=[0])
Credentials = namedtuple("Credentials", "ufrag password")
Change = namedtuple("Change", "what path evicted", defaults=[frozenset(), None, None])


cdef ice_path path_of(path):
    cdef ice_path c
    ip = ipaddress.ip_address(path.host)
    cdef bytes packed = ip.packed
    c.remote = net_address_ipv4(packed, path.port) if ip.version == 4 else net_address_ipv6(packed, path.port)
    c.local = path.local
    return c


cdef path_from(const ice_path *c):
    cdef bytes packed = c.remote.ip[:16]
    return Path(str(ipaddress.ip_address(packed if c.remote.is_ipv6 else packed[12:])), c.remote.port, c.local)


cdef int credentials_of(ice_credentials *c, credentials) except -1:
    cdef bytes ufrag = credentials.ufrag.encode()
    cdef bytes password = credentials.password.encode()
    # One byte more than fits, and no terminator, is what a careless caller can leave in the structure.
    memset(c, 0, sizeof(ice_credentials))
    memcpy(c.ufrag, <const char *>ufrag, min(len(ufrag), sizeof(c.ufrag)))
    memcpy(c.password, <const char *>password, min(len(password), sizeof(c.password)))
    return 0


cdef change_from(const ice_change *c):
    flags = {
        "checked": c.checked,
        "added": c.added,
        "removed": c.removed,
        "selected": c.selected,
        "proven": c.proven,
        "connected": c.connected,
        "expired": c.expired,
    }
    return Change(
        frozenset(name for name, is_set in flags.items() if is_set),
        path_from(&c.path) if c.checked or c.added or c.selected or c.proven or c.connected else None,
        path_from(&c.evicted) if c.removed else None,
    )


def check_ufrag(str ufrag):
    exact = Exact(ufrag.encode() + b"\0")
    checked(ice_ufrag_check(<const char *>exact.data))


def check_credentials(credentials):
    cdef ice_credentials c
    credentials_of(&c, credentials)
    checked(ice_credentials_check(&c))


cdef class Lite:
    cdef ice_lite agent

    def __init__(self, local, remote):
        cdef ice_credentials l, r
        credentials_of(&l, local)
        credentials_of(&r, remote)
        checked(ice_lite_init(&self.agent, &l, &r))

    def restart(self, local, remote):
        cdef ice_credentials l, r
        credentials_of(&l, local)
        credentials_of(&r, remote)
        checked(ice_lite_restart(&self.agent, &l, &r))

    def on_stun(self, uint64_t now_us, path, bytes data, size_t capacity=STUN_MAX_BYTES):
        cdef stun_message m
        cdef ice_change change
        cdef ice_path c = path_of(path)
        exact, out = Exact(data), Exact(capacity)
        checked(stun_parse(&m, exact.data, exact.length))
        memset(&change, 0xA5, sizeof(ice_change))
        length = ice_lite_on_stun(&self.agent, now_us, &c, &m, out.data, capacity, &change)
        return out.head(length), change_from(&change)

    def on_timeout(self, uint64_t now_us):
        cdef ice_change change
        memset(&change, 0xA5, sizeof(ice_change))
        ice_lite_on_timeout(&self.agent, now_us, &change)
        return change_from(&change)

    def next_deadline_us(self):
        return ice_lite_next_deadline_us(&self.agent)

    def poll(self, uint64_t now_us, bytes transaction_id, size_t capacity=STUN_MAX_BYTES):
        cdef ice_path path
        if len(transaction_id) != 12:
            raise ValueError("a transaction id has 12 bytes")
        out = Exact(capacity)
        length = ice_lite_poll(&self.agent, now_us, transaction_id, out.data, capacity, &path)
        return out.head(length), path_from(&path) if length else None

    def is_proven(self):
        return ice_lite_is_proven(&self.agent)

    def on_received(self, path, size_t count):
        cdef ice_path c = path_of(path)
        ice_lite_on_received(&self.agent, &c, count)

    def spend(self, size_t count):
        return ice_lite_spend(&self.agent, count)

    def selected(self):
        cdef const ice_path *c = ice_lite_selected(&self.agent)
        return path_from(c) if c != NULL else None

    def remove_path(self, path):
        cdef ice_change change
        cdef ice_path c = path_of(path)
        memset(&change, 0xA5, sizeof(ice_change))
        ice_lite_remove_path(&self.agent, &c, &change)
        return change_from(&change)

    @property
    def addresses(self):
        return {path_from(&self.agent.addresses[i].path): self.agent.addresses[i].nominated
                for i in range(self.agent.address_count)}


cdef class Controlling:
    cdef ice_controlling agent

    def __init__(self, local, remote, path, uint64_t seed, uint64_t now_us):
        cdef ice_credentials l, r
        cdef ice_path c = path_of(path)
        credentials_of(&l, local)
        credentials_of(&r, remote)
        checked(ice_controlling_init(&self.agent, &l, &r, &c, seed, now_us))

    def set_path(self, path, uint64_t now_us):
        cdef ice_path c = path_of(path)
        ice_controlling_set_path(&self.agent, &c, now_us)

    def on_stun(self, uint64_t now_us, path, bytes data, size_t capacity=STUN_MAX_BYTES):
        cdef stun_message m
        cdef ice_change change
        cdef ice_path c = path_of(path)
        exact, out = Exact(data), Exact(capacity)
        checked(stun_parse(&m, exact.data, exact.length))
        memset(&change, 0xA5, sizeof(ice_change))
        length = ice_controlling_on_stun(&self.agent, now_us, &c, &m, out.data, capacity, &change)
        return out.head(length), change_from(&change)

    def poll(self, uint64_t now_us, size_t capacity=STUN_MAX_BYTES):
        cdef ice_change change
        out = Exact(capacity)
        memset(&change, 0xA5, sizeof(ice_change))
        length = ice_controlling_poll(&self.agent, now_us, out.data, capacity, &change)
        return out.head(length), change_from(&change)

    def next_deadline_us(self):
        return ice_controlling_next_deadline_us(&self.agent)

    @property
    def tie_breaker(self):
        return self.agent.tie_breaker

    @property
    def connected(self):
        return self.agent.connected

    @property
    def nominating(self):
        return self.agent.nominating

    @nominating.setter
    def nominating(self, bint value):
        self.agent.nominating = value


cdef class Table:
    cdef address_table *table

    def __cinit__(self, size_t capacity, seed=(1, 2)):
        cdef uint64_t[2] words
        words[0], words[1] = seed
        self.table = address_table_create(capacity, words)
        if self.table == NULL:
            raise MemoryError

    def __dealloc__(self):
        address_table_destroy(self.table)

    def add_path(self, path, uint32_t transport):
        cdef ice_path c = path_of(path)
        checked(address_table_add_path(self.table, &c, transport))

    def remove_path(self, path):
        cdef ice_path c = path_of(path)
        address_table_remove_path(self.table, &c)

    def find_path(self, path):
        cdef ice_path c = path_of(path)
        found = address_table_find_path(self.table, &c)
        return None if found == 2**32 - 1 else found

    def add_ufrag(self, str ufrag, uint32_t transport):
        exact = Exact(ufrag.encode() + b"\0")
        checked(address_table_add_ufrag(self.table, <const char *>exact.data, transport))

    def remove_ufrag(self, str ufrag):
        exact = Exact(ufrag.encode() + b"\0")
        address_table_remove_ufrag(self.table, <const char *>exact.data)

    def find_username(self, bytes username):
        exact = Exact(username)
        found = address_table_find_username(self.table, exact.data, exact.length)
        return None if found == 2**32 - 1 else found
