"""media/dd_stream: which structure a packet means, whatever the order in which packets come."""

import errno
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.layers import DdStream, Frame
from tests.native import dd_support as dd

WRAP_POINTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]

A = dd.L1T3  # ids 0 to 4
B = replace(dd.L3T3, offset=5)  # ids 5 to 19
C = replace(dd.L1T3, offset=20)
OVERLAPPING = replace(dd.L1T3, offset=2)  # with A and B, which a publisher should not do


def key(structure: dd.Structure, number: int, active: int | None = None) -> bytes:
    return dd.written(
        dd.Descriptor(True, False, structure.offset, number % 65536, structure=structure, active=active)
    )


def delta(structure: dd.Structure, index: int, number: int, active: int | None = None) -> bytes:
    descriptor = dd.Descriptor(True, True, (structure.offset + index) % 64, number % 65536, active=active)
    return dd.written(descriptor, structure)


def refused(stream: DdStream, data: bytes) -> int:
    with pytest.raises(OSError) as raised:
        stream.on_packet(data)
    assert raised.value.errno is not None
    return raised.value.errno


@pytest.mark.parametrize("start", WRAP_POINTS)
def test_numbers_go_on_over_the_wrap(start: int) -> None:
    stream = DdStream()
    assert stream.on_packet(key(A, start)).number == start
    for number in range(start, start + 70000, 9999):
        assert stream.on_packet(delta(A, 1, number)).number == number
    assert stream.on_packet(delta(A, 1, number - 300)).number == number - 300


def test_nothing_is_known_before_a_structure() -> None:
    stream = DdStream()
    assert refused(stream, b"\x80\0") == errno.EBADMSG
    assert refused(stream, delta(A, 0, 5)) == errno.ENOENT
    frame = stream.on_packet(key(A, 6))
    assert (frame.generation, frame.has_structure, frame.layer) == (1, True, (0, 0))
    assert refused(stream, delta(A, 0, 5)) == errno.ENOENT  # before the key frame
    assert refused(stream, delta(B, 0, 7)) == errno.ENOENT  # of one that has not come
    assert stream.on_packet(delta(A, 3, 7)).layer == (0, 2)


def test_the_same_structure_again_is_no_other() -> None:
    stream = DdStream()
    for number in (1, 10, 10, 20):
        assert stream.on_packet(key(A, number)).generation == 1
    assert stream.on_packet(delta(A, 1, 15)).generation == 1


def test_what_changed_under_the_same_ids_is_another() -> None:
    """A publisher must not do that (section A.8.3); what it does then is still told apart."""
    stream = DdStream()
    other = replace(A, templates=(*A.templates[:-1], replace(A.templates[-1], fdiffs=(3,))))
    assert stream.on_packet(key(A, 1)).generation == 1
    assert stream.on_packet(key(other, 5)).generation == 2


@pytest.mark.parametrize("later", [B, OVERLAPPING], ids=["ids apart", "ids that overlap"])
def test_late_packets_mean_the_structure_of_their_time(later: dd.Structure) -> None:
    stream = DdStream()
    stream.on_packet(key(A, 1))
    assert stream.on_packet(key(later, 9)).generation == 2
    late = stream.on_packet(delta(A, 2, 7))
    assert (late.generation, late.layer, late.number) == (1, (0, 1), 7)
    assert stream.on_packet(delta(later, 0, 10)).generation == 2
    assert stream.on_packet(key(A, 3)).generation == 1  # sent again
    assert stream.generation == 2
    assert refused(stream, key(replace(A, offset=40), 4)) == errno.ENOENT  # overtaken by the one after it
    assert stream.on_packet(key(A, 20)).generation == 3
    assert stream.template_ids(3) == (0, 5)
    assert stream.template_ids(2) == (later.offset, len(later.templates))
    assert stream.template_ids(1) is None
    assert stream.template_ids(0) is None
    assert stream.template_ids(4) is None


def test_an_earlier_key_frame_of_the_same_structure_comes_late() -> None:
    stream = DdStream()
    stream.on_packet(key(A, 20))
    assert refused(stream, delta(A, 1, 15)) == errno.ENOENT
    assert stream.on_packet(key(A, 12)).generation == 1
    assert stream.on_packet(delta(A, 1, 15)).generation == 1


def test_what_is_refused_changes_nothing() -> None:
    stream = DdStream()
    stream.on_packet(key(A, 100))
    assert refused(stream, delta(B, 3, 20000)) == errno.ENOENT
    assert refused(stream, key(B, 30000)[:20]) == errno.EBADMSG
    assert stream.on_packet(delta(A, 1, 101)).number == 101
    assert stream.template_ids(1) == (0, 5)


def test_active_decode_targets_hold_until_they_are_told_again() -> None:
    stream = DdStream()
    assert stream.on_packet(key(A, 1)).active == 0b111
    assert stream.on_packet(delta(A, 1, 2, active=0b110)).active == 0b110
    assert stream.on_packet(delta(A, 1, 3)).active == 0b110
    assert stream.on_packet(delta(A, 1, 1, active=0b001)).active == 0b110  # late: others were told since
    assert stream.on_packet(key(A, 4)).active == 0b111
    assert stream.on_packet(key(A, 5, active=0b100)).active == 0b100


def assert_means(stream: DdStream, frame: Frame, structure: dd.Structure, index: int) -> None:
    template = structure.templates[index]
    assert frame.layer == (template.spatial, template.temporal)
    assert stream.template_ids(frame.generation) == (structure.offset, len(structure.templates))


@given(st.integers(0, 2**32))
def test_any_order_gives_the_same_meaning_or_none(seed: int) -> None:
    """Structures in turn, frames out of order within a window: what is found means what was sent."""
    random = Random(seed)
    sent: list[tuple[bytes, int, dd.Structure, int]] = []
    number = random.choice(WRAP_POINTS)
    structure = A
    for i in range(60):
        if i % 12 == 0:
            structure = random.choice([A, B, C])
            sent.append((key(structure, number), number, structure, 0))
        else:
            index = random.randrange(len(structure.templates))
            sent.append((delta(structure, index, number), number, structure, index))
        number += random.randrange(1, 5)
    order = sorted(range(len(sent)), key=lambda i: i + random.uniform(0, random.choice([0, 3, 9])))
    stream = DdStream()
    first = sent[order[0]][1]
    found = 0
    for i in order:
        data, number, structure, index = sent[i]
        with suppress(FileNotFoundError):  # ENOENT
            frame = stream.on_packet(data)
            assert_means(stream, frame, structure, index)
            assert (frame.number - number) % 65536 == 0
            assert abs(frame.number - first) < 65536 + 300
            found += 1
    assert found >= len(sent) // 4
