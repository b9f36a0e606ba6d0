"""Five mistakes that real servers make, planted behind an engine that does not make them: the strict receiver names each."""

from __future__ import annotations

import pytest

from sfu._testing.engine import VIDEO
from tests.sim.client import Client
from tests.sim.clockwork import MS, SECOND
from tests.sim.netem import Conditions
from tests.sim.planted import (
    AnswerOfNewSource,
    EntryAtDeltaFrame,
    EntryInsideFrame,
    GapAtSplice,
    Mistake,
    ReportOfSendTime,
    RoundedClock,
)
from tests.sim.receiver_rules import Rule
from tests.sim.strict import Strict
from tests.sim.world import World

CLEAN = Conditions(delay_us=20 * MS)
LOSSY = Conditions(delay_us=20 * MS, loss=0.1)


def watch(mistake: type[Mistake] | None, down: Conditions) -> tuple[set[Rule], list[str], int, int]:
    """The rules broken and the faults of a receiver whose slot goes to and fro between two people and their layers, how often the
    mistake was made, and how often the slot was spliced.
    """
    with World(7, engines=3) as world:
        people = [world.client(engine) for engine in (0, 1)]
        tracks = [
            world.publish_video(person, layers=3, bitrate_bps=150_000, frames_per_second=15, phase_us=phase)
            for person, phase in zip(people, (0, 13_337), strict=True)
        ]
        receiver: Client = world.client(2, down=down)
        slot = world.slot(receiver, VIDEO)
        made = mistake(receiver.name, slot.ssrc, slot.rtx_ssrc) if mistake else None
        strict = Strict(world, shim=made)
        for turn in range(50):
            world.fill(receiver, slot, people[turn % 2], tracks[turn % 2], turn // 2 % 3)
            world.run_for(330 * MS if turn else 1500 * MS)
        world.run_for(SECOND)
        model = strict.of(receiver).model
        model.finish(world.now_us)
        return (
            {fault.rule for fault in model.faults},
            [str(fault) for fault in model.faults],
            made.made if made else 0,
            strict.slot(receiver, slot).splices,
        )


@pytest.mark.parametrize("down", [CLEAN, LOSSY], ids=["clean", "lossy"])
def test_nothing_is_found_where_nothing_is_planted(down: Conditions) -> None:
    rules, faults, _, splices = watch(None, down)
    assert not rules, faults
    assert splices > 30


@pytest.mark.parametrize(
    "mistake, down, named, besides",
    [
        (GapAtSplice, CLEAN, Rule.GAP, set()),
        (RoundedClock, CLEAN, Rule.DRIFT, {Rule.CAPTURE}),
        (ReportOfSendTime, CLEAN, Rule.REPORT, {Rule.DRIFT, Rule.CAPTURE}),  # its line of time is wrong, too
        (AnswerOfNewSource, LOSSY, Rule.RETRANSMISSION, set()),
        (EntryInsideFrame, CLEAN, Rule.MIXED_FRAME, set()),
        (EntryAtDeltaFrame, CLEAN, Rule.ENTRY, set()),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_planted_mistake_is_named(
    mistake: type[Mistake], down: Conditions, named: Rule, besides: set[Rule]
) -> None:
    found, faults, made, _ = watch(mistake, down)
    assert made > 0
    assert named in found, faults
    assert found <= besides | {named}, faults
