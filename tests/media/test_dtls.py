"""The server's side of DTLS-SRTP against OpenSSL's client in memory: no socket, and no clock but OpenSSL's own."""

import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from sfu.media.certificate import Certificate, fingerprint, make_certificate, matches
from sfu.media.dtls import (
    MTU_BYTES,
    PROFILES,
    DtlsAssociation,
    DtlsFailure,
    DtlsRole,
    DtlsState,
    make_context,
    pack_records,
)

SERVER = make_certificate()
CLIENT = make_certificate()
CONTEXT = make_context(SERVER)
ALL_PROFILES = b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM"  # Chromium's order


class Client:
    """OpenSSL's client between the same kind of buffers."""

    def __init__(
        self,
        profiles: bytes | None = ALL_PROFILES,
        certificate: Certificate | None = CLIENT,
        mtu: int = MTU_BYTES,
    ) -> None:
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        context.set_options(SSL.OP_NO_QUERY_MTU)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        if certificate:
            context.use_certificate(certificate.certificate)
            context.use_privatekey(certificate.key)
        if profiles:
            context.set_tlsext_use_srtp(profiles)
        self.mtu = mtu
        self.connection = SSL.Connection(context, None)
        self.connection.set_ciphertext_mtu(mtu)
        self.connection.set_connect_state()
        self.done = False

    def receive(self, datagram: bytes = b"") -> list[bytes]:
        if datagram:
            self.connection.bio_write(datagram)
        try:
            if self.done:
                self.connection.recv(1500)
            else:
                self.connection.do_handshake()
                self.done = True
        except SSL.WantReadError:
            pass
        return self.output()

    def output(self) -> list[bytes]:
        try:
            return list(pack_records(self.connection.bio_read(65536), self.mtu))
        except SSL.WantReadError:
            return []

    def keys(self) -> tuple[bytes, bytes]:
        """Material of the client's sending and receiving direction."""
        name = self.connection.get_selected_srtp_profile()
        profile = next(known for known in PROFILES if known.openssl_name == name)
        key, salt = profile.key_bytes, profile.salt_bytes
        material = self.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        return (
            material[:key] + material[2 * key : 2 * key + salt],
            material[key : 2 * key] + material[2 * key + salt :],
        )


def make_server(expected: tuple[str, str] = CLIENT.fingerprint) -> DtlsAssociation:
    return DtlsAssociation(CONTEXT, expected)


def everything(_: bytes) -> bool:
    return True


def run(client: Client, server: DtlsAssociation, passes: Callable[[bytes], bool] = everything) -> None:
    """Until neither side has more to say; `passes` decides what the network delivers."""
    to_server = client.receive()
    for _ in range(20):
        to_client = [reply for sent in to_server if passes(sent) for reply in server.receive_datagram(sent)]
        to_server = [reply for sent in to_client if passes(sent) for reply in client.receive(sent)]
        if not to_server:
            return
    raise AssertionError("the two never stop talking")


def sleep_until_due(server: DtlsAssociation) -> None:
    due = server.timeout_s()
    assert due is not None
    time.sleep(due + 0.01)


def assert_secured(client: Client, server: DtlsAssociation) -> None:
    assert client.done
    assert server.state is DtlsState.SECURED
    assert server.keys is not None
    sent, received = client.keys()
    assert server.keys.remote_key + server.keys.remote_salt == sent
    assert server.keys.local_key + server.keys.local_salt == received
    assert sent != received


def test_both_sides_have_the_same_keys() -> None:
    client, server = Client(), make_server()
    run(client, server)
    assert_secured(client, server)
    assert server.timeout_s() is None


@pytest.mark.parametrize(
    "offered,number",
    [
        (ALL_PROFILES, 0x0007),
        (b"SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM", 0x0007),
        (b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM", 0x0008),
        (b"SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80", 0x0001),
    ],
)
def test_the_servers_order_of_profiles_decides(offered: bytes, number: int) -> None:
    client, server = Client(profiles=offered), make_server()
    run(client, server)
    assert_secured(client, server)
    assert server.keys is not None
    assert server.keys.profile == number


@pytest.mark.parametrize("offered", [None, b"SRTP_AES128_CM_SHA1_32"])
def test_no_common_profile_is_refused(offered: bytes | None) -> None:
    client, server = Client(profiles=offered), make_server()
    run(client, server)
    assert (server.state, server.failure, server.keys) == (DtlsState.FAILED, DtlsFailure.NO_SRTP, None)


def test_another_certificate_than_the_offers_is_refused_before_keys() -> None:
    client, server = Client(certificate=make_certificate()), make_server()
    run(client, server)
    assert (server.state, server.failure, server.keys) == (DtlsState.FAILED, DtlsFailure.FINGERPRINT, None)
    assert not client.done  # our Finished never left
    assert server.receive_datagram(b"\x16\xfe\xfd") == []


def test_no_certificate_is_refused() -> None:
    client, server = Client(certificate=None), make_server()
    with pytest.raises(SSL.Error):  # the server's alert
        run(client, server)
    assert (server.state, server.failure, server.keys) == (DtlsState.FAILED, DtlsFailure.HANDSHAKE, None)


def test_every_datagram_fits() -> None:
    client, server = Client(), make_server()
    sizes = []

    def look(datagram: bytes) -> bool:
        sizes.append(len(datagram))
        return True

    run(client, server, look)
    assert max(sizes) <= MTU_BYTES
    assert server.state is DtlsState.SECURED


@pytest.mark.parametrize("mtu", [256, 300, 500])
def test_a_client_that_fragments(mtu: int) -> None:
    client, server = Client(mtu=mtu), make_server()
    run(client, server)
    assert_secured(client, server)


def fragments(hello: bytes, *cuts: int) -> Iterator[bytes]:
    """A ClientHello in one record as several handshake fragments (RFC 6347, section 4.2.3) in records of their own."""
    head, message = hello[:13], hello[13:]
    kind, body = message[:1], message[12:]
    for number, (start, end) in enumerate(zip((0, *cuts), (*cuts, len(body)), strict=True)):
        part = (
            kind
            + len(body).to_bytes(3)
            + b"\0\0"
            + start.to_bytes(3)
            + (end - start).to_bytes(3)
            + body[start:end]
        )
        yield head[:5] + number.to_bytes(6) + len(part).to_bytes(2) + part


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_client_hello_in_two_fragments(order: tuple[int, int]) -> None:
    client, server = Client(), make_server()
    (hello,) = client.receive()
    pieces = list(fragments(hello, 90))
    # The record numbers of what follows must be above those of the fragments, or they pass for replays; epoch 0's next
    # record of the client comes with a number of 1, so one fragment takes 0 and the other a number far away.
    pieces[1] = pieces[1][:5] + (7).to_bytes(6) + pieces[1][11:]
    replies = [reply for index in order for reply in server.receive_datagram(pieces[index])]
    assert replies, "the two fragments were not put together"
    assert server.state is DtlsState.HANDSHAKE
    assert replies[0][13] == 2  # ServerHello


@pytest.mark.parametrize("lost", range(8))
def test_any_datagram_may_be_lost(lost: int) -> None:
    """The network loses the datagram of that number; timers of both sides mend it."""
    client, server = Client(mtu=600), make_server()
    count = 0

    def passes(_: bytes) -> bool:
        nonlocal count
        count += 1
        return count != lost + 1

    run(client, server, passes)
    for _ in range(3):
        if client.done and server.state is DtlsState.SECURED:
            break
        time.sleep(1.05)  # OpenSSL's first time-out is one second, on its own clock
        again = server.handle_timeout()
        client.connection.DTLSv1_handle_timeout()
        pending = client.output() + [reply for sent in again for reply in client.receive(sent)]
        while pending:
            pending = [
                back
                for sent in pending
                for reply in server.receive_datagram(sent)
                for back in client.receive(reply)
            ]
    assert_secured(client, server)


def test_a_flight_without_answer_is_sent_again() -> None:
    client, server = Client(), make_server()
    (hello,) = client.receive()
    first = server.receive_datagram(hello)
    assert server.handle_timeout() == []  # not yet due
    sleep_until_due(server)
    again = server.handle_timeout()
    assert [len(datagram) for datagram in again] == [len(datagram) for datagram in first]


def test_a_repeated_last_flight_is_answered_again() -> None:
    client, server = Client(), make_server()
    held: list[bytes] = []
    to_server = client.receive()
    for _ in range(2):  # the second answer is the server's last flight, and is lost
        held = [reply for sent in to_server for reply in server.receive_datagram(sent)]
        to_server = [reply for sent in held for reply in client.receive(sent)] if server.keys is None else []
    assert server.state is DtlsState.SECURED
    assert held
    assert not client.done
    time.sleep(1.05)
    client.connection.DTLSv1_handle_timeout()
    answers = [reply for sent in client.output() for reply in server.receive_datagram(sent)]
    assert answers, "the server keeps silent about what was lost"
    for answer in answers:
        client.receive(answer)
    assert_secured(client, server)


def test_good_bye_is_heard_and_said() -> None:
    client, server = Client(), make_server()
    run(client, server)
    client.connection.shutdown()
    for sent in client.output():
        server.receive_datagram(sent)
    assert server.state is DtlsState.CLOSED

    client, server = Client(), make_server()
    run(client, server)
    (good_bye,) = server.close()
    client.connection.bio_write(good_bye)
    with pytest.raises(SSL.ZeroReturnError):
        client.connection.recv(100)
    assert server.close() == []


def test_data_is_for_nobody() -> None:
    client, server = Client(), make_server()
    run(client, server)
    client.connection.send(b"SCTP" * 20)
    assert [reply for sent in client.output() for reply in server.receive_datagram(sent)] == []
    assert server.state is DtlsState.SECURED


@given(st.binary(max_size=200), st.integers(0, 3))
def test_garbage_records_are_ignored(noise: bytes, when: int) -> None:
    """What is no record, and records that fail, are dropped; the handshake goes on around them."""
    client, server = Client(), make_server()
    count = 0

    def disturb(_: bytes) -> bool:
        nonlocal count
        if count == when:
            # A record of a future epoch or an unknown version cannot be read.
            server.receive_datagram(b"\x17\xfe\xfd\x00\x09" + noise)
            server.receive_datagram(b"\x3f" + noise)
        count += 1
        return True

    run(client, server, disturb)
    assert_secured(client, server)


@given(st.data())
def test_no_mutation_of_a_client_hello_raises(data: st.DataObject) -> None:
    client, server = Client(), make_server()
    hello = bytearray(client.receive()[0])
    for _ in range(data.draw(st.integers(1, 4))):
        hello[data.draw(st.integers(0, len(hello) - 1))] = data.draw(st.integers(0, 255))
    server.receive_datagram(bytes(hello[: data.draw(st.integers(1, len(hello)))]))
    assert server.state in {DtlsState.HANDSHAKE, DtlsState.FAILED}
    assert server.keys is None


def test_records_are_packed_at_their_headers() -> None:
    def record(length: int) -> bytes:
        return b"\x16\xfe\xfd" + bytes(8) + length.to_bytes(2) + bytes(length)

    small, big = record(100), record(1150)
    assert list(pack_records(small + small, 1200)) == [small + small]
    assert list(pack_records(small + big + small, 1200)) == [small, big, small]
    assert list(pack_records(b"", 1200)) == []
    assert [len(part) for part in pack_records(small * 30, 1200)] == [113 * 10] * 3


def test_fingerprints_are_compared_whatever_their_case() -> None:
    algorithm, value = CLIENT.fingerprint
    assert matches(CLIENT.certificate, (algorithm.upper(), value.lower()))
    assert matches(CLIENT.certificate, ("sha-512", fingerprint(CLIENT.certificate, "sha-512")))
    assert not matches(SERVER.certificate, (algorithm, value))
    assert not matches(CLIENT.certificate, ("sha-1", value))
    assert not matches(CLIENT.certificate, (algorithm, value[:-1]))
    assert not matches(CLIENT.certificate, (algorithm, value + "é"))
    assert not matches(CLIENT.certificate, ("", ""))


def test_keys_do_not_print() -> None:
    client, server = Client(), make_server()
    run(client, server)
    assert server.keys is not None
    assert repr(server.keys.local_key) not in repr(server.keys)
    assert repr(server.keys) == "SrtpKeys(profile=0x0007, …)"


# ---- the client's side ----

CLIENT_CONTEXT = make_context(CLIENT, DtlsRole.CLIENT)


def meet(
    expected: tuple[str, str] = SERVER.fingerprint, passes: Callable[[bytes], bool] = everything
) -> tuple[DtlsAssociation, DtlsAssociation]:
    """Our client and our server, until neither has more to say; `passes` decides what the network delivers."""
    client, server = DtlsAssociation(CLIENT_CONTEXT, expected, DtlsRole.CLIENT), make_server()
    to_server = client.start()
    for _ in range(20):
        if not to_server:
            if client.timeout_s() is None:
                return client, server
            sleep_until_due(client)
            to_server = client.handle_timeout()
        to_client = [reply for sent in to_server if passes(sent) for reply in server.receive_datagram(sent)]
        to_server = [reply for sent in to_client if passes(sent) for reply in client.receive_datagram(sent)]
    raise AssertionError("the two never stop talking")


def test_each_side_opens_with_what_the_other_protects_with() -> None:
    client, server = meet()
    assert client.state is server.state is DtlsState.SECURED
    ours, theirs = client.keys, server.keys
    assert ours
    assert theirs
    assert ours.profile == theirs.profile == 0x0007
    assert (ours.local_key, ours.local_salt) == (theirs.remote_key, theirs.remote_salt)
    assert (ours.remote_key, ours.remote_salt) == (theirs.local_key, theirs.local_salt)
    assert ours.local_key != ours.remote_key


@pytest.mark.parametrize("lost", range(4))
def test_the_client_asks_again_for_what_is_lost(lost: int) -> None:
    sent = 0

    def passes(_: bytes) -> bool:
        nonlocal sent
        sent += 1
        return sent - 1 != lost

    client, server = meet(passes=passes)
    assert client.state is server.state is DtlsState.SECURED


def test_the_client_gives_no_keys_to_a_stranger() -> None:
    client, _ = meet(expected=make_certificate().fingerprint)
    assert (client.state, client.failure, client.keys) == (DtlsState.FAILED, DtlsFailure.FINGERPRINT, None)


def test_the_clients_good_bye_is_heard() -> None:
    client, server = meet()
    for datagram in client.close():
        server.receive_datagram(datagram)
    assert server.state is DtlsState.CLOSED
