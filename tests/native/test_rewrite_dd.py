"""media/rewrite_dd: one stream of descriptors out of many, as a receiver reads it that knows nothing of the sources."""

from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.layers import DdRun, DdStream, Frame, RewriteDd
from tests.native import dd_support as dd

WRAP_POINTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
ALL = (1 << 32) - 1


class Publisher:
    """Sends frames by one structure after another, with what it may carry beside."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.number = random.choice(WRAP_POINTS)
        self.stream = DdStream()
        self.structure = dd.L1T3
        self.active = 0

    def key(self) -> tuple[dd.Descriptor, Frame]:
        if self.random.random() < 0.7:
            shape = self.random.choice([dd.L1T3, dd.L3T3])
            self.structure = replace(shape, offset=self.random.randrange(64))
        self.active = (1 << self.structure.target_count) - 1
        return self.sent(dd.Descriptor(True, False, self.structure.offset, 0, structure=self.structure))

    def delta(self) -> tuple[dd.Descriptor, Frame]:
        index = self.random.randrange(len(self.structure.templates))
        active = fdiffs = None
        if self.random.random() < 0.1:
            active = self.active = self.random.randrange(1 << self.structure.target_count)
        if self.random.random() < 0.2:
            fdiffs = (self.random.randrange(1, 40), self.random.randrange(1, 4096))
        return self.sent(
            dd.Descriptor(True, True, (self.structure.offset + index) % 64, 0, None, active, None, fdiffs)
        )

    def sent(self, descriptor: dd.Descriptor) -> tuple[dd.Descriptor, Frame]:
        self.number += self.random.choice([1, 1, 1, 2, 7])
        descriptor = replace(descriptor, frame_number=self.number % 65536)
        return descriptor, self.stream.on_packet(dd.written(descriptor, self.structure))


@dataclass
class Sent:
    """A packet that was given to the slot: what it was, and as what it went out."""

    run: DdRun
    frame: Frame
    meaning: dd.Frame
    out: bytes


def number_of(data: bytes) -> int:
    return int.from_bytes(data[1:3])


class Receiver:
    """Reads in order: the structure that came last is the one that packets mean (section A.8.3)."""

    def __init__(self) -> None:
        self.structure: dd.Structure | None = None
        self.highest = -1
        self.active = 0

    def on_packet(self, data: bytes) -> tuple[dd.Descriptor, dd.Frame]:
        found = dd.read(data, self.structure)
        if found.structure:
            self.structure = found.structure
            self.active = (1 << found.structure.target_count) - 1
        if found.active is not None:
            self.active = found.active
        return found, dd.meaning(found, self.structure)


@given(st.integers(0, 2**32))
def test_a_receiver_reads_one_stream(seed: int) -> None:
    """Numbers rise by as much as the source's, every reference is to the frame that it was to, and what comes late or
    again is never taken for something else."""
    random = Random(seed)
    publishers = [Publisher(random) for _ in range(3)]
    rewrite, receiver = RewriteDd(), Receiver()
    run: DdRun | None = None
    shown = publishers[0]
    history: list[Sent] = []
    last_number = -1
    last_in = 0
    for _ in range(120):
        what = random.random()
        entering = run is None or what < 0.06
        if entering:
            shown = random.choice(publishers)
        descriptor, frame = shown.key() if entering or what < 0.15 else shown.delta()
        targets = random.choice([ALL, ALL, 0b1, 0b111])
        if entering:
            run = rewrite.enter(shown.stream, frame, targets)
        elif descriptor.structure:
            assert run
            run = rewrite.restructure(run, shown.stream, frame, targets)
        elif what < 0.3:
            assert run
            run = rewrite.retarget(run, shown.stream, targets)
        elif what > 0.9 and descriptor.active is None:
            continue  # dropped: its number is a hole
        assert run
        out = rewrite.changed(run, frame)
        rewrite.note(run, frame)
        found, meaning = receiver.on_packet(out)
        expected = dd.meaning(descriptor, shown.structure)
        assert meaning == expected
        assert (found.start, found.end) == (descriptor.start, descriptor.end)
        assert (found.structure is None) == (descriptor.structure is None)
        number = rewrite.next_frame - 1
        assert number % 65536 == found.frame_number
        assert number == last_number + (1 if entering else frame.number - last_in)
        last_number, last_in = number, frame.number
        assert receiver.active == run.targets & shown.active
        history.append(Sent(run, frame, expected, out))
        check_late(rewrite, receiver, random.choice(history))


def check_late(rewrite: RewriteDd, receiver: Receiver, sent: Sent) -> None:
    """A packet that is sent again is what it was; as long as its ids are its own, it is read as that or not at all."""
    assert rewrite.changed(sent.run, sent.frame) == sent.out
    if not rewrite.holds(sent.run) or sent.frame.has_structure:
        return
    try:
        found = dd.read(sent.out, receiver.structure)
    except dd.UnknownTemplateError:
        return
    assert dd.meaning(found, receiver.structure) == sent.meaning


def entered(
    rewrite: RewriteDd, structure: dd.Structure, number: int = 0
) -> tuple[DdStream, DdRun, dd.Descriptor]:
    """A slot that shows a new source: its run, and what went out for its key frame's first packet."""
    stream = DdStream()
    descriptor = dd.Descriptor(True, True, structure.offset, number, structure=structure)
    frame = stream.on_packet(dd.written(descriptor))
    run = rewrite.enter(stream, frame, ALL)
    rewrite.note(run, frame)
    return stream, run, dd.read(rewrite.changed(run, frame))


def test_ids_are_given_in_turn() -> None:
    rewrite = RewriteDd()
    runs = []
    for turn in range(14):
        _, run, out = entered(rewrite, replace(dd.L1T3, offset=7 * turn % 64))
        assert out.structure is not None
        assert out.template_id == out.structure.offset == 5 * turn % 64
        runs.append(run)
        assert [rewrite.holds(run) for run in runs] == [turn - i < 12 for i in range(turn + 1)]  # 12 · 5 ≤ 64


def test_structures_that_fill_the_ids_do_not_stand_beside_each_other() -> None:
    rewrite = RewriteDd()
    one = dd.Template(0, 0, (dd.SWITCH,))
    _, half, _ = entered(rewrite, dd.Structure(3, (one,) * 32))
    _, other_half, _ = entered(rewrite, dd.Structure(3, (one,) * 32))
    assert rewrite.holds(half)
    _, whole, out = entered(rewrite, dd.Structure(3, (one,) * 64))
    assert out.structure is not None
    assert [rewrite.holds(run) for run in (half, other_half, whole)] == [False, False, True]


@pytest.mark.parametrize("number", WRAP_POINTS)
def test_frame_numbers_go_on_over_a_splice(number: int) -> None:
    rewrite = RewriteDd()
    for turn in range(5):
        _, _, out = entered(rewrite, dd.L1T3, number)
        assert out.frame_number == turn


def test_the_numbers_of_a_slot_wrap() -> None:
    rewrite = RewriteDd()
    stream, run, _ = entered(rewrite, dd.L1T3, 65535)
    for number in range(30000, 200000, 30000):
        frame = stream.on_packet(dd.written(dd.Descriptor(True, True, 1, (65535 + number) % 65536)))
        rewrite.note(run, frame)
        assert rewrite.next_frame == number + 1
        assert number_of(rewrite.changed(run, frame)) == number % 65536
    assert entered(rewrite, dd.L1T3)[2].frame_number == (number + 1) % 65536


def test_a_late_frame_takes_no_number_back() -> None:
    rewrite = RewriteDd()
    stream, run, _ = entered(rewrite, dd.L1T3)
    for number in (5, 3):
        rewrite.note(run, stream.on_packet(dd.written(dd.Descriptor(True, True, 1, number))))
        assert rewrite.next_frame == 6


def test_the_same_structure_again_keeps_its_ids() -> None:
    rewrite = RewriteDd()
    stream, run, _ = entered(rewrite, dd.L1T3)
    frame = stream.on_packet(dd.written(dd.Descriptor(True, True, 0, 9, structure=dd.L1T3)))
    again = rewrite.restructure(run, stream, frame, ALL)
    assert dd.read(rewrite.changed(again, frame)).template_id == 0
    other = replace(dd.L1T3, offset=40)
    frame = stream.on_packet(dd.written(dd.Descriptor(True, True, 40, 12, structure=other)))
    found = dd.read(rewrite.changed(rewrite.restructure(again, stream, frame, ALL), frame))
    assert (found.template_id, found.frame_number) == (5, 12)


def test_decode_targets_are_told_while_some_are_dropped() -> None:
    """And after that until a structure makes all of them active (section A.4); else nothing is added."""
    rewrite = RewriteDd()
    stream, run, out = entered(rewrite, dd.L1T3)
    assert out.active is None

    def told(run: DdRun, data: bytes) -> int | None:
        return dd.read(rewrite.changed(run, stream.on_packet(data)), dd.L1T3).active

    plain = dd.written(dd.Descriptor(True, True, 1, 1))
    assert told(run, plain) is None
    narrow = rewrite.retarget(run, stream, 0b110)
    assert told(narrow, plain) == 0b110
    assert told(narrow, dd.written(dd.Descriptor(True, True, 1, 1, active=0b011), dd.L1T3)) == 0b010
    assert told(narrow, plain) == 0b010  # what the publisher said holds on
    wide = rewrite.retarget(narrow, stream, ALL)
    assert told(wide, plain) == 0b011
    key = dd.written(dd.Descriptor(True, True, 0, 2, structure=dd.L1T3))
    assert told(narrow, key) == 0b110
    frame = stream.on_packet(key)
    anew = rewrite.restructure(wide, stream, frame, ALL)
    assert told(anew, key) is None
    assert told(anew, plain) is None
