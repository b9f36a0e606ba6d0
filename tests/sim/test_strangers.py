"""Forged, replayed and misdirected datagrams change nothing: the run with them is the run without them, to the byte."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

import pytest

from tests.sim import stun
from tests.sim.checks import read_rtp
from tests.sim.client import Address
from tests.sim.clockwork import MS, SECOND
from tests.sim.world import World

Attack = Callable[[World, random.Random, Address, bytes], None]


def replay(world: World, _: random.Random, remote: Address, data: bytes) -> None:
    world.after(3 * MS, lambda: world.inject(0, data, remote))


def old_replay(world: World, _: random.Random, remote: Address, data: bytes) -> None:
    world.after(2 * SECOND, lambda: world.inject(0, data, remote))


def flip(world: World, chance: random.Random, remote: Address, data: bytes) -> None:
    """One bit, anywhere but in what makes it SRTP; before the true one comes and after."""
    at = chance.randrange(2, len(data))
    forged = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    world.inject(0, forged, remote)
    world.after(MS, lambda: world.inject(0, forged, remote))


def truncate(world: World, chance: random.Random, remote: Address, data: bytes) -> None:
    world.inject(0, data[: chance.randrange(len(data))], remote)


def extend(world: World, chance: random.Random, remote: Address, data: bytes) -> None:
    world.inject(0, data + chance.randbytes(chance.randrange(1, 20)), remote)


def jump(world: World, chance: random.Random, remote: Address, data: bytes) -> None:
    """A sequence number far away, to move the window or the roll-over counter."""
    sequence = (int.from_bytes(data[2:4], "big") + chance.choice((1000, 20000, 32767, 32768, 60000))) & 0xFFFF
    world.inject(0, data[:2] + sequence.to_bytes(2, "big") + data[4:], remote)


def noise(world: World, chance: random.Random, remote: Address, _: bytes) -> None:
    world.inject(0, bytes([chance.randrange(128, 192)]) + chance.randbytes(chance.randrange(200)), remote)


def elsewhere(world: World, _: random.Random, remote: Address, data: bytes) -> None:
    """The authentic packet from an address that no check has validated, before the true one."""
    world.inject(0, data, (remote[0], remote[1] + 1))


def other_port(world: World, _: random.Random, remote: Address, data: bytes) -> None:
    """The authentic packet by way of another of the server's sockets."""
    world.inject(0, data, remote, local=1)


ATTACKS = [replay, old_replay, flip, truncate, extend, jump, noise, elsewhere, other_port]


def run(attack: Attack | None, kinds: str) -> tuple[str, dict[str, object]]:
    """What the engines sent and what the clients decoded, as one text; and the engine's counters."""
    with World(1, engines=2) as world:
        publisher, receiver = world.client(0), world.client(1)
        slots = [
            world.subscribe(receiver, publisher, world.publish_video(publisher, bitrate_bps=300_000)),
            world.subscribe(receiver, publisher, world.publish_audio(publisher)),
        ]
        sent: list[str] = []
        world.on_sent.append(lambda now, engine, d: sent.append(f"{now} {engine} {d.remote} {d.data.hex()}"))
        chance = random.Random(2)
        own: list[bytes] = []

        def watch(now_us: int, engine: int, remote: Address, data: bytes) -> None:
            is_rtp = read_rtp(data) is not None
            wanted = is_rtp if kinds == "rtp" else not is_rtp and not stun.is_stun(data)
            if attack is None or engine != 0 or not wanted or now_us < 1_000_000_000 + SECOND or data in own:
                return
            own.append(data)
            attack(world, chance, remote, data)

        # Only what the client itself sends is watched, not what was injected.
        link = publisher.paths[0].up
        receive = link.receive

        def watched(now_us: int) -> list[tuple[int, Address, bytes]]:
            arrived = receive(now_us)
            for _, remote, data in arrived:
                watch(now_us, 0, remote, data)
            return arrived

        link.receive = watched  # type: ignore[method-assign]
        world.run_for(5 * SECOND)
        sent.extend(str(sorted(receiver.received(slot).items())) for slot in slots)
        return "\n".join(sent), dict(world.engines[0].stats())


@functools.cache
def quiet_run() -> tuple[str, dict[str, object]]:
    return run(None, "rtp")


@pytest.mark.parametrize(
    "attack,kinds",
    # RTCP's index stands at its end, where `flip` reaches it.
    [(attack, kinds) for attack in ATTACKS for kinds in ("rtp", "rtcp") if (attack, kinds) != (jump, "rtcp")],
)
def test_an_attack_changes_nothing(attack: Attack, kinds: str) -> None:
    quiet, quiet_stats = quiet_run()
    loud, loud_stats = run(attack, kinds)
    assert loud_stats["datagrams_received"] != quiet_stats["datagrams_received"], "nothing was injected"
    assert loud == quiet
    unchanged = (
        "rtp_received",
        "rtcp_received",
        "rtp_unlatched",
        "rtp_duplicate",
        "packets_free",
        "transports",
    )
    assert {k: loud_stats[k] for k in unchanged} == {k: quiet_stats[k] for k in unchanged}
