"""What is timed by bench/: each call is a whole batch or frame in C, so that the call itself does not count."""

from libc.stdint cimport uint32_t, uint64_t

cdef extern from "core/cipher.h":
    const char *cipher_backend()

cdef extern from "bench/lib/batch.h":
    ctypedef struct bench_batch:
        pass
    ctypedef int srtp_profile
    bench_batch *bench_batch_open(srtp_profile profile, size_t body, size_t packets)
    void bench_batch_close(bench_batch *self)
    void bench_batch_protect(bench_batch *self)
    void bench_batch_unprotect(bench_batch *self)
    size_t bench_batch_parse(const bench_batch *self)

cdef extern from "bench/lib/room.h":
    ctypedef struct bench_room:
        pass
    bench_room *bench_room_open(uint32_t receivers, uint32_t packets, size_t payload)
    void bench_room_close(bench_room *self)
    void bench_room_next_frame(bench_room *self)
    void bench_room_accept(bench_room *self)
    uint64_t bench_room_depart(bench_room *self)


def backend():
    return cipher_backend().decode()


cdef class Batch:
    cdef bench_batch *batch

    def __cinit__(self, profile, body, packets):
        self.batch = bench_batch_open(profile, body, packets)
        if self.batch == NULL:
            raise ValueError("body or packets out of range")

    def __dealloc__(self):
        bench_batch_close(self.batch)

    def protect(self):
        bench_batch_protect(self.batch)

    def unprotect(self):
        bench_batch_unprotect(self.batch)

    def parse(self):
        return bench_batch_parse(self.batch)


cdef class Room:
    cdef bench_room *room

    def __cinit__(self, receivers, packets, payload):
        self.room = bench_room_open(receivers, packets, payload)
        if self.room == NULL:
            raise ValueError("receivers, packets or payload out of range")

    def __dealloc__(self):
        bench_room_close(self.room)

    def next_frame(self):
        bench_room_next_frame(self.room)

    def accept(self):
        bench_room_accept(self.room)

    def depart(self):
        return bench_room_depart(self.room)
