"""A slot's time stays one straight line, however often its content changes."""

from __future__ import annotations

from sfu._testing.engine import AUDIO, VIDEO
from tests.sim.clockwork import MS, SECOND
from tests.sim.netem import Conditions
from tests.sim.receiver_rules import Limits
from tests.sim.strict import Strict
from tests.sim.world import World

SPLICES = 1000
STRICT = Limits(report_us=1 * MS, capture_us=5 * MS)


def test_a_thousand_splices_gather_no_drift() -> None:
    with World(9, engines=2) as world:
        people = [
            world.client(engine, up=Conditions(delay_us), clock_offset_us=offset_us)
            for engine, delay_us, offset_us in ((0, 5 * MS, 3 * SECOND), (1, 17_300, 77_777_777))
        ]
        voices = [
            world.publish_audio(person, phase_us=phase_us)
            for person, phase_us in zip(people, (0, 7_001), strict=True)
        ]
        cameras = [
            world.publish_video(
                person, key_interval=1, key_size_percent=100, bitrate_bps=100_000, phase_us=phase_us
            )
            for person, phase_us in zip(people, (0, 13_337), strict=True)
        ]
        receiver = world.client(0)
        video, audio = world.slot(receiver, VIDEO), world.slot(receiver, AUDIO)
        strict = Strict(world, STRICT)
        for turn in range(SPLICES + 1):
            person = turn % 2
            world.fill(receiver, video, people[person], cameras[person])
            world.fill(receiver, audio, people[person], voices[person])
            # The reports of the first seconds give the line that the others are held to.
            world.run_for(1500 * MS if turn == 0 else 101 * MS + turn % 13 * MS)
            if turn % 50 == 0:
                strict.settle()
        world.run_for(3 * SECOND)
        strict.finish()
        for slot in (video, audio):
            model = strict.slot(receiver, slot)
            assert model.splices > SPLICES
            assert model.lines > 100
            assert model.frames > 2 * SPLICES
