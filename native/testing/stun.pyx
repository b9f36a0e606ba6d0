"""STUN with its CRC and MAC, as pytest sees them: the stub says what each function takes and gives."""

import ipaddress
import os

include "testing/exact.pxi"


cdef extern from "core/crc32.h":
    uint32_t c_crc32_of "crc32_of"(const uint8_t *bytes, size_t length)


cdef extern from "core/hmac_sha1.h":
    enum:
        HMAC_SHA1_BYTES
    void c_hmac_sha1 "hmac_sha1"(uint8_t *out, const uint8_t *key, size_t key_length, const uint8_t *head,
                                 size_t head_length, const uint8_t *tail, size_t tail_length)


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
        STUN_MAX_UNKNOWN_ATTRIBUTES
        STUN_TRANSACTION_ID_BYTES
    ctypedef enum stun_role:
        STUN_ROLE_NONE
        STUN_ROLE_CONTROLLING
        STUN_ROLE_CONTROLLED
    ctypedef struct stun_message:
        const uint8_t *bytes
        size_t length
        uint16_t type
        const uint8_t *transaction_id
        const uint8_t *username
        uint16_t username_length
        bint has_priority
        uint32_t priority
        bint use_candidate
        stun_role role
        uint64_t tie_breaker
        bint has_mapped_address
        net_address mapped_address
        uint16_t error_code
        uint16_t integrity_offset
        bint has_fingerprint
        uint8_t unknown_count
        uint16_t unknown[4]
    ctypedef struct stun_request:
        const uint8_t *transaction_id
        const uint8_t *username
        size_t username_length
        uint32_t priority
        bint use_candidate
        stun_role role
        uint64_t tie_breaker
    int stun_parse(stun_message *message, const uint8_t *bytes, size_t length)
    bint stun_check_integrity(const stun_message *message, const uint8_t *key, size_t key_length)
    size_t stun_build_success(uint8_t *out, size_t capacity, const uint8_t *transaction_id, const net_address *mapped,
                              const uint8_t *key, size_t key_length)
    size_t stun_build_error(uint8_t *out, size_t capacity, const uint8_t *transaction_id, uint16_t code,
                            const uint16_t *unknown, size_t unknown_count, const uint8_t *key, size_t key_length)
    size_t stun_build_request(uint8_t *out, size_t capacity, const stun_request *request, const uint8_t *key,
                              size_t key_length)


MAX_BYTES = STUN_MAX_BYTES
MAX_UNKNOWN_ATTRIBUTES = STUN_MAX_UNKNOWN_ATTRIBUTES
ROLE_NONE = <int>STUN_ROLE_NONE
ROLE_CONTROLLING = <int>STUN_ROLE_CONTROLLING
ROLE_CONTROLLED = <int>STUN_ROLE_CONTROLLED


cdef net_address address_of(str host, int port):
    ip = ipaddress.ip_address(host)
    cdef bytes packed = ip.packed
    return net_address_ipv4(packed, port) if ip.version == 4 else net_address_ipv6(packed, port)


cdef host_and_port(const net_address *address):
    cdef bytes packed = address.ip[:16]
    return str(ipaddress.ip_address(packed if address.is_ipv6 else packed[12:])), address.port


def crc32_of(bytes data):
    exact = Exact(data)
    return c_crc32_of(exact.data, exact.length)


def hmac_sha1(bytes key, bytes head, bytes tail=b""):
    k, h, t, out = Exact(key), Exact(head), Exact(tail), Exact(<int>HMAC_SHA1_BYTES)
    c_hmac_sha1(out.data, k.data, k.length, h.data, h.length, t.data, t.length)
    return out.head(out.length)


def parse(bytes data):
    cdef stun_message m
    exact = Exact(data)
    checked(stun_parse(&m, exact.data, exact.length))
    return {
        "type": m.type,
        "transaction_id": m.transaction_id[:STUN_TRANSACTION_ID_BYTES],
        "username": m.username[:m.username_length] if m.username != NULL else None,
        "priority": m.priority if m.has_priority else None,
        "use_candidate": m.use_candidate,
        "role": <int>m.role,
        "tie_breaker": m.tie_breaker,
        "mapped_address": host_and_port(&m.mapped_address) if m.has_mapped_address else None,
        "error_code": m.error_code,
        "integrity_offset": m.integrity_offset,
        "has_fingerprint": m.has_fingerprint,
        "unknown": [m.unknown[i] for i in range(m.unknown_count)],
    }


def check_integrity(bytes data, bytes key):
    cdef stun_message m
    exact, k = Exact(data), Exact(key)
    checked(stun_parse(&m, exact.data, exact.length))
    return stun_check_integrity(&m, k.data, k.length)


def build_success(bytes transaction_id, tuple mapped, bytes key, size_t capacity=STUN_MAX_BYTES):
    cdef net_address address = address_of(mapped[0], mapped[1])
    out, k = Exact(capacity), Exact(key)
    return out.head(stun_build_success(out.data, capacity, transaction_id, &address, k.data, k.length))


def build_error(bytes transaction_id, int code, list unknown, bytes key, size_t capacity=STUN_MAX_BYTES):
    types = Exact(2 * len(unknown))
    cdef uint16_t *type_at = <uint16_t *>types.data
    for i, value in enumerate(unknown):
        type_at[i] = value
    out, k = Exact(capacity), Exact(key)
    return out.head(
        stun_build_error(out.data, capacity, transaction_id, code, type_at, len(unknown), k.data, k.length)
    )


def build_request(bytes transaction_id, bytes username, uint32_t priority, bytes key, bint use_candidate=False,
                  int role=STUN_ROLE_NONE, uint64_t tie_breaker=0, size_t capacity=STUN_MAX_BYTES):
    name, out, k = Exact(username), Exact(capacity), Exact(key)
    cdef stun_request request
    request.transaction_id = transaction_id
    request.username = name.data
    request.username_length = name.length
    request.priority = priority
    request.use_candidate = use_candidate
    request.role = <stun_role>role
    request.tie_breaker = tie_breaker
    return out.head(stun_build_request(out.data, capacity, &request, k.data, k.length))
