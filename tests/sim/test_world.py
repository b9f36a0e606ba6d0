"""The world replays: the same seed gives the same datagrams at the same times, another seed others."""

from __future__ import annotations

import pytest

from tests.sim.clockwork import MS, SECOND
from tests.sim.netem import Conditions, Gilbert
from tests.sim.world import World

ROUGH = Conditions(
    delay_us=15 * MS,
    jitter_us=10 * MS,
    reorder=True,
    loss=0.02,
    burst=Gilbert(0.005, 0.5),
    duplicate=0.01,
    rate_bps=5_000_000,
)


def trace(seed: int, engines: int) -> str:
    with World(seed, engines=engines, conditions=ROUGH) as world:
        clients = [world.client(i % engines) for i in range(4)]
        for client in clients:
            tracks = [world.publish_audio(client), world.publish_video(client)]
            for other in clients:
                if other is not client:
                    for track in tracks:
                        world.subscribe(other, client, track)
        world.run_for(3 * SECOND)
        return world.trace()


@pytest.mark.parametrize("engines", [1, 3])
def test_the_same_seed_replays_to_the_byte(engines: int) -> None:
    assert trace(5, engines) == trace(5, engines)


def test_another_seed_is_another_run() -> None:
    assert trace(5, 3) != trace(6, 3)


def test_run_until_stops_at_the_first_instant_and_fails_at_its_limit() -> None:
    with World(1, engines=1) as world:
        client = world.client()
        at_us = world.run_until(lambda: bool(client.happened("connected")))
        assert at_us == world.now_us == client.happened("connected")[0]
        with pytest.raises(AssertionError, match="not within"):
            world.run_until(lambda: False, limit_us=SECOND)
