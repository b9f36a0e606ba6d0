"""media/trace, through the engine: nothing until it is asked for, then what happened, and packets without hop SRTP."""

from __future__ import annotations

import errno

import pytest

from sfu.media.trace import PACKETS, Record, path_of, records
from tests.sim.client import Client
from tests.sim.clockwork import MS, SECOND
from tests.sim.world import World

RECORD_BYTES = 24
EVENT_RING_BYTES = 16 * 1024
SNAP_BYTES = 1500 - RECORD_BYTES


def trace(world: World, client: Client, mode: str) -> None:
    world.engines[client.engine].transport_trace(world.now_us, client.transport, mode)


def taken(world: World, engine: int = 0) -> dict[int, list[Record]]:
    """By transport."""
    found: dict[int, list[Record]] = {}
    while (batch := world.engines[engine].next_trace()) is not None:
        found.setdefault(batch[0], []).extend(records(batch[1]))
    return found


def kinds(found: list[Record]) -> list[str]:
    return [record.what for record in found]


def test_nothing_is_recorded_unless_asked_for() -> None:
    with World(1, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(SECOND)
        assert taken(world) == {}


def test_events_of_both_ends_in_order() -> None:
    with World(2, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        trace(world, publisher, "events")
        trace(world, receiver, "events")
        track = world.publish_video(publisher, named=False)
        slot = world.subscribe(receiver, publisher, track)
        world.run_for(SECOND)
        world.subscribe(world.client(), publisher, track)
        world.run_for(SECOND)
        world.empty(receiver, slot)
        found = taken(world)
        of_publisher, of_receiver = found[publisher.transport], found[receiver.transport]
        for of in (of_publisher, of_receiver):
            assert [record.at_us for record in of] == sorted(record.at_us for record in of)
            assert not PACKETS & set(kinds(of))
            order = [what for what in kinds(of) if what in {"connected", "path", "keys", "secured"}]
            assert order[:4] == ["connected", "path", "keys", "secured"]
        latched = next(record for record in of_publisher if record.what == "latched")
        assert (latched.number, latched.id) == (track.layers[0].ssrc, track.source)
        assert any(r.what == "key_frame_requested" and r.id == track.source for r in of_publisher)
        assert any(r.what == "key_frame_arrived" and r.id == track.source for r in of_publisher)
        of_slot = [(r.what, r.slot, r.id) for r in of_receiver if r.what.startswith("slot_")]
        assert of_slot[0] == ("slot_wanted", slot.number, track.source)
        assert of_slot[1] == ("slot_filled", slot.number, track.source)
        assert of_slot[-1][:2] == ("slot_emptied", slot.number)
        path = next(record for record in of_receiver if record.what == "path")
        assert path_of(path)[1] == receiver.paths[0].address


def test_a_trace_begins_with_where_things_stand() -> None:
    with World(3, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher))
        world.run_for(SECOND)
        trace(world, receiver, "events")
        found = taken(world)[receiver.transport]
        assert kinds(found) == ["path", "secured", "slot_filled"]
        assert (found[2].slot, found[2].id) == (slot.number, publisher.video().source)


def test_packets_are_plain_and_the_same_on_both_sides() -> None:
    with World(4, engines=1) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_audio(publisher))
        world.run_for(200 * MS)
        trace(world, publisher, "packets")
        trace(world, receiver, "packets")
        on_wire: list[bytes] = []
        world.on_sent.append(lambda _at, _engine, datagram: on_wire.append(datagram.data))
        world.run_for(SECOND)
        found = taken(world)
        into = [r.data for r in found[publisher.transport] if r.what == "packet_in" and not is_rtcp(r.data)]
        out = [r.data for r in found[receiver.transport] if r.what == "packet_out" and not is_rtcp(r.data)]
        assert len(out) >= 45
        assert {payload(data) for data in out} <= {payload(data) for data in into}
        assert all(int.from_bytes(data[8:12], "big") == slot.ssrc for data in out)
        # On the wire the header is the same, and what follows is not to be read.
        sealed = {wire[:12]: wire for wire in on_wire}
        assert all(sealed[data[:12]] != data and payload(data) not in sealed[data[:12]] for data in out)
        rtcp = [r for r in found[receiver.transport] if r.what in PACKETS and is_rtcp(r.data)]
        assert {r.what for r in rtcp} == {"packet_in", "packet_out"}
        assert {r.data[1] for r in rtcp if r.what == "packet_out"} == {200}  # sender reports


def is_rtcp(data: bytes) -> bool:
    return 192 <= data[1] <= 223


def payload(data: bytes) -> bytes:
    offset = 12 + 4 * (data[0] & 15)
    if data[0] & 0x10:
        offset += 4 + 4 * int.from_bytes(data[offset + 2 : offset + 4], "big")
    padding = data[-1] if data[0] & 0x20 else 0
    return data[offset : len(data) - padding]


def test_off_ends_it() -> None:
    with World(5, engines=1) as world:
        client = world.client()
        trace(world, client, "packets")
        world.publish_audio(client)
        world.run_for(SECOND)
        trace(world, client, "off")
        assert taken(world) == {}
        world.run_for(SECOND)
        assert taken(world) == {}


def test_what_nobody_reads_is_dropped_and_counted() -> None:
    with World(6, engines=1) as world:
        client = world.client()
        world.run_for(SECOND)
        trace(world, client, "events")
        assert len(taken(world)[client.transport]) > 0
        many = EVENT_RING_BYTES // RECORD_BYTES + 100
        pace = world.engines[0].transport_pacing
        for number in range(1, many + 1):
            pace(world.now_us, client.transport, number * 1000)
        found = taken(world)[client.transport]
        assert [record.number for record in found] == list(range(1, EVENT_RING_BYTES // RECORD_BYTES + 1))
        pace(world.now_us, client.transport, 7000)
        lost, after = taken(world)[client.transport]
        assert (lost.what, lost.number) == ("lost", many - len(found))
        assert (after.what, after.number) == ("pacing", 7)


def test_the_ring_goes_round_its_end() -> None:
    with World(7, engines=1) as world:
        client = world.client()
        world.run_for(SECOND)
        trace(world, client, "events")
        taken(world)
        expected = iter(range(1, 10_000))
        for first in range(1, 4000, 100):
            for number in range(first, first + 100):
                world.engines[0].transport_pacing(world.now_us, client.transport, number * 1000)
            for record in taken(world)[client.transport]:
                assert (record.what, record.number) == ("pacing", next(expected))


def test_batches_hold_whole_records_and_transports_take_turns() -> None:
    with World(8, engines=1) as world:
        clients = [world.client() for _ in range(3)]
        for client in clients:
            trace(world, client, "packets")
            world.publish_video(client)
        world.run_for(SECOND)
        turns = []
        while (batch := world.engines[0].next_trace()) is not None:
            assert RECORD_BYTES <= len(batch[1]) <= 1500
            assert all(len(record.data) <= SNAP_BYTES for record in records(batch[1]))
            turns.append(batch[0])
        assert set(turns[:3]) == {client.transport for client in clients}


def test_sixteen_at_a_time_and_a_closed_one_makes_room() -> None:
    with World(9, engines=1) as world:
        clients = [world.client() for _ in range(17)]
        for client in clients[:16]:
            trace(world, client, "events")
        trace(world, clients[0], "packets")  # changing one needs no more room
        with pytest.raises(OSError) as refused:
            trace(world, clients[16], "events")
        assert refused.value.errno == errno.ENOSPC
        world.close(clients[3])
        trace(world, clients[16], "events")
        world.run_for(SECOND)
        assert clients[16].transport in taken(world)


def test_no_transport_no_trace() -> None:
    with World(10, engines=1) as world, pytest.raises(OSError) as refused:
        world.engines[0].transport_trace(world.now_us, 5, "events")
    assert refused.value.errno == errno.ENOENT


def test_keys_are_in_no_record() -> None:
    with World(11, engines=1) as world:
        client = world.client()
        trace(world, client, "packets")
        world.publish_audio(client)
        world.run_for(SECOND)
        everything = b""
        while (batch := world.engines[0].next_trace()) is not None:
            everything += batch[1]
        assert len(everything) > 5_000
        for secret in (*client.keys, client.local_password.encode(), client.remote_password.encode()):
            assert secret not in everything
