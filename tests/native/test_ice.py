"""Credentials, and the two agents against each other over a bad network in virtual time, and against aioice."""

import errno
import random
from heapq import heappop, heappush
from typing import Any

import pytest
from aioice import stun as aioice_stun

from sfu._testing.ice import (
    CONSENT_US,
    MAX_PASSWORD,
    MAX_UFRAG,
    NEVER,
    Controlling,
    Credentials,
    Lite,
    Path,
    check_credentials,
    check_ufrag,
)
from tests.native.ice_support import (
    CLIENT,
    ICE_CONTROLLED,
    MS,
    SECOND,
    SERVER,
    TRANSACTION,
    attribute,
    request,
)

SERVER_AT = Path("192.0.2.1", 5000)


# ---- credentials ----


@pytest.mark.parametrize("ufrag", ["abcd", "AZaz09+/", "x" * MAX_UFRAG])
def test_fragments_that_are_allowed(ufrag: str) -> None:
    check_ufrag(ufrag)
    check_credentials(Credentials(ufrag, "p" * 22))
    check_credentials(Credentials(ufrag, "p" * MAX_PASSWORD))


@pytest.mark.parametrize(
    "ufrag",
    [
        "",
        "abc",
        "x" * (MAX_UFRAG + 1),
        "x" * 300,
        "ab:c",
        "abc ",
        "abc-",
        "abc=",
        "abcé",
        "ab\ncd",
        "abc\x7f",
    ],
)
def test_fragments_that_are_not(ufrag: str) -> None:
    with pytest.raises(OSError) as raised:
        check_ufrag(ufrag)
    assert raised.value.errno == errno.EINVAL
    with pytest.raises(OSError) as raised:
        check_credentials(Credentials(ufrag, "p" * 22))
    assert raised.value.errno == errno.EINVAL
    with pytest.raises(OSError) as raised:
        Lite(Credentials(ufrag, "p" * 22), CLIENT)
    assert raised.value.errno == errno.EINVAL
    with pytest.raises(OSError) as raised:
        Lite(SERVER, Credentials(ufrag, "p" * 22))
    assert raised.value.errno == errno.EINVAL


@pytest.mark.parametrize(
    "password", ["", "p" * 21, "p" * (MAX_PASSWORD + 1), "p" * 21 + ":", "p" * 21 + "\xff"]
)
def test_passwords_that_are_not_allowed(password: str) -> None:
    with pytest.raises(OSError) as raised:
        check_credentials(Credentials("abcd", password))
    assert raised.value.errno == errno.EINVAL


# ---- the two agents, over a network that loses, delays and reorders ----


class World:
    """A client and a server in virtual time. `client_at` is what the server sees of the client's address."""

    def __init__(self, seed: int, loss: float = 0.0, delay_us: tuple[int, int] = (5 * MS, 40 * MS)) -> None:
        self.random = random.Random(seed)
        self.loss, self.delay_us = loss, delay_us
        self.now_us = 0
        self.client = Controlling(CLIENT, SERVER, SERVER_AT, seed, 0)
        self.server = Lite(SERVER, CLIENT)
        self.client_at = Path("198.51.100.7", 40_000)
        self.known: set[Path] = set()
        self.wire: list[tuple[int, int, bool, Path, bytes]] = []
        self.events: list[tuple[int, str, str]] = []

    def _send(self, to_server: bool, path: Path, data: bytes) -> None:
        if self.random.random() >= self.loss:
            due_us = self.now_us + self.random.randint(*self.delay_us)
            heappush(self.wire, (due_us, self.random.getrandbits(62), to_server, path, data))

    def _note(self, who: str, change: Any) -> None:
        self.events += [(self.now_us, who, what) for what in sorted(change.what - {"checked"})]
        if who == "server":
            self.known -= {change.evicted}
            self.known |= {change.path} if "added" in change.what else set()
            assert self.known == set(self.server.addresses)

    def _deliver(self, to_server: bool, path: Path, data: bytes) -> None:
        if to_server:
            response, change = self.server.on_stun(self.now_us, path, data)
            self._note("server", change)
            if response:
                self._send(False, path, response)
        elif path == self.client_at:  # what went to an address that the client has left is lost
            response, change = self.client.on_stun(self.now_us, SERVER_AT, data)
            self._note("client", change)
            if response:
                self._send(True, path, response)

    def run_until(self, end_us: int) -> None:
        while True:
            due_us = min(
                self.wire[0][0] if self.wire else NEVER,
                self.client.next_deadline_us(),
                self.server.next_deadline_us(),
            )
            if due_us > end_us:
                self.now_us = end_us
                return
            self.now_us = max(self.now_us, due_us)
            if self.wire and self.wire[0][0] <= self.now_us:
                _, _, to_server, path, data = heappop(self.wire)
                self._deliver(to_server, path, data)
            if self.client.next_deadline_us() <= self.now_us:
                data, change = self.client.poll(self.now_us)
                self._note("client", change)
                self._send(True, self.client_at, data)
            if self.server.next_deadline_us() <= self.now_us:
                self._note("server", self.server.on_timeout(self.now_us))
                data, asked = self.server.poll(self.now_us, self.random.randbytes(12))
                if asked:
                    self._send(False, asked, data)

    def times(self, who: str, what: str) -> list[int]:
        return [at_us for at_us, subject, event in self.events if (subject, event) == (who, what)]


def test_connects_in_one_round_trip() -> None:
    world = World(1, delay_us=(20 * MS, 20 * MS))
    world.run_until(10 * SECOND)
    assert world.times("server", "connected") == [20 * MS]
    assert world.times("client", "connected") == [40 * MS]
    assert world.times("server", "proven") == [60 * MS]
    assert world.server.selected() == world.client_at
    assert world.server.addresses == {world.client_at: True}


def test_connects_when_the_round_trip_is_longer_than_the_pace() -> None:
    world = World(1, delay_us=(400 * MS, 400 * MS))
    world.run_until(5 * SECOND)
    assert world.times("client", "connected") == [800 * MS]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("loss", [0.02, 0.2])
def test_loss_delays_the_beginning_and_ends_nothing(seed: int, loss: float) -> None:
    world = World(seed, loss)
    world.run_until(600 * SECOND)
    assert len(world.times("client", "connected")) == len(world.times("server", "connected")) == 1
    assert world.times("client", "connected")[0] < 2 * SECOND
    assert not world.times("client", "expired")
    assert not world.times("server", "expired")


@pytest.mark.parametrize("seed", range(5))
def test_even_half_of_all_lost_ends_in_a_connection(seed: int) -> None:
    world = World(seed, 0.5)
    world.run_until(120 * SECOND)
    assert world.client.connected
    assert world.server.selected() == world.client_at


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_ends_consent_on_both_sides_and_a_healed_line_revives_it(seed: int) -> None:
    world = World(seed)
    world.run_until(10 * SECOND)
    world.loss = 1.0
    world.run_until(60 * SECOND)
    for who in ("client", "server"):
        (expired_us,) = world.times(who, "expired")
        assert 10 * SECOND + CONSENT_US - 3.1 * SECOND < expired_us <= 10 * SECOND + CONSENT_US + 40 * MS
    assert world.server.selected() is None
    world.loss = 0.0
    world.run_until(62 * SECOND)
    assert len(world.times("client", "connected")) == len(world.times("server", "connected")) == 2
    assert world.server.selected() == world.client_at


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_shorter_than_consent_goes_unnoticed(seed: int) -> None:
    world = World(seed)
    world.run_until(10 * SECOND)
    world.loss = 1.0
    world.run_until(36 * SECOND)
    world.loss = 0.0
    world.run_until(70 * SECOND)
    assert not world.times("client", "expired")
    assert not world.times("server", "expired")


@pytest.mark.parametrize("seed", range(5))
def test_a_rebound_address_is_followed_within_one_consent_check(seed: int) -> None:
    world = World(seed)
    world.run_until(20 * SECOND)
    old, world.client_at = world.client_at, Path("203.0.113.4", 1)
    world.run_until(24 * SECOND)
    assert world.server.selected() == world.client_at
    assert world.client.connected
    assert set(world.server.addresses) == {old, world.client_at}
    world.run_until(60 * SECOND)
    assert set(world.server.addresses) == {world.client_at}, "the old one has aged"
    assert not world.times("client", "expired")
    assert not world.times("server", "expired")


@pytest.mark.parametrize("seed", range(5))
def test_a_changed_network_is_followed_at_once(seed: int) -> None:
    world = World(seed, 0.1)
    world.run_until(20 * SECOND)
    world.client_at = Path("2001:db8::4", 999)
    world.client.set_path(SERVER_AT, world.now_us)
    world.run_until(22 * SECOND)
    assert world.server.selected() == world.client_at
    assert world.client.connected


def test_a_client_that_moves_all_the_time_leaves_few_traces() -> None:
    world = World(3, 0.1)
    for number in range(200):
        world.run_until((number + 1) * SECOND)
        world.client_at = Path("203.0.113.4", 1000 + number)
        world.client.set_path(SERVER_AT, world.now_us)
    world.run_until(203 * SECOND)
    assert world.server.selected() == world.client_at
    assert not world.times("server", "expired")


def test_a_run_is_repeated_by_its_seed() -> None:
    def events(seed: int) -> list[tuple[int, str, str]]:
        world = World(seed, 0.3)
        world.run_until(100 * SECOND)
        return world.events

    assert events(5) == events(5)
    assert events(5) != events(6)


# ---- aioice: the same messages in another's eyes ----


def aioice_parsed(data: bytes, password: str) -> Any:
    message = aioice_stun.parse_message(data)
    assert message.check_message_integrity(password.encode())
    assert "FINGERPRINT" in message.attributes
    assert "MESSAGE-INTEGRITY" in message.attributes
    return message


def aioice_request(**attributes: Any) -> bytes:
    message = aioice_stun.Message(
        message_method=aioice_stun.Method.BINDING,
        message_class=aioice_stun.Class.REQUEST,
        transaction_id=TRANSACTION,
        attributes={"USERNAME": "srv0:client00", "PRIORITY": 1845501695, **attributes},
    )
    message.add_message_integrity(SERVER.password.encode())
    return bytes(message)


def test_aioice_reads_our_requests() -> None:
    data, _ = Controlling(CLIENT, SERVER, SERVER_AT, 1, 0).poll(0)
    message = aioice_parsed(data, SERVER.password)
    assert message.message_class == aioice_stun.Class.REQUEST
    assert message.attributes["USERNAME"] == "srv0:client00"
    assert message.attributes["PRIORITY"] == 0x6EFFFFFF
    assert {"USE-CANDIDATE", "ICE-CONTROLLING"} <= set(message.attributes)


@pytest.mark.parametrize("path", [Path("198.51.100.7", 40_000), Path("2001:db8::7", 9)])
def test_aioice_reads_our_answers_to_its_requests(path: Path) -> None:
    server = Lite(SERVER, CLIENT)
    response, change = server.on_stun(
        0, path, aioice_request(**{"ICE-CONTROLLING": 5, "USE-CANDIDATE": None})
    )
    assert change.what == {"checked", "added", "selected", "connected"}
    message = aioice_parsed(response, SERVER.password)
    assert message.message_class == aioice_stun.Class.RESPONSE
    assert message.transaction_id == TRANSACTION
    assert message.attributes["XOR-MAPPED-ADDRESS"] == (path.host, path.port)


def test_aioice_reads_our_refusals() -> None:
    server, path = Lite(SERVER, CLIENT), Path("198.51.100.7", 40_000)
    conflict, _ = server.on_stun(0, path, aioice_request(**{"ICE-CONTROLLED": 5}))
    assert aioice_parsed(conflict, SERVER.password).attributes["ERROR-CODE"][0] == 487
    incomplete, _ = server.on_stun(0, path, request(priority=False, role=ICE_CONTROLLED))
    assert aioice_parsed(incomplete, SERVER.password).attributes["ERROR-CODE"][0] == 400
    unknown, _ = server.on_stun(0, path, request(more=(attribute(0x7FFF),)))
    assert aioice_parsed(unknown, SERVER.password).attributes["ERROR-CODE"][0] == 420


def test_our_client_believes_an_answer_of_aioice() -> None:
    client = Controlling(CLIENT, SERVER, SERVER_AT, 1, 0)
    asked = aioice_parsed(client.poll(0)[0], SERVER.password)
    answer = aioice_stun.Message(
        message_method=aioice_stun.Method.BINDING,
        message_class=aioice_stun.Class.RESPONSE,
        transaction_id=asked.transaction_id,
        attributes={"XOR-MAPPED-ADDRESS": ("198.51.100.7", 40_000)},
    )
    answer.add_message_integrity(SERVER.password.encode())
    assert client.on_stun(1, SERVER_AT, bytes(answer))[1].what == {"checked", "selected", "connected"}
