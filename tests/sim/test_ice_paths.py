"""Where a transport may be reached, as checks tell it: moves, consent, strangers."""

from __future__ import annotations

import pytest

from sfu._testing.engine import Datagram
from tests.sim import stun
from tests.sim.checks import Tap, assert_no_faults, assert_whole
from tests.sim.client import Address, Client
from tests.sim.clockwork import MS, SECOND, START_US
from tests.sim.netem import Conditions
from tests.sim.world import World

CONSENT_US = 30 * SECOND
DTLS = b"\x16\xfe\xfd" + bytes(60)


def check(client: Client, **settings: object) -> bytes:
    return stun.check(client.local_ufrag, client.remote_ufrag, client.local_password, **settings)  # type: ignore[arg-type]


def answer_checks(world: World, client: Client, address: Address) -> None:
    """Whoever is at that address answers the server's checks as the client would."""

    def note(_now_us: int, engine: int, datagram: Datagram) -> None:
        if datagram.remote != address or not stun.is_stun(datagram.data):
            return
        kind, transaction, _ = stun.parse(datagram.data)
        if kind == stun.BINDING_REQUEST:
            world.inject(
                engine, stun.message(stun.BINDING_SUCCESS, transaction, [], client.remote_password), address
            )

    world.on_sent.append(note)


def stranger(number: int) -> tuple[str, int]:
    return f"203.0.113.{number + 1}", 6000 + number


@pytest.mark.parametrize("engines", [1, 2])
def test_media_follows_a_client_to_its_new_address(engines: int) -> None:
    with World(1, engines=engines) as world:
        publisher, receiver = world.client(0), world.client(engines - 1)
        shown = [
            (receiver, world.subscribe(receiver, publisher, world.publish_video(publisher))),
            (publisher, world.subscribe(publisher, receiver, world.publish_video(receiver))),
        ]
        world.run_for(2 * SECOND)
        for _ in range(3):
            old, new = receiver.paths[-1], world.move(receiver)
            old.up.conditions = old.down.conditions = Conditions(loss=1.0)
            paths = len(receiver.happened("path"))
            moved_us = world.run_until(lambda: len(receiver.happened("path")) > paths)  # noqa: B023
            assert receiver.events[-1][1].path == (0, new.address)
            tap = Tap(world)
            world.run_for(2 * SECOND)
            sent = {d.remote for at, engine, d in tap.sent if at > moved_us and engine == receiver.engine}
            assert old.address not in sent
            assert new.address in sent
            world.on_sent.clear()
        for client, slot in shown:
            assert_no_faults(client, slot)
            received = client.received(slot)
            assert received["decoded_us"] > world.now_us - 100 * MS
            assert received["longest_gap_us"] < 700 * MS
            assert received["frames_decoded"] > 200
        assert len(receiver.happened("path")) == 4
        assert not receiver.happened("disconnected")


def test_the_pair_in_use_changes_by_nomination_only() -> None:
    with World(2, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(SECOND)
        own = receiver.paths[0].address
        checks: list[int] = []
        world.on_arrival.append(
            lambda now, _, remote, data: checks.append(now) if remote == own and stun.is_stun(data) else None
        )
        world.run_until(lambda: bool(checks))  # the next is two seconds away
        world.inject(0, check(receiver), stranger(0))
        world.run_for(SECOND)
        answers = [d for _, _, d in world.strays]
        assert len(answers) == 1, "the check is answered"
        assert stun.is_stun(answers[0].data)
        assert stun.parse(answers[0].data)[0] == stun.BINDING_SUCCESS
        assert len(receiver.happened("path")) == 1, "and selects nothing"
        nomination = check(receiver, nominate=True)
        asked = len(check(receiver))
        for _ in range(3):
            asked += len(nomination)
            world.inject(0, nomination, stranger(0))
            world.run_for(100 * MS)
            assert all(stun.is_stun(d.data) for _, _, d in world.strays), "who does not answer gets no media"
            assert sum(len(d.data) for _, _, d in world.strays) <= 3 * asked
        assert len(receiver.happened("path")) == 1
        answer_checks(world, receiver, stranger(0))
        world.strays.clear()
        world.inject(0, nomination, stranger(0))
        world.run_for(SECOND)
        assert len(receiver.happened("path")) == 2
        assert sum(not stun.is_stun(d.data) for _, _, d in world.strays) > 25, "media goes there now"
        # The client's next check, which nominates, brings it back.
        world.run_for(3 * SECOND)
        assert receiver.events[-1][1].path == (0, own)
        assert receiver.received(slot)["decoded_us"] > world.now_us - 100 * MS


def test_no_more_than_eight_addresses_are_valid() -> None:
    with World(3, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(SECOND)

        def accepted() -> list[int]:
            for number in range(12):
                world.inject(0, DTLS + bytes([number]), stranger(number))
            world.run_for(MS)
            return [e.data[-1] for at, e in receiver.events if e.type == "dtls" and at >= world.now_us - MS]

        assert accepted() == []
        for number in range(12):
            world.inject(0, check(receiver), stranger(number))
            world.run_for(MS)
            # The client's own address, in use, is one of the eight and is not pushed out.
            assert accepted() == list(range(max(0, number - 6), number + 1))
        assert sum(stun.is_stun(d.data) for _, _, d in world.strays) == 12
        world.run_for(SECOND)
        assert len(receiver.happened("path")) == 1
        assert_whole(receiver, slot, frames=50)


def test_consent_ends_after_thirty_seconds_and_a_check_revives_it() -> None:
    outage = (START_US + 5 * SECOND, START_US + 50 * SECOND)
    with World(5, engines=2) as world:
        publisher = world.client(0)
        receiver = world.client(1, up=Conditions(delay_us=10 * MS, outages=(outage,)))
        checks: list[int] = []
        world.on_arrival.append(
            lambda now, engine, _, data: checks.append(now) if engine == 1 and stun.is_stun(data) else None
        )
        sent: list[int] = []
        world.on_sent.append(lambda now, engine, _: sent.append(now) if engine == 1 else None)
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(45 * SECOND)
        last_check_us = checks[-1]
        assert last_check_us <= outage[0] + 10 * MS
        assert receiver.happened("disconnected") == [last_check_us + CONSENT_US]
        assert last_check_us + CONSENT_US - 100 * MS < sent[-1] <= last_check_us + CONSENT_US
        assert world.engines[1].stats()["departures_queued"] == 0
        world.run_for(10 * SECOND)
        assert len(receiver.happened("connected")) == 2
        assert receiver.happened("connected")[1] < outage[1] + SECOND
        world.run_for(2 * SECOND)
        assert receiver.received(slot)["decoded_us"] > world.now_us - 100 * MS
        assert_no_faults(receiver, slot)
        assert not publisher.happened("disconnected")


def test_a_publisher_without_consent_may_not_send_either_until_it_checks() -> None:
    """Consent is about what the server sends; what an authenticated publisher sends is still taken in."""
    with World(6, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(SECOND)
        publisher.silent = True
        world.run_for(CONSENT_US + SECOND)
        assert len(publisher.happened("disconnected")) == 1
        tap = Tap(world, lambda d: d.transport == publisher.transport)
        world.run_for(10 * SECOND)
        assert tap.sent == []
        publisher.silent = False
        world.run_for(2 * SECOND)
        assert len(publisher.happened("connected")) == 2
        assert receiver.received(slot)["decoded_us"] > world.now_us - 100 * MS


UNANSWERED = {
    "wrong password": lambda c: stun.check(c.local_ufrag, c.remote_ufrag, "x" * 24),
    "no integrity": lambda c: stun.check(c.local_ufrag, c.remote_ufrag, None),
    "unknown user": lambda c: stun.check("stranger", c.remote_ufrag, c.local_password),
    "wrong remote user": lambda c: stun.check(c.local_ufrag, "stranger", c.local_password),
    "users exchanged": lambda c: stun.check(c.remote_ufrag, c.local_ufrag, c.local_password),
    "integrity of the other end": lambda c: stun.check(c.local_ufrag, c.remote_ufrag, c.remote_password),
    "indication": lambda c: check(c, kind=stun.BINDING_INDICATION),
    "success": lambda c: check(c, kind=stun.BINDING_SUCCESS),
    "error": lambda c: check(c, kind=stun.BINDING_ERROR),
    "allocate": lambda c: check(c, kind=0x0003),
    "no user name": lambda c: stun.message(1, b"transaction!", [], c.local_password),
    "user name alone": lambda c: stun.message(
        1, b"transaction!", [(stun.USERNAME, c.local_ufrag.encode())], c.local_password
    ),
    "unknown attribute, wrong password": lambda c: stun.check(
        c.local_ufrag, c.remote_ufrag, "x" * 24, extra=((0x7000, b"what"),)
    ),
    "role conflict, wrong password": lambda c: stun.check(
        c.local_ufrag, c.remote_ufrag, "x" * 24, role=stun.CONTROLLED
    ),
    "wrong fingerprint": lambda c: check(c)[:-1] + bytes([check(c)[-1] ^ 1]),
    "bit of the user name": lambda c: check(c)[:25] + bytes([check(c)[25] ^ 1]) + check(c)[26:],
}


@pytest.mark.parametrize("what", UNANSWERED)
def test_what_is_not_authentic_gets_no_answer(what: str) -> None:
    with World(7, engines=1) as world:
        client = world.client()
        world.run_for(SECOND)
        before = world.engines[0].stats()
        message = UNANSWERED[what](client)
        world.inject(0, message, stranger(0))
        world.inject(0, DTLS, stranger(0))
        world.run_for(100 * MS)
        after = world.engines[0].stats()
        assert world.strays == []
        assert not client.happened("dtls")
        assert after["stun_refused"] == before["stun_refused"] + 1
        assert after["dtls_dropped"] == before["dtls_dropped"] + 1
        # The same from the client's own address is no better.
        tap = Tap(world)
        world.inject(0, message, client.paths[0].address)
        world.run_for(MS)
        assert tap.sent == []


def test_a_truncated_check_gets_no_answer() -> None:
    with World(8, engines=1) as world:
        client = world.client()
        world.run_for(SECOND)
        whole = check(client)
        for length in range(len(whole)):
            world.inject(0, whole[:length], stranger(0))
            world.run_for(MS)
        assert world.strays == []
        world.inject(0, whole, stranger(0))
        world.run_for(MS)
        assert len(world.strays) == 1


def answer(world: World, message: bytes) -> tuple[int, bytes, dict[int, bytes]]:
    world.inject(0, message, stranger(0))
    world.run_for(MS)
    (_, _, datagram), *_ = world.strays  # a check of the server's may follow
    assert datagram.remote == stranger(0)
    return stun.parse(datagram.data)


def test_a_controlled_peer_is_told_of_the_conflict() -> None:
    with World(9, engines=1) as world:
        client = world.client()
        kind, transaction, attributes = answer(world, check(client, role=stun.CONTROLLED))
        assert (kind, transaction) == (stun.BINDING_ERROR, b"transaction!")
        assert stun.error_code(attributes) == 487
        assert stun.INTEGRITY in attributes
        world.inject(0, DTLS, stranger(0))
        world.run_for(MS)
        assert not client.happened("dtls"), "which validates nothing"


def test_an_unknown_attribute_that_must_be_understood_is_named() -> None:
    with World(10, engines=1) as world:
        client = world.client()
        kind, _, attributes = answer(world, check(client, extra=((0x7000, b"what"), (0xF000, b"may"))))
        assert kind == stun.BINDING_ERROR
        assert stun.error_code(attributes) == 420
        assert attributes[stun.UNKNOWN_ATTRIBUTES] == b"\x70\x00"


def test_a_check_without_priority_is_a_bad_request() -> None:
    with World(11, engines=1) as world:
        client = world.client()
        kind, _, attributes = answer(world, check(client, priority=False))
        assert kind == stun.BINDING_ERROR
        assert stun.error_code(attributes) == 400


def test_an_answer_names_the_address_it_was_asked_from() -> None:
    with World(12, engines=1) as world:
        client = world.client()
        _, _, attributes = answer(world, check(client))
        address, port = stranger(0)
        mapped = attributes[stun.XOR_MAPPED_ADDRESS]
        assert int.from_bytes(mapped[2:4], "big") ^ (stun.MAGIC >> 16) == port
        raw = int.from_bytes(mapped[4:8], "big") ^ stun.MAGIC
        assert ".".join(str(byte) for byte in raw.to_bytes(4, "big")) == address


def test_dtls_passes_both_ways_once_an_address_is_valid() -> None:
    with World(13, engines=1) as world:
        client = world.client()
        address = client.paths[0].address
        world.inject(0, DTLS, address)
        world.run_for(MS)
        assert not client.happened("dtls")
        world.run_until(lambda: bool(client.happened("connected")))
        world.inject(0, DTLS, address)
        world.run_for(MS)
        assert [e.data for _, e in client.events if e.type == "dtls"] == [DTLS]
        tap = Tap(world)
        world.engines[0].transport_dtls(world.now_us, client.transport, DTLS[::-1])
        world.touch(0)
        world.run_for(MS)
        assert [(d.remote, d.data) for _, _, d in tap.sent] == [(address, DTLS[::-1])]


def test_dtls_that_nobody_reads_is_bounded() -> None:
    with World(14, engines=1) as world:
        client = world.client()
        world.run_for(SECOND)
        batch = [(DTLS + i.to_bytes(2, "big"), 0, client.paths[0].address, world.now_us) for i in range(1000)]
        world.engines[0].on_datagrams(world.now_us, batch)
        told = [e for e in world.engines[0].next_events() if e.type == "dtls"]
        dropped = world.engines[0].stats()["dtls_dropped"]
        assert 16 <= len(told) < 1000
        assert len(told) + dropped == 1000
        assert [e.data for e in told] == [data for data, *_ in batch[: len(told)]]


def test_ice_restart_keeps_media_flowing_and_drops_the_old_credentials() -> None:
    with World(15, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(SECOND)
        old = check(receiver, nominate=True)
        world.restart_ice(receiver)
        world.run_for(2 * SECOND)
        assert receiver.received(slot)["decoded_us"] > world.now_us - 100 * MS, (
            "the old pair is still sent to"
        )
        world.inject(0, old, stranger(0))
        world.run_for(MS)
        assert world.strays == []
        answer_checks(world, receiver, stranger(1))
        world.inject(0, check(receiver, nominate=True), stranger(1))
        world.run_for(SECOND)
        assert receiver.events[-1][1].type == "path"
        assert receiver.events[-1][1].path == (0, stranger(1))
        assert {d.remote for _, _, d in world.strays} == {stranger(1)}
        assert sum(not stun.is_stun(d.data) for _, _, d in world.strays) > 25
        assert not receiver.happened("disconnected")


def test_a_forged_address_does_not_take_a_path_over() -> None:
    with World(9, engines=1) as world:
        publisher, victim, thief = world.client(), world.client(), world.client()
        slot = world.subscribe(victim, publisher, world.publish_video(publisher))
        own = world.publish_video(victim)
        mirror = world.subscribe(publisher, victim, own)
        world.run_for(SECOND)
        # The thief's own valid check, from the victim's address.
        for _ in range(5):
            world.inject(thief.engine, check(thief, nominate=True), victim.paths[0].address)
            world.run_for(SECOND)
        for client, watched in ((victim, slot), (publisher, mirror)):
            assert_no_faults(client, watched)
            assert client.received(watched)["decoded_us"] > world.now_us - 100 * MS


def test_a_path_that_its_holder_has_left_goes_to_who_is_there() -> None:
    with World(10, engines=1) as world:
        gone, back = world.client(), world.client()
        world.run_for(SECOND)
        address = gone.paths[0].address
        gone.paths[0].up.conditions = Conditions(loss=1.0)
        world.run_for(11 * SECOND)
        answer_checks(world, back, address)
        world.inject(back.engine, check(back, nominate=True), address)
        world.run_for(MS)
        assert back.events[-1][1].path == (0, address)
        world.inject(back.engine, DTLS, address)
        world.run_for(MS)
        assert back.events[-1][1].type == "dtls"


def test_a_victim_gets_nothing_but_stun_however_often_it_is_named() -> None:
    """A participant writes another's address into its checks, keeps them coming, and falls silent where it is."""
    with World(16, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(2 * SECOND)
        receiver.silent = True
        nomination = check(receiver, nominate=True)
        asked = 0
        for _ in range(45):
            world.inject(0, nomination, stranger(0))
            asked += len(nomination)
            world.run_for(SECOND)
        assert receiver.events[-1][1].path == (0, stranger(0)), "consent for the old address has ended"
        assert all(stun.is_stun(d.data) for _, _, d in world.strays)
        assert sum(len(d.data) for _, _, d in world.strays) <= 3 * asked
        world.engines[0].transport_dtls(world.now_us, receiver.transport, DTLS * 20)
        world.touch(0)
        world.run_for(SECOND)
        assert sum(len(d.data) for _, _, d in world.strays) <= 3 * asked


def test_transaction_ids_differ_among_transports() -> None:
    with World(17, engines=2) as world:
        clients = [world.client(engine) for engine in (0, 0, 1)]
        tap = Tap(world, lambda d: stun.is_stun(d.data))
        for client in clients:
            for number in range(3):
                world.inject(client.engine, check(client, nominate=True), stranger(number))
        world.run_for(100 * MS)
        requests = [stun.parse(d.data) for _, _, d in tap.sent]
        ids = {transaction for kind, transaction, _ in requests if kind == stun.BINDING_REQUEST}
        assert len(ids) >= len(clients)
        assert len({transaction[:4] for transaction in ids}) == len(ids)
