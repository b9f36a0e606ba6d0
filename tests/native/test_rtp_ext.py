"""RTP header extensions (RFC 8285) in both forms."""

import errno
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import wire
from sfu._testing.wire import ExtensionMap, Extensions, Writer

WRAP_POINTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
ONE_BYTE, TWO_BYTE = 0xBEDE, 0x1000


def map_of(kinds: dict[int, int]) -> ExtensionMap:
    """A map from id to kind."""
    extension_map = ExtensionMap()
    for identifier, kind in kinds.items():
        extension_map.set(identifier, kind)
    return extension_map


MAP = map_of(
    {
        1: wire.EXT_AUDIO_LEVEL,
        2: wire.EXT_ABS_SEND_TIME,
        3: wire.EXT_TRANSPORT_CC,
        4: wire.EXT_MID,
        10: wire.EXT_RID,
        14: wire.EXT_REPAIRED_RID,
        15: wire.EXT_ORIENTATION,
    }
)


LENGTHS = {
    wire.EXT_AUDIO_LEVEL: {1},
    wire.EXT_ORIENTATION: {1},
    wire.EXT_PLAYOUT_DELAY: {3},
    wire.EXT_COLOR_SPACE: {4, 28},
    wire.EXT_ABS_CAPTURE_TIME: {8, 16},
}


def may_have(kind: int, length: int) -> bool:
    """Whether an element of that kind may be so long."""
    return kind not in LENGTHS or length in LENGTHS[kind]


def packet_of(profile: int, block: bytes) -> bytes:
    """A packet with this extension block, padded to 32 bits, and a payload that looks like elements."""
    block += bytes(-len(block) % 4)
    return (
        b"\x90\x60" + bytes(10) + pack("!HH", profile, len(block) // 4) + block + b"\x10\x10\x10\x10\x10\x10"
    )


def walk(profile: int, block: bytes) -> tuple[int, dict[int, bytes]]:
    """Status and elements."""
    extensions = Extensions(MAP, packet_of(profile, block))
    return extensions.status, extensions.elements


def test_map() -> None:
    assert MAP.id_of(wire.EXT_MID) == 4
    assert MAP.kind_of(4) == wire.EXT_MID
    assert MAP.kind_of(5) == 0
    assert MAP.id_of(wire.EXT_KINDS - 1) == 0


@pytest.mark.parametrize(
    "identifier, kind, code",
    [
        (0, wire.EXT_MID, errno.EINVAL),
        (256, wire.EXT_MID, errno.EINVAL),
        (5, 0, errno.EINVAL),
        (5, wire.EXT_KINDS, errno.EINVAL),
        (5, -1, errno.EINVAL),
        (1, wire.EXT_RID, errno.EEXIST),
        (5, wire.EXT_MID, errno.EEXIST),
        (4, wire.EXT_MID, errno.EEXIST),
    ],
)
def test_map_refuses(identifier: int, kind: int, code: int) -> None:
    extension_map = map_of({1: wire.EXT_AUDIO_LEVEL, 4: wire.EXT_MID})
    with pytest.raises(OSError) as raised:
        extension_map.set(identifier, kind)
    assert raised.value.errno == code
    assert [extension_map.kind_of(i) for i in range(1, 6)] == [wire.EXT_AUDIO_LEVEL, 0, 0, wire.EXT_MID, 0]


def test_map_takes_id_255() -> None:
    assert map_of({255: wire.EXT_KINDS - 1}).kind_of(255) == wire.EXT_KINDS - 1


def test_one_byte_form() -> None:
    """The shape of RFC 8285's example: elements, padding between and behind, an id that means nothing."""
    status, elements = walk(ONE_BYTE, b"\x10\xaa" + b"\0\0" + b"\x43abcd" + b"\x51??" + b"\x31\x12\x34")
    assert status == 0
    assert elements == {
        wire.EXT_AUDIO_LEVEL: b"\xaa",
        wire.EXT_MID: b"abcd",
        wire.EXT_TRANSPORT_CC: b"\x12\x34",
    }


@pytest.mark.parametrize("appbits", [0, 1, 15])
def test_two_byte_form(appbits: int) -> None:
    block = b"\x01\x01\xaa" + b"\0" + b"\x04\x00" + b"\x0f\x01\x03" + b"\x0a\x11" + b"r" * 17
    status, elements = walk(TWO_BYTE | appbits, block)
    assert status == 0
    assert elements == {
        wire.EXT_AUDIO_LEVEL: b"\xaa",
        wire.EXT_MID: b"",
        wire.EXT_ORIENTATION: b"\x03",
        wire.EXT_RID: b"r" * 17,
    }


@pytest.mark.parametrize("profile", [0, 0x0FFF, 0x1010, 0xBEDF, 0xBEDD, 0xFFFF])
def test_other_profiles_mean_nothing(profile: int) -> None:
    assert walk(profile, b"\x10\xaa") == (0, {})


def test_no_extension() -> None:
    extensions = Extensions(MAP, b"\x80\x60" + bytes(10) + b"\x10\xaa\0\0")
    assert (extensions.status, extensions.elements) == (0, {})


def test_of_a_repeated_kind_the_first_counts() -> None:
    assert walk(ONE_BYTE, b"\x40a\x40b") == (0, {wire.EXT_MID: b"a"})


FOUND = {wire.EXT_AUDIO_LEVEL: b"\xaa"}


@pytest.mark.parametrize(
    "profile, rest",
    [
        (ONE_BYTE, b"\x47a"),  # eight bytes, two there
        (ONE_BYTE, b"\0\x40"),  # a header and nothing after it
        (ONE_BYTE, b"\x01ab\x40c"),  # id 0 with a length (RFC 8285 section 4.2)
        (ONE_BYTE, b"\xf0a\x40b"),  # id 15
        (TWO_BYTE, b"\x04\x03ab"),
        (TWO_BYTE, b"\x04\xff"),
        (TWO_BYTE, b"\0\0\0\0\x04"),  # an id without its length
    ],
)
def test_malformed_ends_the_walk_and_keeps_what_was_before(profile: int, rest: bytes) -> None:
    first = b"\x10\xaa" if profile == ONE_BYTE else b"\x01\x01\xaa"
    block = first + rest
    block = bytes(-len(block) % 4) + block  # padding before, so that the malformed element is last
    assert walk(profile, block) == (errno.EBADMSG, FOUND)


def test_fixed_values() -> None:
    extensions = Extensions(MAP, packet_of(ONE_BYTE, b"\x10\xaa" + b"\x22\x12\x34\x56" + b"\x31\xfe\xdc"))
    assert extensions.audio_level() == (0x2A, True)
    assert extensions.abs_send_time() == 0x123456
    assert extensions.transport_cc() == 0xFEDC
    assert Extensions(MAP, packet_of(ONE_BYTE, b"\x10\x7f")).audio_level() == (127, False)


@pytest.mark.parametrize("sequence", WRAP_POINTS)
def test_transport_cc_sequence(sequence: int) -> None:
    assert Extensions(MAP, packet_of(ONE_BYTE, b"\x31" + pack("!H", sequence))).transport_cc() == sequence


@pytest.mark.parametrize("length", range(6))
def test_fixed_values_of_any_other_size_are_absent(length: int) -> None:
    block = b"".join(bytes([identifier, length]) + b"x" * length for identifier in (1, 2, 3))
    extensions = Extensions(MAP, packet_of(TWO_BYTE, block))
    assert (extensions.audio_level() is not None) == (length == 1)
    assert (extensions.transport_cc() is not None) == (length == 2)
    assert (extensions.abs_send_time() is not None) == (length == 3)


@pytest.mark.parametrize("kind", LENGTHS)
@pytest.mark.parametrize("length", range(40))
def test_what_is_handed_on_has_a_length_of_its_kind(kind: int, length: int) -> None:
    """One that has not is passed over, and does not stand in the way of one that has."""
    extension_map = map_of({1: kind})
    ill, good = bytes([1, length]) + bytes(length), bytes([1, min(LENGTHS[kind])]) + b"x" * min(LENGTHS[kind])
    alone = Extensions(extension_map, packet_of(TWO_BYTE, ill))
    assert alone.status == 0
    assert alone.elements == ({kind: bytes(length)} if length in LENGTHS[kind] else {})
    both = Extensions(extension_map, packet_of(TWO_BYTE, ill + good))
    assert both.elements == {kind: bytes(length) if length in LENGTHS[kind] else good[2:]}


def test_absent_values() -> None:
    extensions = Extensions(MAP, packet_of(ONE_BYTE, b""))
    assert extensions.audio_level() is None
    assert extensions.transport_cc() is None
    assert extensions.abs_send_time() is None
    assert extensions.text(wire.EXT_MID) is None


@pytest.mark.parametrize("length", [0, 1, 16, 17, 255])
def test_text_is_1_to_16_bytes(length: int) -> None:
    extensions = Extensions(MAP, packet_of(TWO_BYTE, bytes([4, length]) + b"m" * length))
    assert extensions.text(wire.EXT_MID) == (b"m" * length if 1 <= length <= 16 else None)


def test_text_of_each_kind_and_of_no_other() -> None:
    extensions = Extensions(MAP, packet_of(ONE_BYTE, b"\x40m\xa0r\xe0p\x10a"))
    assert extensions.text(wire.EXT_MID) == b"m"
    assert extensions.text(wire.EXT_RID) == b"r"
    assert extensions.text(wire.EXT_REPAIRED_RID) == b"p"
    assert extensions.text(wire.EXT_AUDIO_LEVEL) is None


def written(elements: list[tuple[int, bytes | int]], capacity: int = 4096) -> bytes:
    """What rtp_ext_write makes of these."""
    writer = Writer(capacity)
    writer.rtp_extensions(elements)
    return writer.output


def test_write_one_byte_form() -> None:
    block = b"\x10\xaa" + b"\xef" + bytes(range(16))
    assert written([(1, b"\xaa"), (14, bytes(range(16)))]) == pack("!HH", ONE_BYTE, 5) + block + b"\0"


@pytest.mark.parametrize(
    "element, encoded",
    [((15, b"a"), b"\x0f\x01a"), ((1, b""), b"\x01\x00"), ((1, b"b" * 17), b"\x01\x11" + b"b" * 17)],
)
def test_write_two_byte_form_where_needed(element: tuple[int, bytes], encoded: bytes) -> None:
    block = b"\x02\x01x" + encoded
    block += bytes(-len(block) % 4)
    assert written([(2, b"x"), element]) == pack("!HH", TWO_BYTE, len(block) // 4) + block


def test_write_nothing_for_nothing() -> None:
    writer = Writer(0)
    assert writer.rtp_extensions([]) == []
    assert writer.ok()
    assert writer.output == b""


def test_write_leaves_zeroed_room_and_says_where() -> None:
    writer = Writer(64)
    writer.rtp_header(96, 1, 2, 3, has_extension=True)
    offsets = writer.rtp_extensions([(3, 2), (1, b"\xff")])
    assert offsets == [17, 20]
    assert writer.output[12:] == pack("!HH", ONE_BYTE, 2) + b"\x31\0\0\x10\xff\0\0\0"


def test_write_refuses_id_0_and_writes_nothing() -> None:
    writer = Writer(64)
    with pytest.raises(OSError) as raised:
        writer.rtp_extensions([(1, b"a"), (0, b"b")])
    assert raised.value.errno == errno.EINVAL
    assert writer.ok()
    assert writer.output == b""


def test_write_without_room_writes_nothing() -> None:
    elements: list[tuple[int, bytes | int]] = [(1, b"a"), (2, b"abc")]
    length = len(written(elements))
    assert len(written(elements, length)) == length
    for capacity in range(length):
        writer = Writer(capacity)
        with pytest.raises(OSError) as raised:
            writer.rtp_extensions(elements)
        assert raised.value.errno == errno.ENOSPC
        assert not writer.ok()
        assert writer.output == b""


def test_write_stays_where_16_bit_offsets_reach() -> None:
    writer = Writer(100_000)
    writer.zeros(65535 - 8)
    assert writer.rtp_extensions([(1, b"a")]) == [65532]
    with pytest.raises(OSError) as raised:
        writer.rtp_extensions([(1, b"a")])
    assert raised.value.errno == errno.ENOSPC


KINDS = st.integers(1, wire.EXT_KINDS - 1)
ELEMENTS = st.lists(
    st.tuples(st.integers(1, 255), KINDS, st.binary(max_size=40)),
    unique_by=(lambda element: element[0], lambda element: element[1]),
    max_size=wire.EXT_KINDS - 1,
)


@given(ELEMENTS)
def test_write_then_parse(elements: list[tuple[int, int, bytes]]) -> None:
    writer = Writer(4096)
    writer.rtp_header(96, 1, 2, 3, has_extension=bool(elements))
    offsets = writer.rtp_extensions([(identifier, data) for identifier, _, data in elements])
    packet = writer.output
    assert len(packet) % 4 == 0
    extensions = Extensions(map_of({identifier: kind for identifier, kind, _ in elements}), packet)
    assert extensions.status == 0
    assert extensions.elements == {kind: data for _, kind, data in elements if may_have(kind, len(data))}
    for offset, (_, _, data) in zip(offsets, elements, strict=True):
        assert packet[offset : offset + len(data)] == data


def check_any(packet: bytes) -> None:
    """What holds for any packet: what is found lies in the block, and an intact walk rebuilds to the same elements."""
    try:
        extensions = Extensions(MAP, packet)
    except OSError:
        return
    assert extensions.status in (0, errno.EBADMSG)
    header = wire.rtp_parse_header(packet)
    block = packet[header["extension_offset"] :][: header["extension_length"]]
    for data in extensions.elements.values():
        assert data in block
    for kind in (wire.EXT_MID, wire.EXT_RID, wire.EXT_REPAIRED_RID):
        assert extensions.text(kind) in (None, extensions.elements.get(kind))
    again = Writer(4096)
    again.rtp_header(96, 1, 2, 3, has_extension=bool(extensions.elements))
    again.rtp_extensions([(MAP.id_of(kind), data) for kind, data in extensions.elements.items()])
    assert Extensions(MAP, again.output).elements == extensions.elements


@given(st.sampled_from([ONE_BYTE, TWO_BYTE, 0x1007]), st.binary(max_size=120))
def test_any_block(profile: int, block: bytes) -> None:
    check_any(packet_of(profile, block))


@pytest.mark.parametrize("profile, first", [(ONE_BYTE, b"\x10\xaa"), (TWO_BYTE, b"\x01\x01\xaa")])
def test_truncated_blocks_of_every_length(profile: int, first: bytes) -> None:
    packet = packet_of(profile, first + b"\x42abc\x42abc")
    for length in range(len(packet)):
        check_any(packet[:length])


@pytest.mark.needs_shared("vectors/corpora/rtp")
def test_corpus_whole_and_flipped(shared: Path) -> None:
    files = sorted(shared.glob("*.bin"))
    assert files
    for file in files:
        packet = file.read_bytes()
        check_any(packet)
        for position in range(min(len(packet), 60)):
            for value in (0, 1, 0x10, 0x7F, 0x80, 0xBE, 0xDE, 0xFF):
                check_any(packet[:position] + bytes([value]) + packet[position + 1 :])
