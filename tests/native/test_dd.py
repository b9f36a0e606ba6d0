"""core/dd: the Dependency Descriptor against the tests' own reader and writer, and bit by bit from the specification."""

import errno
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import descriptors
from sfu._testing.descriptors import Descriptor, Structure
from tests.native import dd_support as dd

WRAP_POINTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]


def parsed(data: bytes, known: Structure | None = None) -> Descriptor:
    found = Descriptor(data, known)
    assert found.status == 0
    return found


def attached(structure: dd.Structure) -> Structure:
    """A structure as C has it, from a key frame's first packet."""
    found = parsed(dd.written(dd.Descriptor(True, False, structure.offset, 7, structure=structure))).structure
    assert found is not None
    return found


def assert_structure(found: Structure, expected: dd.Structure) -> None:
    assert found.template_id_offset == expected.offset
    assert found.templates == [
        (t.spatial, t.temporal, list(t.dtis), list(t.fdiffs), list(t.chains)) for t in expected.templates
    ]
    assert found.chain_count == expected.chain_count
    assert found.protected_by == list(expected.protected_by)
    assert found.target_layers == expected.target_layers
    assert found.resolutions == (list(expected.resolutions) if expected.resolutions else None)
    assert found.spatial_layer_count == expected.templates[-1].spatial + 1


def assert_alike(found: Descriptor, expected: dd.Descriptor, known: dd.Structure | None) -> None:
    assert found.status == 0
    assert (found.start_of_frame, found.end_of_frame) == (expected.start, expected.end)
    assert (found.template_id, found.frame_number) == (expected.template_id, expected.frame_number)
    frame = dd.meaning(expected, known)
    assert (found.layer, found.dtis, found.fdiffs, found.chain_fdiffs) == (
        frame.layer,
        frame.dtis,
        frame.fdiffs,
        frame.chains,
    )
    if expected.structure:
        assert found.structure is not None
        assert_structure(found.structure, expected.structure)
    else:
        assert found.structure is None
    implied = (1 << expected.structure.target_count) - 1 if expected.structure else None
    assert found.active_decode_targets == (implied if expected.active is None else expected.active)


# ---- by hand ----

# A key frame's first packet: two templates, two decode targets, one chain, one resolution.
GOLDEN = dd.packed(
    """
    1 0 111111 0001001000110100
    1 1 0 0 0
    111111 00001
    01 11
    10 10 00 01
    0 1 0010 0
    10
    0000 0011
    1 0000010011111111 0000001011001111
    01
    """
)


def test_a_structure_by_hand() -> None:
    found = parsed(GOLDEN)
    assert (found.start_of_frame, found.end_of_frame, found.template_id) == (True, False, 63)
    assert found.frame_number == 0x1234
    assert (found.layer, found.dtis, found.fdiffs, found.chain_fdiffs) == ((0, 0), [2, 2], [], [0])
    assert found.active_decode_targets == 0b01
    assert found.structure is not None
    assert found.structure.template_id_offset == 63
    assert found.structure.templates == [(0, 0, [2, 2], [], [0]), (0, 1, [0, 1], [3], [3])]
    assert found.structure.protected_by == [0, 0]
    assert found.structure.target_layers == [(0, 0), (0, 1)]
    assert found.structure.resolutions == [(1280, 720)]


def test_the_frames_that_follow_by_hand() -> None:
    known = parsed(GOLDEN).structure
    usual = parsed(bytes([0b11_000000, 0x12, 0x35]), known)  # the id goes round: the second template
    assert (usual.start_of_frame, usual.end_of_frame, usual.frame_number) == (True, True, 0x1235)
    assert (usual.layer, usual.dtis, usual.fdiffs, usual.chain_fdiffs) == ((0, 1), [0, 1], [3], [3])
    assert usual.active_decode_targets is None
    assert usual.structure is None

    custom = dd.packed(
        """
        01 000000 0001001000110110
        0 1 1 1 1
        10
        11 10
        01 0000 11 111111111111 00
        11111111
        """
    )
    found = parsed(custom, known)
    assert (found.start_of_frame, found.end_of_frame) == (False, True)
    assert (found.layer, found.dtis, found.fdiffs, found.chain_fdiffs) == ((0, 1), [3, 2], [1, 4096], [255])
    assert found.active_decode_targets == 0b10
    assert found.bits == 24 + 5 + 2 + 4 + 6 + 14 + 2 + 8


@pytest.mark.parametrize("structure", [dd.L1T3, dd.L3T3], ids=["L1T3", "L3T3"])
def test_examples_of_the_specification(structure: dd.Structure) -> None:
    known = attached(structure)
    assert_structure(known, structure)
    for index in range(len(structure.templates)):
        frame = dd.Descriptor(True, True, structure.offset + index, 100 + index)
        assert_alike(parsed(dd.written(frame), known), frame, structure)


def one_layer(**changes: Any) -> dd.Structure:
    return replace(dd.Structure(0, (dd.Template(0, 0, (dd.SWITCH,)),)), **changes)


def other_template(**changes: Any) -> dd.Structure:
    """L1T3 of which one template differs."""
    return replace(dd.L1T3, templates=(*dd.L1T3.templates[:-1], replace(dd.L1T3.templates[-1], **changes)))


SIZED = replace(dd.L1T3, resolutions=((640, 360),))
DIFFERENT = [
    dd.L1T3,
    dd.L3T3,
    SIZED,
    replace(SIZED, resolutions=((640, 361),)),
    replace(dd.L1T3, offset=1),
    replace(dd.L1T3, templates=dd.L1T3.templates[:-1]),
    replace(dd.L1T3, templates=(*dd.L1T3.templates, dd.L1T3.templates[-1])),
    replace(dd.L3T3, protected_by=(2, 2, 2, 1, 1, 1, 0, 0, 1)),
    other_template(dtis=(3, 0, 0)),
    other_template(fdiffs=(2,)),
    other_template(fdiffs=()),
    other_template(chains=(4,)),
    other_template(temporal=3),
    other_template(spatial=1, temporal=0),
    one_layer(),
    one_layer(templates=(dd.Template(0, 0, (dd.SWITCH,), (), (0,)),), protected_by=(0,)),
]


def test_structures_are_equal_where_all_of_them_is() -> None:
    for i, one in enumerate(DIFFERENT):
        for k, other in enumerate(DIFFERENT):
            assert attached(one).equals(attached(other)) == (i == k)


def test_layers_of_decode_targets() -> None:
    """Section A.10.2.2 names them: HD30, HD15, HD7.5, VGA30 and so on."""
    assert attached(dd.L3T3).target_layers == [(s, t) for s in (2, 1, 0) for t in (2, 1, 0)]


def test_mandatory_fields_alone_know_no_template() -> None:
    found = Descriptor(b"\xc5\xab\xcd")
    assert found.status == errno.ENOENT
    assert (found.start_of_frame, found.end_of_frame, found.template_id) == (True, True, 5)
    assert found.frame_number == 0xABCD


@pytest.mark.parametrize("offset", range(64))
def test_ids_go_round_from_every_offset(offset: int) -> None:
    known = attached(replace(dd.L1T3, offset=offset))
    for template_id in range(64):
        found = Descriptor(bytes([template_id, 0, 1]), known)
        index = (template_id - offset) % 64
        assert found.status == (0 if index < 5 else errno.ENOENT)
        if index < 5:
            template = dd.L1T3.templates[index]
            assert (found.layer, found.fdiffs) == (
                (template.spatial, template.temporal),
                list(template.fdiffs),
            )


@pytest.mark.parametrize("number", WRAP_POINTS)
def test_frame_numbers(number: int) -> None:
    assert parsed(bytes([0, number >> 8, number & 255]), attached(dd.L1T3)).frame_number == number


# ---- invalid ----


def test_truncated_at_every_byte() -> None:
    known = attached(dd.L3T3)
    key = dd.Descriptor(True, False, 0, 7, structure=dd.L3T3, active=0x1FF)
    key = replace(key, dtis=(3,) * 9, fdiffs=(1, 17, 300), chains=(1, 2, 3))
    for whole in (dd.written(key), dd.written(replace(key, structure=None), dd.L3T3)):
        assert parsed(whole, known).bits > 8 * (len(whole) - 1)
        for length in range(len(whole)):
            status = Descriptor(whole[:length], known).status
            assert status == (0 if length == 3 else errno.EBADMSG)  # at 3 it says that there is no more
            assert Descriptor(whole[:length]).status in (errno.EBADMSG, errno.ENOENT)


def test_padding_is_passed_over() -> None:
    for tail in (b"\0", b"\0" * 100, b"\xff"):
        assert parsed(GOLDEN + tail).bits == parsed(GOLDEN).bits


def layers(*ids: tuple[int, int]) -> dd.Structure:
    return one_layer(templates=tuple(dd.Template(s, t, (dd.SWITCH,)) for s, t in ids))


@pytest.mark.parametrize(
    "structure, good",
    [
        (layers(*((0, 0),) * 64), True),
        (layers(*((0, 0),) * 65), False),
        (layers(*((0, t) for t in range(8))), True),
        (layers(*((0, t) for t in range(9))), False),
        (layers(*((s, 0) for s in range(4))), True),
        (layers(*((s, 0) for s in range(5))), False),
        (one_layer(templates=(dd.Template(0, 0, (2,), (1,) * 16),)), True),
        (one_layer(templates=(dd.Template(0, 0, (2,), (1,) * 17),)), False),
        (
            one_layer(
                templates=(dd.Template(0, 0, (2,) * 32, (), (15,) * 32),), protected_by=tuple(range(32))
            ),
            True,
        ),
        (one_layer(resolutions=((65536, 1),)), True),
    ],
)
def test_bounds_of_a_structure(structure: dd.Structure, good: bool) -> None:
    data = dd.written(dd.Descriptor(True, True, 0, 1, structure=structure))
    found = Descriptor(data)
    assert found.status == (0 if good else errno.EBADMSG)
    if good:
        assert found.structure is not None
        assert_structure(found.structure, structure)


@pytest.mark.parametrize("count, good", [(16, True), (17, False)])
def test_bound_of_references(count: int, good: bool) -> None:
    data = dd.written(dd.Descriptor(True, True, 0, 1, fdiffs=tuple(range(1, count + 1))), dd.L1T3)
    assert Descriptor(data, attached(dd.L1T3)).status == (0 if good else errno.EBADMSG)


def test_a_structure_begins_a_frame_and_has_its_own_template() -> None:
    key = dd.Descriptor(True, True, 0, 1, structure=dd.L1T3)
    for bad in (replace(key, start=False), replace(key, template_id=5), replace(key, template_id=63)):
        assert Descriptor(dd.written(bad), attached(dd.L1T3)).status == errno.EBADMSG


def test_longer_than_an_extension() -> None:
    assert parsed(GOLDEN + bytes(255 - len(GOLDEN))).structure is not None
    assert Descriptor(GOLDEN + bytes(256 - len(GOLDEN))).status == errno.EBADMSG


# ---- against the reference ----


@st.composite
def structures(draw: st.DrawFn) -> dd.Structure:
    targets = draw(st.integers(1, 32))
    chains = draw(st.integers(0, targets))
    steps = draw(st.lists(st.integers(0, 2), max_size=15))
    ids = [(0, 0)]
    for step in steps:
        spatial, temporal = ids[-1]
        if step == 1 and temporal < 7:
            ids.append((spatial, temporal + 1))
        elif step == 2 and spatial < 3:
            ids.append((spatial + 1, 0))
        else:
            ids.append((spatial, temporal))
    dti = st.tuples(*[st.integers(0, 3)] * targets)
    fdiffs = st.lists(st.integers(1, 16), max_size=4).map(tuple)
    chain = st.tuples(*[st.integers(0, 15)] * chains)
    templates = tuple(dd.Template(s, t, draw(dti), draw(fdiffs), draw(chain)) for s, t in ids)
    protected_by = draw(st.tuples(*[st.integers(0, chains - 1)] * targets)) if chains else ()
    size = st.tuples(st.integers(1, 65536), st.integers(1, 65536))
    resolutions = draw(st.none() | st.tuples(*[size] * (ids[-1][0] + 1)))
    return dd.Structure(draw(st.integers(0, 63)), templates, protected_by, resolutions)


@st.composite
def packets(draw: st.DrawFn) -> tuple[dd.Structure, dd.Descriptor]:
    structure = draw(structures())
    carried = draw(st.booleans())
    descriptor = dd.Descriptor(
        start=carried or draw(st.booleans()),
        end=draw(st.booleans()),
        template_id=(structure.offset + draw(st.integers(0, len(structure.templates) - 1))) % 64,
        frame_number=draw(st.integers(0, 65535)),
        structure=structure if carried else None,
        active=draw(st.none() | st.integers(0, (1 << structure.target_count) - 1)),
        dtis=draw(st.none() | st.tuples(*[st.integers(0, 3)] * structure.target_count)),
        fdiffs=draw(st.none() | st.lists(st.integers(1, 4096), max_size=16).map(tuple)),
        chains=draw(st.none() | st.tuples(*[st.integers(0, 255)] * structure.chain_count)),
        flags_only=draw(st.booleans()),
    )
    return structure, descriptor


def fits(structure: dd.Structure, descriptor: dd.Descriptor) -> bool:
    key = dd.Descriptor(True, False, structure.offset, 7, structure=structure)
    return max(len(dd.written(key)), len(dd.written(descriptor, structure))) <= descriptors.MAX_BYTES


@given(packets())
def test_what_the_reference_writes_is_read(packet: tuple[dd.Structure, dd.Descriptor]) -> None:
    structure, descriptor = packet
    data = dd.written(descriptor, structure)
    if not fits(structure, descriptor):
        return
    found = Descriptor(data, attached(structure))
    assert_alike(found, descriptor, structure)
    assert found.bits == len(dd.bits_of(descriptor, structure))
    assert dd.read(data, structure) == replace(descriptor, flags_only=descriptor.extended)


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_mean_the_same_to_both(data: bytes, is_key: bool) -> None:
    if is_key:  # few random bytes are
        data = (
            bytes([data[0] | 0x80 if data else 0x80])
            + data[1:3]
            + bytes([0x80 | data[3] if len(data) > 3 else 0x80])
            + data[4:]
        )
    assert_same_meaning(data)


@given(packets(), st.data())
def test_mutated_bytes_mean_the_same_to_both(
    packet: tuple[dd.Structure, dd.Descriptor], draw: st.DataObject
) -> None:
    structure, descriptor = packet
    data = bytearray(dd.written(descriptor, structure))
    for position in draw.draw(st.lists(st.integers(0, 8 * len(data) - 1), min_size=1, max_size=4)):
        data[position // 8] ^= 0x80 >> position % 8
    assert_same_meaning(bytes(data))


def assert_same_meaning(data: bytes) -> None:
    found = Descriptor(data, attached(dd.L3T3))
    if len(data) > descriptors.MAX_BYTES:
        assert found.status == errno.EBADMSG
        return
    try:
        expected = dd.read(data, dd.L3T3, descriptors.MAX_FDIFFS)
    except dd.MalformedError:
        assert found.status == errno.EBADMSG
    except dd.UnknownTemplateError:
        assert found.status == errno.ENOENT
    else:
        assert_alike(found, expected, dd.L3T3)


# ---- writing ----


@given(packets(), st.integers(0, 65535), st.integers(0, 63), st.data())
def test_changed(
    packet: tuple[dd.Structure, dd.Descriptor], number: int, shift: int, draw: st.DataObject
) -> None:
    """What is changed reads as the same descriptor moved into another stream, by the reference's structure moved alike."""
    structure, descriptor = packet
    if not fits(structure, descriptor):
        return
    active = draw.draw(st.none() | st.integers(0, (1 << structure.target_count) - 1))
    moved = replace(structure, offset=(structure.offset + shift) % 64)
    expected = replace(
        descriptor,
        template_id=(descriptor.template_id + shift) % 64,
        frame_number=(descriptor.frame_number + number) % 65536,
        structure=moved if descriptor.structure else None,
        active=descriptor.active if active is None else active,
    )
    wanted = dd.written(expected, moved)
    found = Descriptor(dd.written(descriptor, structure), attached(structure))
    assert found.changed_length(number, shift, active) == len(wanted)
    if len(wanted) > descriptors.MAX_BYTES:
        with pytest.raises(OSError) as raised:
            found.changed(number, shift, active, capacity=300)
        assert raised.value.errno == errno.ENOSPC
        return
    assert found.changed(number, shift, active, capacity=len(wanted)) == wanted
    for capacity in {0, len(wanted) // 2, len(wanted) - 1}:
        with pytest.raises(OSError) as raised:
            found.changed(number, shift, active, capacity=capacity)
        assert raised.value.errno == errno.ENOSPC


@pytest.mark.parametrize("number", WRAP_POINTS)
def test_changed_numbers_wrap(number: int) -> None:
    known = attached(dd.L1T3)
    for added in WRAP_POINTS:
        changed = parsed(bytes([1, number >> 8, number & 255]), known).changed(added, 63)
        assert changed == bytes([0]) + ((number + added) % 65536).to_bytes(2)


def test_what_follows_the_meaning_is_left_out() -> None:
    assert parsed(GOLDEN + b"\0\0\xff").changed(0, 0) == GOLDEN


def test_no_room_for_active_decode_targets() -> None:
    """Where they would not fit an extension the descriptor can go on without."""
    templates = tuple(dd.Template(0, 0, (2,) * 30, (1, 2)) for _ in range(27))
    key = dd.Descriptor(True, True, 0, 1, structure=dd.Structure(0, templates, ()))
    data = dd.written(key)
    assert 252 <= len(data) <= 255
    found = parsed(data)
    assert found.changed_length(1, 1, 0) > 255
    with pytest.raises(OSError):
        found.changed(1, 1, 0, capacity=300)
    assert len(found.changed(1, 1)) == len(data)
