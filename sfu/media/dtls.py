"""DTLS-SRTP (RFC 5764), one side of one association, without I/O: datagrams in, datagrams and keys out.

The server's transports take the server's side; the load client's take the other.

OpenSSL sees no socket but memory, which knows no datagram borders: one datagram is fed at a time, and what comes out is
cut at record headers. Whoever drives this feeds nothing before an ICE check has been valid, so no cookie is asked for.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from OpenSSL import SSL

from sfu.media.certificate import Certificate, matches

MTU_BYTES = 1200
RECORD_HEADER_BYTES = 13  # RFC 6347, section 4.1
_READ_BYTES = 65536
_DTLS_1_2 = 0xFEFD  # pyOpenSSL has no name for it
_LABEL = b"EXTRACTOR-dtls_srtp"  # RFC 5764, section 4.2


@dataclass(frozen=True)
class SrtpProfile:
    """What use_srtp can choose (RFC 5764, section 4.1.2; RFC 7714, section 14.2)."""

    openssl_name: bytes
    number: int
    key_bytes: int
    salt_bytes: int


# The order is the server's preference, and that decides.
PROFILES = (
    SrtpProfile(b"SRTP_AEAD_AES_128_GCM", 0x0007, 16, 12),
    SrtpProfile(b"SRTP_AEAD_AES_256_GCM", 0x0008, 32, 12),
    SrtpProfile(b"SRTP_AES128_CM_SHA1_80", 0x0001, 16, 14),
)


@dataclass(frozen=True, repr=False)
class SrtpKeys:
    """Keys of both directions; `local` is what this side protects with."""

    profile: int
    local_key: bytes
    local_salt: bytes
    remote_key: bytes
    remote_salt: bytes

    def __repr__(self) -> str:
        return f"SrtpKeys(profile={self.profile:#06x}, …)"


class DtlsRole(enum.Enum):
    """Which side an association is; the client begins."""

    SERVER = "server"
    CLIENT = "client"


class DtlsState(enum.Enum):
    """Of an association. SECURED, FAILED and CLOSED are reached at most once, each for good but SECURED → CLOSED."""

    HANDSHAKE = "handshake"
    SECURED = "secured"  # keys are there
    FAILED = "failed"
    CLOSED = "closed"  # the peer has said good-bye


class DtlsFailure(enum.Enum):
    """Why an association failed."""

    FINGERPRINT = "fingerprint"  # the peer's certificate is not the one of the offer
    NO_SRTP = "no_srtp"  # no profile of use_srtp in common
    HANDSHAKE = "handshake"  # OpenSSL refused


def make_context(certificate: Certificate, role: DtlsRole = DtlsRole.SERVER) -> SSL.Context:
    """What all associations of one role share."""
    context = SSL.Context(SSL.DTLS_SERVER_METHOD if role is DtlsRole.SERVER else SSL.DTLS_CLIENT_METHOD)
    context.set_min_proto_version(_DTLS_1_2)
    # Without OP_NO_QUERY_MTU OpenSSL asks the transport for a size after two time-outs, and memory answers 0.
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Certificates are self-signed: which one it is, is compared when the handshake is through.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(certificate.certificate)
    context.use_privatekey(certificate.key)
    context.set_cipher_list(
        b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305"
    )
    context.set_tlsext_use_srtp(b":".join(profile.openssl_name for profile in PROFILES))
    return context


class DtlsAssociation:
    """One side of one handshake. `state` says how far it is; `keys` are there once it is SECURED."""

    def __init__(
        self,
        context: SSL.Context,
        expected_fingerprint: tuple[str, str],
        role: DtlsRole = DtlsRole.SERVER,
    ) -> None:
        """`context` is of that role; the fingerprint is the peer's (algorithm, digest)."""
        self.state = DtlsState.HANDSHAKE
        self.failure: DtlsFailure | None = None
        self.keys: SrtpKeys | None = None
        self._expected = expected_fingerprint
        self._connection = SSL.Connection(context, None)
        self._connection.set_ciphertext_mtu(MTU_BYTES)
        self._role = role
        if role is DtlsRole.SERVER:
            self._connection.set_accept_state()
        else:
            self._connection.set_connect_state()

    def start(self) -> list[bytes]:
        """The client's first flight; a server has none."""
        return self._turn()

    def receive_datagram(self, datagram: bytes) -> list[bytes]:
        """What is to be sent in answer. Nothing that a peer sends raises."""
        if self.state in {DtlsState.FAILED, DtlsState.CLOSED} or not datagram:
            return []
        self._connection.bio_write(datagram)
        return self._turn()

    def timeout_s(self) -> float | None:
        """Seconds until `handle_timeout` is due (OpenSSL's own clock); None: nothing waits for an answer."""
        if self.state in {DtlsState.FAILED, DtlsState.CLOSED}:
            return None
        return self._connection.DTLSv1_get_timeout()

    def handle_timeout(self) -> list[bytes]:
        """What is to be sent again. Harmless when nothing is due."""
        if self.state in {DtlsState.FAILED, DtlsState.CLOSED}:
            return []
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error:  # sent too often
            return self._fail(DtlsFailure.HANDSHAKE)
        return self._output()

    def close(self) -> list[bytes]:
        """The good-bye to send."""
        was, self.state = self.state, DtlsState.CLOSED
        if was is not DtlsState.SECURED:
            return []
        try:
            self._connection.shutdown()
        except SSL.Error:
            return []
        return self._output()

    def _turn(self) -> list[bytes]:
        if self.state is DtlsState.HANDSHAKE:
            try:
                self._connection.do_handshake()
            except SSL.WantReadError:
                return self._output()
            except SSL.Error:
                return [*self._fail(DtlsFailure.HANDSHAKE), *self._output()]
            return self._finish()
        return self._read()

    def _finish(self) -> list[bytes]:
        peer = self._connection.get_peer_certificate(as_cryptography=True)
        if peer is None or not matches(peer, self._expected):
            # Our last flight stays here: the stranger's handshake never ends.
            return self._fail(DtlsFailure.FINGERPRINT)
        chosen = self._connection.get_selected_srtp_profile()
        profile = next((known for known in PROFILES if known.openssl_name == chosen), None)
        if profile is None:
            return self._fail(DtlsFailure.NO_SRTP)
        self.keys = self._export(profile)
        self.state = DtlsState.SECURED
        return [*self._output(), *self._read()]

    def _export(self, profile: SrtpProfile) -> SrtpKeys:
        """RFC 5764, section 4.2: both keys, then both salts, the client's first."""
        key, salt = profile.key_bytes, profile.salt_bytes
        material = self._connection.export_keying_material(_LABEL, 2 * (key + salt))
        client = material[:key], material[2 * key : 2 * key + salt]
        server = material[key : 2 * key], material[2 * key + salt :]
        local, remote = (server, client) if self._role is DtlsRole.SERVER else (client, server)
        return SrtpKeys(profile.number, *local, *remote)

    def _read(self) -> list[bytes]:
        """Reading answers a repeated last flight with ours, and finds the peer's good-bye. Data itself is for nobody."""
        try:
            while True:
                self._connection.recv(_READ_BYTES)
        except SSL.WantReadError:
            pass
        except SSL.Error:  # ZeroReturnError: close_notify
            self.state = DtlsState.CLOSED
        return self._output()

    def _fail(self, failure: DtlsFailure) -> list[bytes]:
        self.state, self.failure = DtlsState.FAILED, failure
        return []

    def _output(self) -> list[bytes]:
        written = bytearray()
        try:
            while True:
                written += self._connection.bio_read(_READ_BYTES)
        except SSL.Error:  # WantReadError: that was all
            pass
        return list(pack_records(bytes(written), MTU_BYTES))


def pack_records(flight: bytes, limit: int) -> Iterator[bytes]:
    """Cuts what OpenSSL has written at record headers into datagrams of at most `limit` bytes (one record may be longer)."""
    start = at = 0
    while at + RECORD_HEADER_BYTES <= len(flight):
        length = RECORD_HEADER_BYTES + int.from_bytes(flight[at + 11 : at + 13])
        if at > start and at + length - start > limit:
            yield flight[start:at]
            start = at
        at += length
    if start < len(flight):
        yield flight[start:]
