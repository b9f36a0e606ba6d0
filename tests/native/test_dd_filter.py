"""media/dd_filter on streams made from what each scalability mode means: what is left out is never referred to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing.layers import FILTER_FRAMES, DdFilter, DdStream
from tests.native import dd_support as dd

MODES = ["L1T3", "L3T3", "L3T3_KEY", "S3T3"]
TEMPORAL = [0, 2, 1, 2]  # of pictures in turn
TARGETS = [(s, t) for s in range(3) for t in range(3)]


@dataclass(frozen=True)
class Coded:
    """A frame: its layer, what it refers to, and its only packet's descriptor."""

    number: int
    timestamp: int
    key: bool  # of a key picture
    layer: tuple[int, int]
    references: frozenset[int]
    descriptor: bytes


class Encoder:
    """Pictures of one scalability mode. Which frames a decode target and a chain have follows from the mode's meaning
    (AV1 specification, section 6.7.5), by a predicate over layers: `uses`."""

    def __init__(self, mode: str, number: int = 0) -> None:
        self.mode = mode
        self.spatial_layers = int(mode[1])
        self.number = number
        self.picture = 0
        self.latest: dict[tuple[int, int], int] = {}  # layer → frame
        self.chains: dict[int, int | None] = {}
        self.targets = [target for target in TARGETS if target[0] < self.spatial_layers]
        layers = range(self.spatial_layers)
        self.templates = [
            (s, t, key) for s in layers for t, key in ((0, True), (0, False), (1, False), (2, False))
        ]
        self.structure = dd.Structure(
            number % 64,
            tuple(
                dd.Template(s, t, self.dtis(s, t, key), (), (0,) * self.spatial_layers)
                for s, t, key in self.templates
            ),
            tuple(s for s, _ in self.targets),
        )

    def uses(self, upper: int, lower: int, key: bool) -> bool:
        """Whether spatial layer `upper` needs the frame of `lower` in a picture."""
        return lower == upper or (lower < upper and (self.mode[0] == "L" and (key or "KEY" not in self.mode)))

    def dtis(self, spatial: int, temporal: int, key: bool) -> tuple[int, ...]:
        found = []
        for target_spatial, target_temporal in self.targets:
            if temporal > target_temporal or not self.uses(target_spatial, spatial, key):
                found.append(dd.NOT_PRESENT)
            elif key or (spatial == target_spatial and temporal == 0):
                found.append(dd.SWITCH)
            elif spatial == target_spatial and temporal == target_temporal:
                found.append(dd.DISCARDABLE)
            else:
                found.append(dd.SWITCH if spatial == target_spatial else dd.REQUIRED)
        return tuple(found)

    def frames(self, key: bool) -> Iterator[Coded]:
        """The frames of one picture."""
        if key:
            self.picture = 0
            self.latest = {}
            self.chains = dict.fromkeys(range(self.spatial_layers))
        temporal = TEMPORAL[self.picture % 4]
        below = None
        for spatial in range(self.spatial_layers):
            references = set()
            if not key:
                earlier = [
                    self.latest[spatial, t] for t in range(temporal + 1) if (spatial, t) in self.latest
                ]
                wanted = [self.latest[spatial, 0]] if temporal < 2 else earlier
                references.add(max(wanted))
            if below is not None and self.uses(spatial, spatial - 1, key):
                references.add(below)
            chains = []
            for chain in range(self.spatial_layers):
                before = self.chains[chain]
                chains.append(0 if before is None else self.number - before)
            index = self.templates.index((spatial, temporal, key))
            first = key and spatial == 0
            yield Coded(
                self.number,
                self.timestamp,
                key,
                (spatial, temporal),
                frozenset(references),
                dd.written(
                    dd.Descriptor(
                        True,
                        True,
                        (self.structure.offset + index) % 64,
                        self.number % 65536,
                        structure=self.structure if first else None,
                        fdiffs=tuple(self.number - reference for reference in references),
                        chains=tuple(chains),
                    ),
                    self.structure,
                ),
            )
            for chain in range(self.spatial_layers):
                if temporal == 0 and self.uses(chain, spatial, key):
                    self.chains[chain] = self.number
            if temporal < 2:
                self.latest[spatial, temporal] = self.number
            below = self.number
            self.number += 1
        self.picture += 1
        self.timestamp += 3000

    timestamp = 0xFFFF0000

    def belongs(self, frame: Coded, layer: tuple[int, int]) -> bool:
        """Whether a frame is of the decode target with that layer."""
        return frame.layer[1] <= layer[1] and self.uses(
            min(layer[0], self.spatial_layers - 1), frame.layer[0], frame.key
        )


class Receiver:
    """Gets what the filter lets through."""

    def __init__(self, layer: tuple[int, int]) -> None:
        self.stream = DdStream()
        self.filter = DdFilter(*layer)
        self.forwarded: list[Coded] = []
        self.last: list[Coded] = []
        self.wants_key_frame = False
        self.changes = 0

    def on_frame(self, frame: Coded) -> bool:
        verdict = self.filter.on_packet(
            self.stream, self.stream.on_packet(frame.descriptor), frame.timestamp & 0xFFFFFFFF
        )
        self.wants_key_frame = verdict["wants_key_frame"]
        self.changes += verdict["changed"]
        if verdict["forward"]:
            self.forwarded.append(frame)
        if verdict["last"]:
            assert verdict["forward"]
            self.last.append(frame)
        return verdict["forward"]

    def on_pictures(self, encoder: Encoder, count: int, key: bool = False) -> list[Coded]:
        """Feeds pictures, the first maybe a key picture; returns all their frames, and clears what was forwarded."""
        self.forwarded, self.last = [], []
        frames = []
        for i in range(count):
            for frame in encoder.frames(key and i == 0):
                frames.append(frame)
                self.on_frame(frame)
        return frames

    def has_just(self, encoder: Encoder, frames: list[Coded], layer: tuple[int, int]) -> bool:
        """Whether just the frames of a decode target were forwarded; the one with the structure always is."""
        carries = [frame for frame in frames if frame.key and frame.layer[0] == 0]
        return self.forwarded == [
            frame for frame in frames if encoder.belongs(frame, layer) or frame in carries
        ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layer", [*TARGETS, (3, 7)])
@pytest.mark.parametrize("number", [0, 127, 32767, 65530])
def test_each_layer_of_each_mode(mode: str, layer: tuple[int, int], number: int) -> None:
    encoder, receiver = Encoder(mode, number), Receiver(layer)
    frames = receiver.on_pictures(encoder, 300, key=True)
    assert receiver.has_just(encoder, frames, layer)
    assert not receiver.wants_key_frame
    pictures = {frame.timestamp: frame for frame in receiver.forwarded}  # the last one of each
    assert receiver.last == list(pictures.values())


@pytest.mark.parametrize("mode", MODES)
def test_targets_that_can_be_decoded(mode: str) -> None:
    """With independent layers those below are not sent, and are no decode targets of the receiver."""
    for spatial, temporal in TARGETS:
        encoder, receiver = Encoder(mode), Receiver((spatial, temporal))
        receiver.on_pictures(encoder, 1, key=True)
        highest = min(spatial, encoder.spatial_layers - 1)
        alone = mode in ("L3T3_KEY", "S3T3")
        expected = [t <= temporal and (s == highest if alone else s <= highest) for s, t in encoder.targets]
        assert receiver.filter.targets == sum(1 << i for i, active in enumerate(expected) if active)


def test_nothing_before_a_key_frame() -> None:
    encoder, receiver = Encoder("L3T3"), Receiver((2, 2))
    key, *rest = [*encoder.frames(True), *encoder.frames(False)]
    receiver.stream.on_packet(key.descriptor)
    for frame in rest:
        assert not receiver.on_frame(frame)
        assert receiver.wants_key_frame
    receiver.on_pictures(encoder, 1, key=True)
    assert not receiver.wants_key_frame
    assert not receiver.on_frame(rest[-1])  # late, from before the first


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("temporal", range(3))
@pytest.mark.parametrize("pictures", range(1, 9))
def test_temporal_layers_go_at_once_and_come_soon(mode: str, temporal: int, pictures: int) -> None:
    encoder, receiver = Encoder(mode), Receiver((2, 2))
    receiver.on_pictures(encoder, pictures, key=True)
    receiver.filter.want(2, temporal)
    frames = receiver.on_pictures(encoder, 13)
    assert receiver.has_just(encoder, frames, (2, temporal))
    receiver.filter.want(2, 2)
    receiver.on_pictures(encoder, 4)  # what refers to frames that were left out is left out
    frames = receiver.on_pictures(encoder, 13)
    assert receiver.has_just(encoder, frames, (2, 2))
    assert not receiver.wants_key_frame


@pytest.mark.parametrize("pictures", range(1, 9))
def test_spatial_layers_of_full_svc_go_at_once(pictures: int) -> None:
    encoder, receiver = Encoder("L3T3"), Receiver((2, 2))
    receiver.on_pictures(encoder, pictures, key=True)
    for layer in ((1, 2), (0, 1)):
        receiver.filter.want(*layer)
        frames = receiver.on_pictures(encoder, 9)
        assert receiver.has_just(encoder, frames, layer)
        assert not receiver.wants_key_frame
        pictures_of = {frame.timestamp: frame for frame in receiver.forwarded}
        assert receiver.last == list(pictures_of.values())


@pytest.mark.parametrize(
    "mode, before, after",
    [
        ("L3T3", (0, 2), (2, 2)),
        ("L3T3", (1, 1), (2, 2)),
        ("L3T3_KEY", (0, 2), (2, 2)),
        ("L3T3_KEY", (2, 2), (1, 2)),
        ("S3T3", (0, 0), (2, 2)),
        ("S3T3", (2, 2), (0, 2)),
    ],
)
def test_what_was_not_sent_comes_with_a_key_frame(
    mode: str, before: tuple[int, int], after: tuple[int, int]
) -> None:
    encoder, receiver = Encoder(mode), Receiver(before)
    receiver.on_pictures(encoder, 6, key=True)
    receiver.filter.want(*after)
    receiver.on_pictures(encoder, 4)
    frames = receiver.on_pictures(encoder, 12)
    asked = [receiver.wants_key_frame]
    assert receiver.has_just(encoder, frames, (before[0], after[1]))
    frames = receiver.on_pictures(encoder, 12, key=True)
    asked.append(receiver.wants_key_frame)
    assert asked == [True, False]
    assert receiver.has_just(encoder, frames, after)


class Hand:
    """A filter fed with descriptors made by hand, two frames to a picture."""

    def __init__(self, structure: dd.Structure, layer: tuple[int, int], pictures_of: int = 2) -> None:
        self.structure, self.pictures_of = structure, pictures_of
        self.stream, self.filter = DdStream(), DdFilter(*layer)
        self.wants_key_frame = False

    def forwards(
        self, number: int, template: int, key: bool = False, **custom: tuple[int, ...] | int
    ) -> bool:
        carried = self.structure if key else None
        template_id = (self.structure.offset + template) % 64
        descriptor = dd.Descriptor(True, True, template_id, number, carried, **custom)  # type: ignore[arg-type]
        frame = self.stream.on_packet(dd.written(descriptor, self.structure))
        verdict = self.filter.on_packet(self.stream, frame, number // self.pictures_of)
        self.wants_key_frame = verdict["wants_key_frame"]
        return verdict["forward"]


L2T1 = dd.Structure(
    0,
    (
        dd.Template(0, 0, (dd.SWITCH, dd.SWITCH), (), (0, 0)),
        dd.Template(0, 0, (dd.SWITCH, dd.REQUIRED), (2,), (2, 1)),
        dd.Template(1, 0, (dd.NOT_PRESENT, dd.REQUIRED), (2, 1), (1, 1)),
    ),
    (0, 1),
)


def test_a_chain_that_begins_brings_a_spatial_layer() -> None:
    """Section A.10.1.2."""
    hand = Hand(L2T1, (0, 0))
    assert hand.forwards(100, 0, key=True)
    assert not hand.forwards(101, 2, fdiffs=(1,))
    assert hand.forwards(102, 1)
    hand.filter.want(1, 0)
    assert not hand.forwards(103, 2)  # within a picture nothing changes
    assert hand.forwards(104, 1)
    asked = [hand.wants_key_frame]
    assert not hand.forwards(105, 2)
    assert hand.forwards(106, 1, dtis=(dd.REQUIRED, dd.SWITCH), chains=(2, 0))
    asked.append(hand.wants_key_frame)
    assert asked == [True, False]
    assert hand.forwards(107, 2, fdiffs=(1,), chains=(1, 1))
    assert hand.forwards(108, 1)
    assert hand.forwards(109, 2)


def test_a_chain_is_not_unbroken_for_what_was_sent_long_ago() -> None:
    hand = Hand(L2T1, (1, 0))
    assert hand.forwards(0, 0, key=True)
    assert hand.forwards(1, 2, fdiffs=(1,))
    for number in range(2, 200):
        assert hand.forwards(number, 1 + number % 2)
    hand.filter.want(0, 0)
    for number in range(200, 400, 2):
        assert hand.forwards(number, 1)  # those between are lost
    hand.filter.want(1, 0)
    assert hand.forwards(400, 1)
    assert not hand.forwards(401, 2)


def test_a_reference_too_long_ago_counts_as_left_out() -> None:
    hand = Hand(L2T1, (1, 0))
    assert hand.forwards(0, 0, key=True)
    for number in range(2, 600, 2):
        assert hand.forwards(number, 1)
    assert hand.forwards(600, 1, fdiffs=(FILTER_FRAMES - 2,))
    assert not hand.forwards(602, 1, fdiffs=(FILTER_FRAMES,))
    assert not hand.forwards(604, 1, fdiffs=(700,))  # before the first


WITHOUT_CHAINS = dd.Structure(
    0,
    (
        dd.Template(0, 0, (dd.SWITCH, dd.NOT_PRESENT)),
        dd.Template(0, 0, (dd.SWITCH, dd.REQUIRED), (1,)),
        dd.Template(0, 0, (dd.SWITCH, dd.SWITCH), (2,)),
        dd.Template(0, 1, (dd.NOT_PRESENT, dd.DISCARDABLE), (1,)),
    ),
)


def test_a_structure_that_was_overtaken_by_the_rest_of_its_frame() -> None:
    hand = Hand(WITHOUT_CHAINS, (0, 0), 1)
    assert hand.forwards(0, 0, key=True)
    hand.filter.want(0, 1)
    assert hand.forwards(1, 0)
    assert not hand.forwards(2, 3)
    assert hand.forwards(3, 0)
    assert hand.forwards(3, 0, key=True)
    assert hand.forwards(4, 3)


def test_without_chains_a_switching_point_is_needed() -> None:
    hand = Hand(WITHOUT_CHAINS, (0, 0), 1)
    assert hand.forwards(0, 0, key=True)
    hand.filter.want(0, 1)
    assert hand.forwards(1, 1)
    assert not hand.forwards(2, 3)
    assert not hand.forwards(3, 2, fdiffs=(1,))  # one, but it refers to what was left out
    assert not hand.forwards(4, 3, fdiffs=(2, 1))
    assert hand.forwards(5, 2, fdiffs=(4,))
    assert hand.forwards(6, 3)


def test_at_a_key_frame_any_target_is_taken() -> None:
    """Also one that its first frame is no part of."""
    hand = Hand(WITHOUT_CHAINS, (0, 1), 1)
    assert hand.forwards(0, 0, key=True)
    assert hand.forwards(1, 1)
    assert hand.forwards(2, 3)


def test_where_all_are_above_what_is_wanted_the_lowest_is_sent() -> None:
    hand = Hand(L2T1, (0, 0))
    assert hand.forwards(0, 0, key=True, active=0b10)
    assert hand.forwards(1, 2, fdiffs=(1,))


def test_no_active_decode_target_at_all() -> None:
    hand = Hand(L2T1, (1, 0))
    assert hand.forwards(0, 0, key=True, active=0)
    assert hand.forwards(1, 2, fdiffs=(1,))
    hand.filter.want(0, 0)
    assert hand.forwards(2, 1)
    assert not hand.forwards(3, 2)


def test_frames_of_a_structure_whose_key_frame_was_not_sent() -> None:
    hand = Hand(L2T1, (1, 0))
    assert hand.forwards(0, 0, key=True)
    hand.structure = replace(WITHOUT_CHAINS, offset=10)
    key = dd.Descriptor(True, True, 10, 10, structure=hand.structure)
    hand.stream.on_packet(dd.written(key))
    assert not hand.forwards(12, 2)
    assert not hand.forwards(14, 1)
    assert hand.forwards(20, 0, key=True)
    assert hand.forwards(21, 1)


def test_what_the_publisher_stops_is_not_waited_for() -> None:
    """It says that a spatial layer is no longer a decode target: the one below is sent, in its stead."""
    encoder, receiver = Encoder("L3T3"), Receiver((2, 2))
    receiver.on_pictures(encoder, 5, key=True)
    frame = next(encoder.frames(False))
    descriptor = dd.read(frame.descriptor, encoder.structure)
    told = dd.Descriptor(**{**vars(descriptor), "active": 0b111111})
    read = receiver.stream.on_packet(dd.written(told, encoder.structure))
    verdict = receiver.filter.on_packet(receiver.stream, read, frame.timestamp & 0xFFFFFFFF)
    assert verdict["forward"]
    assert verdict["changed"]
    assert not verdict["last"]  # of spatial layer 0
    assert receiver.filter.targets == 0b111111


def test_all_packets_of_a_frame_are_treated_alike() -> None:
    """Also those that come after a switch, and after what is remembered has gone on."""
    encoder, receiver = Encoder("L3T3"), Receiver((2, 2))
    frames = receiver.on_pictures(encoder, 40, key=True)
    receiver.filter.want(0, 0)
    receiver.on_pictures(encoder, 3)
    assert all(receiver.on_frame(frame) for frame in frames)
    more = receiver.on_pictures(encoder, FILTER_FRAMES)
    expected = [frame for frame in more[-FILTER_FRAMES:] if encoder.belongs(frame, (0, 0))]
    receiver.forwarded = []
    for frame in frames + more:
        receiver.on_frame(frame)
    assert receiver.forwarded == expected


@given(st.integers(0, 2**32), st.sampled_from(MODES))
def test_no_frame_refers_to_one_that_was_left_out(seed: int, mode: str) -> None:
    """With loss before the server, late frames, and wishes that change at any time."""
    random = Random(seed)
    encoder = Encoder(mode, random.choice([0, 65000, 30000]))
    receiver = Receiver(random.choice(TARGETS))
    loss = random.choice([0, 0, 0.1])
    given: set[int] = set()
    sent: set[int] = set()
    late: list[Coded] = []
    for picture in range(150):
        key = picture == 0 or (receiver.wants_key_frame and random.random() < 0.1)
        if random.random() < 0.1:
            receiver.filter.want(*random.choice(TARGETS))
        for frame in encoder.frames(key):
            if not key and random.random() < loss:
                if random.random() < 0.5:
                    late.append(frame)
                continue
            for one in [frame, *(late.pop() for _ in range(len(late)) if random.random() < 0.2)]:
                given.add(one.number)
                if receiver.on_frame(one):
                    sent.add(one.number)
                    # What had not come then may have been left out after it came.
                    assert {r for r in one.references if r in given and r not in sent} == set()
    if not loss:
        layer = random.choice(TARGETS)
        receiver.filter.want(*layer)
        frames = receiver.on_pictures(encoder, 9, key=True)
        assert receiver.has_just(encoder, frames, layer)
