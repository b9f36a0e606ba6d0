"""SRTP and its ciphers for pytest.

Every buffer given to C ends where an unreadable page begins, because the assembly of intel-ipsec-mb is not
instrumented by sanitizers: one byte read or written too far is a crash.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

cdef extern from "sys/mman.h":
    void *mmap(void *, size_t, int, int, int, long)
    int munmap(void *, size_t)
    int mprotect(void *, size_t, int)
    int PROT_NONE, PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS

cdef extern from "core/cipher.h" nogil:
    ctypedef struct cipher_text:
        const uint8_t *prefix
        size_t prefix_length
        const uint8_t *body
        size_t body_length
        const uint8_t *suffix
        size_t suffix_length
    ctypedef struct cipher_gcm:
        pass
    ctypedef struct cipher_cm:
        pass
    const char *cipher_backend()
    cipher_gcm *cipher_gcm_create(const uint8_t *, size_t)
    void cipher_gcm_destroy(cipher_gcm *)
    int cipher_gcm_seal(cipher_gcm *, const uint8_t *, const uint8_t *, size_t, const cipher_text *, uint8_t *)
    int cipher_gcm_open(cipher_gcm *, const uint8_t *, const uint8_t *, size_t, const uint8_t *, size_t, uint8_t *)
    cipher_cm *cipher_cm_create(const uint8_t *, size_t, const uint8_t *, size_t)
    void cipher_cm_destroy(cipher_cm *)
    int cipher_cm_crypt(cipher_cm *, const uint8_t *, const cipher_text *, uint8_t *)
    int cipher_cm_authenticate(cipher_cm *, const uint8_t *, size_t, const uint8_t *, size_t, uint8_t *)
    int cipher_aes_block(const uint8_t *, size_t, const uint8_t *, uint8_t *)

cdef extern from "core/srtp_kdf.h" nogil:
    ctypedef int srtp_label
    int srtp_kdf_derive(const uint8_t *, size_t, const uint8_t *, size_t, srtp_label, uint8_t *, size_t)

cdef extern from "core/srtp_replay.h" nogil:
    ctypedef struct srtp_replay:
        int64_t highest
    void srtp_replay_init(srtp_replay *)
    bint srtp_replay_check(const srtp_replay *, int64_t)
    void srtp_replay_mark(srtp_replay *, int64_t)
    int SRTP_REPLAY_WINDOW

cdef extern from "core/rtp.h" nogil:
    ctypedef struct rtp_header:
        bint marker
        bint padding
        bint has_extension
        uint8_t payload_type
        uint8_t csrc_count
        uint16_t sequence
        uint32_t timestamp
        uint32_t ssrc
        uint16_t payload_offset
        uint16_t payload_length
        uint8_t padding_length

cdef extern from "core/srtp.h" nogil:
    ctypedef int srtp_profile
    ctypedef struct srtp_sender:
        pass
    ctypedef struct srtp_receiver:
        pass
    ctypedef struct srtp_stream:
        pass
    ctypedef struct srtp_outgoing:
        srtp_stream *stream
        int64_t index
        size_t header_length
        cipher_text text
        uint8_t *output
        size_t output_length
        int status
    ctypedef struct srtp_incoming:
        const uint8_t *input
        size_t length
        uint8_t *output
        size_t output_length
        rtp_header header
        int64_t index
        int status
    size_t srtp_key_length(srtp_profile)
    size_t srtp_salt_length(srtp_profile)
    srtp_sender *srtp_sender_create(srtp_profile, const uint8_t *, const uint8_t *)
    void srtp_sender_destroy(srtp_sender *)
    srtp_receiver *srtp_receiver_create(srtp_profile, const uint8_t *, const uint8_t *)
    void srtp_receiver_destroy(srtp_receiver *)
    size_t srtp_sender_overhead(const srtp_sender *)
    srtp_stream *srtp_sender_stream(srtp_sender *, uint32_t)
    size_t srtp_protect(srtp_sender *, srtp_outgoing *, size_t)
    size_t srtp_unprotect(srtp_receiver *, srtp_incoming *, size_t)
    int srtcp_protect(srtp_sender *, uint8_t *, size_t, size_t)
    int srtcp_unprotect(srtp_receiver *, uint8_t *, size_t)
    int SRTP_MAX_RECEIVE_STREAMS

cdef enum:
    PAGE = 4096
    FILL = 0xA5

REPLAY_WINDOW = SRTP_REPLAY_WINDOW
MAX_RECEIVE_STREAMS = SRTP_MAX_RECEIVE_STREAMS


cdef class Fenced:
    """`size` bytes that begin with `content` and end at an unreadable page."""

    cdef uint8_t *mapping
    cdef size_t mapped
    cdef uint8_t *data
    cdef size_t size

    def __cinit__(self, bytes content, size_t size=0):
        self.size = max(size, len(content))
        cdef size_t room = (self.size + PAGE - 1) // PAGE * PAGE
        self.mapped = room + PAGE
        cdef void *mapping = mmap(NULL, self.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if mapping == <void *>-1:
            raise MemoryError
        self.mapping = <uint8_t *>mapping
        if mprotect(self.mapping + room, PAGE, PROT_NONE):
            raise MemoryError
        self.data = self.mapping + room - self.size
        memset(self.mapping, FILL, room)
        memcpy(self.data, <const uint8_t *>content, len(content))

    def __dealloc__(self):
        if self.mapping != NULL:
            munmap(self.mapping, self.mapped)

    cdef bytes take(self, size_t offset, size_t length):
        """The bytes; nothing before the first may have been written."""
        cdef uint8_t *at = self.mapping
        while at < self.data:
            assert at[0] == FILL, "written before the start of a buffer"
            at += 1
        assert offset + length <= self.size
        return self.data[offset : offset + length]


cdef class Pieces:
    """A cipher_text. In place, the body lies in `output` at `offset`; it must be the only piece."""

    cdef Fenced prefix, body, suffix
    cdef cipher_text text

    def __cinit__(self, bytes prefix, bytes body, bytes suffix):
        self.prefix, self.body, self.suffix = Fenced(prefix), Fenced(body), Fenced(suffix)
        self.text.prefix, self.text.prefix_length = self.prefix.data, len(prefix)
        self.text.body, self.text.body_length = self.body.data, len(body)
        self.text.suffix, self.text.suffix_length = self.suffix.data, len(suffix)

    cdef void move_into(self, uint8_t *output):
        assert not self.text.prefix_length and not self.text.suffix_length
        memcpy(output, self.text.body, self.text.body_length)
        self.text.body = output

    cdef size_t length(self):
        return self.text.prefix_length + self.text.body_length + self.text.suffix_length


def backend():
    return cipher_backend().decode()


def aes_block(bytes key, bytes block):
    cdef Fenced output = Fenced(b"", 16)
    cdef int status = cipher_aes_block(Fenced(key).data, len(key), Fenced(block).data, output.data)
    if status:
        raise OSError(-status, "cipher_aes_block")
    return output.take(0, 16)


def kdf_derive(bytes key, bytes salt, int label, size_t length):
    cdef Fenced output = Fenced(b"", length)
    cdef int status = srtp_kdf_derive(Fenced(key).data, len(key), Fenced(salt).data, len(salt), label, output.data,
                                      length)
    if status:
        raise OSError(-status, "srtp_kdf_derive")
    return output.take(0, length)


cdef class Gcm:
    cdef cipher_gcm *gcm

    def __cinit__(self, bytes key):
        self.gcm = cipher_gcm_create(Fenced(key).data, len(key))
        if self.gcm == NULL:
            raise ValueError("cipher_gcm_create")

    def __dealloc__(self):
        cipher_gcm_destroy(self.gcm)

    def seal(self, bytes nonce, bytes aad, bytes body, *, bytes prefix=b"", bytes suffix=b"", bint in_place=False):
        cdef Pieces pieces = Pieces(prefix, body, suffix)
        cdef Fenced output = Fenced(b"", pieces.length() + 16)
        cdef Fenced fenced_nonce = Fenced(nonce), fenced_aad = Fenced(aad)
        if in_place:
            pieces.move_into(output.data)
        cdef int status = cipher_gcm_seal(self.gcm, fenced_nonce.data, fenced_aad.data, len(aad), &pieces.text,
                                          output.data)
        if status:
            raise OSError(-status, "cipher_gcm_seal")
        return output.take(0, output.size)

    def open(self, bytes nonce, bytes aad, bytes sealed, *, bint in_place=False):
        """(status, output). Out of place, output has room for the plaintext only."""
        cdef Fenced input = Fenced(sealed)
        cdef Fenced output = input if in_place else Fenced(b"", max(len(sealed) - 16, 0))
        cdef Fenced fenced_nonce = Fenced(nonce), fenced_aad = Fenced(aad)
        cdef int status = cipher_gcm_open(self.gcm, fenced_nonce.data, fenced_aad.data, len(aad), input.data,
                                          len(sealed), output.data)
        return status, output.take(0, max(len(sealed) - 16, 0))


cdef class Cm:
    cdef cipher_cm *cm

    def __cinit__(self, bytes key, bytes auth_key):
        self.cm = cipher_cm_create(Fenced(key).data, len(key), Fenced(auth_key).data, len(auth_key))
        if self.cm == NULL:
            raise ValueError("cipher_cm_create")

    def __dealloc__(self):
        cipher_cm_destroy(self.cm)

    def crypt(self, bytes iv, bytes body, *, bytes prefix=b"", bytes suffix=b"", bint in_place=False):
        cdef Pieces pieces = Pieces(prefix, body, suffix)
        cdef Fenced output = Fenced(b"", pieces.length())
        cdef Fenced fenced_iv = Fenced(iv)
        if in_place:
            pieces.move_into(output.data)
        cdef int status = cipher_cm_crypt(self.cm, fenced_iv.data, &pieces.text, output.data)
        if status:
            raise OSError(-status, "cipher_cm_crypt")
        return output.take(0, output.size)

    def authenticate(self, bytes first, bytes second=b""):
        cdef Fenced mac = Fenced(b"", 20), fenced_first = Fenced(first), fenced_second = Fenced(second)
        cdef int status = cipher_cm_authenticate(self.cm, fenced_first.data, len(first), fenced_second.data,
                                                 len(second), mac.data)
        if status:
            raise OSError(-status, "cipher_cm_authenticate")
        return mac.take(0, 20)


cdef class Replay:
    cdef srtp_replay window

    def __cinit__(self):
        srtp_replay_init(&self.window)

    def check(self, int64_t index):
        return srtp_replay_check(&self.window, index)

    def mark(self, int64_t index):
        srtp_replay_mark(&self.window, index)

    @property
    def highest(self):
        return self.window.highest


def key_length(int profile):
    return srtp_key_length(profile)


def salt_length(int profile):
    return srtp_salt_length(profile)


cdef check_key(int profile, bytes key, bytes salt):
    if len(key) != srtp_key_length(profile) or len(salt) != srtp_salt_length(profile):
        raise ValueError("length of key or salt")


cdef class Sender:
    cdef srtp_sender *sender

    def __cinit__(self, int profile, bytes key, bytes salt):
        check_key(profile, key, salt)
        self.sender = srtp_sender_create(profile, Fenced(key).data, Fenced(salt).data)
        if self.sender == NULL:
            raise ValueError("srtp_sender_create")

    def __dealloc__(self):
        srtp_sender_destroy(self.sender)

    @property
    def overhead(self):
        return srtp_sender_overhead(self.sender)

    def stream_address(self, uint32_t ssrc):
        return <size_t>srtp_sender_stream(self.sender, ssrc)

    def protect(self, list batch, *, bint in_place=False):
        """`batch` of (index, header, body) or (index, header, body, prefix, suffix); list of (status, packet)."""
        cdef size_t count = len(batch), i
        cdef srtp_outgoing *outgoing = <srtp_outgoing *>calloc(max(count, 1), sizeof(srtp_outgoing))
        cdef list kept = []
        cdef Pieces pieces
        cdef Fenced output
        if outgoing == NULL:
            raise MemoryError
        try:
            for i in range(count):
                index, header, body = batch[i][:3]
                prefix, suffix = batch[i][3:] or (b"", b"")
                pieces = Pieces(prefix, body, suffix)
                output = Fenced(header, len(header) + pieces.length() + srtp_sender_overhead(self.sender))
                if in_place:
                    pieces.move_into(output.data + <size_t>len(header))
                kept.append((pieces, output))
                outgoing[i].stream = srtp_sender_stream(self.sender, int.from_bytes(header[8:12], "big"))
                outgoing[i].index = index
                outgoing[i].header_length = len(header)
                outgoing[i].text = pieces.text
                outgoing[i].output = output.data
                outgoing[i].status = 1
            done = srtp_protect(self.sender, outgoing, count)
            result = []
            for i in range(count):
                output = kept[i][1]
                result.append((outgoing[i].status, output.take(0, outgoing[i].output_length)))
            assert done == sum(not status for status, _ in result)
            return result
        finally:
            free(outgoing)

    def protect_rtcp(self, bytes packet, capacity=None):
        """(status or length, packet)."""
        cdef Fenced buffer = Fenced(packet, len(packet) + 20 if capacity is None else capacity)
        cdef int status = srtcp_protect(self.sender, buffer.data, len(packet), buffer.size if capacity is None else capacity)
        return status, buffer.take(0, max(status, 0))


class Opened:
    """One packet of a batch: `output` is all of the buffer, `packet` what it holds when status is 0."""

    def __init__(self, status, index, packet, output, header):
        self.status = status
        self.index = index
        self.packet = packet
        self.output = output
        self.header = header


cdef class Receiver:
    cdef srtp_receiver *receiver

    def __cinit__(self, int profile, bytes key, bytes salt):
        check_key(profile, key, salt)
        self.receiver = srtp_receiver_create(profile, Fenced(key).data, Fenced(salt).data)
        if self.receiver == NULL:
            raise ValueError("srtp_receiver_create")

    def __dealloc__(self):
        srtp_receiver_destroy(self.receiver)

    def unprotect(self, list batch, *, bint in_place=False):
        cdef size_t count = len(batch), i
        cdef srtp_incoming *incoming = <srtp_incoming *>calloc(max(count, 1), sizeof(srtp_incoming))
        cdef list kept = []
        cdef Fenced input, output
        if incoming == NULL:
            raise MemoryError
        try:
            for i in range(count):
                input = Fenced(batch[i])
                output = input if in_place else Fenced(b"", len(batch[i]))
                kept.append((input, output))
                incoming[i].input = input.data
                incoming[i].length = len(batch[i])
                incoming[i].output = output.data
                incoming[i].status = 1
            done = srtp_unprotect(self.receiver, incoming, count)
            result = []
            for i in range(count):
                output = kept[i][1]
                result.append(Opened(incoming[i].status, incoming[i].index,
                                     output.take(0, incoming[i].output_length), output.take(0, output.size),
                                     dict(incoming[i].header)))
            assert done == sum(not opened.status for opened in result)
            return result
        finally:
            free(incoming)

    def unprotect_rtcp(self, bytes packet):
        """(status or length, all of the buffer)."""
        cdef Fenced buffer = Fenced(packet)
        cdef int status = srtcp_unprotect(self.receiver, buffer.data, len(packet))
        return status, buffer.take(0, buffer.size)
