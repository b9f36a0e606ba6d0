"""The RTP header: golden, truncated at every length, malformed, and against the shared corpus."""

import errno
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import wire
from sfu._testing.wire import Writer

WRAP_POINTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]


def build(
    sequence: int = 7,
    csrcs: tuple[int, ...] = (),
    extension: tuple[int, bytes] | None = None,
    payload: bytes = b"payload",
    padding: int = 0,
    marker: bool = False,
) -> bytes:
    """A packet, made without any of our code."""
    first = 0x80 | bool(padding) << 5 | (extension is not None) << 4 | len(csrcs)
    packet = pack("!BBHII", first, marker << 7 | 96, sequence, 0xFEDCBA98, 0x12345678)
    packet += b"".join(pack("!I", csrc) for csrc in csrcs)
    if extension is not None:
        packet += pack("!HH", extension[0], len(extension[1]) // 4) + extension[1]
    packet += payload
    if padding:
        packet += bytes(padding - 1) + bytes([padding])
    return packet


def refused(parse: Callable[[bytes], object], packet: bytes) -> bool:
    """Whether the packet is refused as bad."""
    try:
        parse(packet)
    except OSError as error:
        if error.errno != errno.EBADMSG:
            raise
        return True
    return False


@pytest.mark.parametrize("sequence", WRAP_POINTS)
def test_plain(sequence: int) -> None:
    packet = build(sequence, marker=True)
    assert wire.rtp_parse(packet) == {
        "marker": True,
        "padding": False,
        "has_extension": False,
        "payload_type": 96,
        "csrc_count": 0,
        "sequence": sequence,
        "timestamp": 0xFEDCBA98,
        "ssrc": 0x12345678,
        "extension_profile": 0,
        "extension_offset": 0,
        "extension_length": 0,
        "payload_offset": 12,
        "payload_length": 7,
        "padding_length": 0,
    }


def test_everything_at_once() -> None:
    packet = build(csrcs=(1, 2, 3), extension=(0xBEDE, b"\x10\xff\0\0"), padding=5)
    header = wire.rtp_parse(packet)
    assert header["csrc_count"] == 3
    assert (header["extension_profile"], header["extension_offset"], header["extension_length"]) == (
        0xBEDE,
        28,
        4,
    )
    assert (header["payload_offset"], header["payload_length"], header["padding_length"]) == (32, 7, 5)
    assert packet[32:39] == b"payload"


def test_header_alone_leaves_padding() -> None:
    header = wire.rtp_parse_header(build(padding=5))
    assert header["padding"]
    assert (header["payload_length"], header["padding_length"]) == (12, 0)
    assert not refused(wire.rtp_parse_header, build(payload=b"\xff", padding=0)[:12])


@pytest.mark.parametrize(
    "csrcs, extension, header_length",
    [
        ((), None, 12),
        ((1,), None, 16),
        (tuple(range(15)), None, 72),
        ((), (0xBEDE, b""), 16),
        ((), (0x1000, bytes(8)), 24),
        ((1, 2), (0, bytes(12)), 36),
    ],
)
def test_truncated_at_every_length(
    csrcs: tuple[int, ...], extension: tuple[int, bytes] | None, header_length: int
) -> None:
    packet = build(csrcs=csrcs, extension=extension)
    for length in range(len(packet) + 1):
        for parse in (wire.rtp_parse_header, wire.rtp_parse):
            assert refused(parse, packet[:length]) == (length < header_length), length


@pytest.mark.parametrize("version", [0, 1, 3])
def test_other_versions(version: int) -> None:
    packet = build()
    assert refused(wire.rtp_parse_header, bytes([version << 6]) + packet[1:])


@pytest.mark.parametrize("words", [16384, 16385, 32768, 65535])
def test_extension_length_does_not_wrap(words: int) -> None:
    """16384 words are 2^16 bytes: 16 bits of them are 0."""
    packet = bytes([0x90]) + build()[1:12] + pack("!HH", 0xBEDE, words) + bytes(1200)
    assert refused(wire.rtp_parse_header, packet)


def test_longest() -> None:
    assert wire.rtp_parse(build(payload=bytes(65535 - 12)))["payload_length"] == 65523
    assert refused(wire.rtp_parse, build(payload=bytes(65536 - 12)))
    words = (65535 - 16) // 4
    assert (
        wire.rtp_parse(build(extension=(0x1000, bytes(4 * words)), payload=b""))["extension_length"]
        == 4 * words
    )


@pytest.mark.parametrize("count, payload_length", [(1, 9), (9, 1), (10, 0)])
def test_padding_counts(count: int, payload_length: int) -> None:
    packet = bytes([0xA0]) + build()[1:12] + bytes(9) + bytes([count])
    header = wire.rtp_parse(packet)
    assert (header["payload_length"], header["padding_length"]) == (payload_length, count)


@pytest.mark.parametrize("body", [b"", b"\0", b"\x02", bytes(9) + b"\x0b", bytes(10), b"\xff"])
def test_bad_padding(body: bytes) -> None:
    packet = bytes([0xA0]) + build()[1:12] + body
    assert refused(wire.rtp_parse, packet)
    assert not refused(wire.rtp_parse_header, packet)


def test_padding_does_not_reach_into_the_header() -> None:
    packet = bytes([0xB0]) + build()[1:12] + pack("!HH", 0xBEDE, 1) + bytes(4) + b"\x02"
    assert refused(wire.rtp_parse, packet)


HEADER = st.fixed_dictionaries(
    {
        "payload_type": st.integers(0, 127),
        "sequence": st.integers(0, 65535),
        "timestamp": st.integers(0, (1 << 32) - 1),
        "ssrc": st.integers(0, (1 << 32) - 1),
        "marker": st.booleans(),
        "padding": st.booleans(),
        "has_extension": st.booleans(),
    }
)


@given(HEADER)
def test_write_then_parse(fields: dict[str, int]) -> None:
    writer = Writer(12)
    writer.rtp_header(**fields)  # type: ignore[arg-type]
    assert writer.ok()
    header = wire.rtp_parse_header(writer.output + bytes(4))
    assert {name: header[name] for name in fields} == fields  # type: ignore[literal-required]
    assert header["csrc_count"] == 0


def test_write_masks_the_payload_type_and_needs_room() -> None:
    writer = Writer(12)
    writer.rtp_header(255, 0, 0, 0)
    assert writer.output[1] == 127
    for capacity in range(12):
        short = Writer(capacity)
        short.rtp_header(96, 0, 0, 0)
        assert not short.ok()


def check_properties(packet: bytes) -> None:
    """What holds for any bytes: refused as bad, or all places lie inside, in order, and the header rebuilds."""
    if refused(wire.rtp_parse_header, packet):
        assert refused(wire.rtp_parse, packet)
        return
    header = wire.rtp_parse_header(packet)
    assert header["payload_offset"] + header["payload_length"] == len(packet)
    start = 12 + 4 * header["csrc_count"]
    if header["has_extension"]:
        assert header["extension_offset"] == start + 4
        start += 4 + header["extension_length"]
    assert header["payload_offset"] == start
    writer = Writer(12)
    writer.rtp_header(
        header["payload_type"],
        header["sequence"],
        header["timestamp"],
        header["ssrc"],
        header["marker"],
        header["padding"],
        header["has_extension"],
    )
    assert bytes([writer.output[0] | header["csrc_count"]]) + writer.output[1:] == packet[:12]
    if refused(wire.rtp_parse, packet):
        assert header["padding"]
        return
    whole = wire.rtp_parse(packet)
    assert whole["payload_offset"] + whole["payload_length"] + whole["padding_length"] == len(packet)
    assert (whole["padding_length"] > 0) == whole["padding"]


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check_properties(data)


@given(st.integers(0, 63), st.binary(min_size=11, max_size=120))
def test_any_bytes_of_the_right_version(low_bits: int, data: bytes) -> None:
    check_properties(bytes([0x80 | low_bits]) + data)


@pytest.mark.needs_shared("vectors/corpora/rtp")
def test_corpus_whole_truncated_and_flipped(shared: Path) -> None:
    files = sorted(shared.glob("*.bin"))
    assert files
    parsed = 0
    for file in files:
        packet = file.read_bytes()
        parsed += not refused(wire.rtp_parse_header, packet)
        for length in range(min(len(packet), 200)):
            check_properties(packet[:length])
        for position in range(min(len(packet), 40)):
            for bit in range(8):
                flipped = bytearray(packet)
                flipped[position] ^= 1 << bit
                check_properties(bytes(flipped))
        check_properties(packet)
    assert parsed
