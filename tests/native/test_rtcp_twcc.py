"""Tests of native/core/rtcp_twcc.c: transport-wide congestion control feedback."""

import errno
from collections.abc import Container

import pytest
from aiortc.rtp import RtcpPacket, RtcpRtpfbPacket
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfu._testing import rtcp
from sfu._testing.rtcp import Feedback, Packet, Status, Writer
from tests.native.rtcp_support import only, refused

STARTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
SENDER, MEDIA = 0x01020304, 0x05060708
SSRCS = bytes.fromhex("01020304 05060708")
DELTA_US, REFERENCE_US, MAX_STATUSES = 250, 64_000, 8192
TIME_WRAP_US = 2**24 * REFERENCE_US

Arrivals = list[tuple[int, int]]


def body(base: int, count: int, reference: int, feedback_count: int, rest: str) -> bytes:
    """Of a message, as in the figure of the draft's section 3.1."""
    fixed = base.to_bytes(2, "big") + count.to_bytes(2, "big") + (reference % 2**24).to_bytes(3, "big")
    return SSRCS + fixed + bytes([feedback_count]) + bytes.fromhex(rest)


def packet(base: int, count: int, reference: int, rest: str) -> Packet:
    return Packet(205, 15, body(base, count, reference, 0, rest))


def write(base: int, arrivals: Arrivals, capacity: int = 20_000) -> tuple[int, bytes]:
    w = Writer(capacity)
    taken = w.twcc(SENDER, MEDIA, 9, base, arrivals)
    # A message that has no room leaves the compound before it whole.
    assert w.ok
    assert len(w.data) % 4 == 0
    assert bool(taken) == bool(w.data)
    return taken, w.data


def written_body(base: int, arrivals: Arrivals) -> bytes:
    taken, data = write(base, arrivals)
    assert taken == len(arrivals)
    return only(data).body


def check_reports(data: bytes, base: int, arrivals: Arrivals) -> None:
    """The message reports these arrivals to 250 µs and all else from the base on as lost."""
    feedback, statuses = rtcp.twcc(only(data))
    assert feedback.sender_ssrc == SENDER
    assert feedback.media_ssrc == MEDIA
    assert feedback.feedback_count == 9
    assert feedback.base_sequence == base % 2**16
    assert feedback.status_count == len(statuses) == arrivals[-1][0] - base + 1
    assert [s.sequence for s in statuses] == [(base + i) % 2**16 for i in range(len(statuses))]
    assert feedback.reference_time % 2**24 == arrivals[0][1] // REFERENCE_US % 2**24
    times = dict(arrivals)
    assert [i for i, s in enumerate(statuses) if s.received] == [sequence - base for sequence in times]
    for i, status in enumerate(statuses):
        if status.received:
            assert (times[base + i] - status.arrival_us) % TIME_WRAP_US < DELTA_US
        else:
            assert status.arrival_us == 0


def decode_by_the_draft(data: bytes) -> list[Status]:
    """The draft's section 3.1 once more, independent of the C, for a body that is valid."""
    base, count = int.from_bytes(data[8:10], "big"), int.from_bytes(data[10:12], "big")
    time = int.from_bytes(data[12:15], "big", signed=True) * REFERENCE_US if len(data) > 15 else 0
    symbols: list[int] = []
    at = 16
    while len(symbols) < count:
        bits = f"{int.from_bytes(data[at : at + 2], 'big'):016b}"
        at += 2
        if bits[0] == "0":
            symbols += [int(bits[1:3], 2)] * int(bits[3:], 2)
        elif bits[1] == "0":
            symbols += [int(bit) for bit in bits[2:]]
        else:
            symbols += [int(bits[i : i + 2], 2) for i in range(2, 16, 2)]
    statuses = []
    for i, symbol in enumerate(symbols[:count]):
        time += int.from_bytes(data[at : at + symbol], "big", signed=symbol == 2) * DELTA_US
        at += symbol
        statuses.append(Status((base + i) % 2**16, symbol > 0, time if symbol else 0))
    return statuses


def received(sequence: int, arrival_us: int) -> Status:
    return Status(sequence, True, arrival_us)


def lost(sequence: int) -> Status:
    return Status(sequence, False, 0)


def test_parse_header() -> None:
    feedback, _ = rtcp.twcc(Packet(205, 15, body(0x1122, 1, 0x334455, 0x66, "2001 00 00")))
    assert feedback == Feedback(SENDER, MEDIA, 0x1122, 1, 0x334455, 0x66)


@pytest.mark.parametrize(
    "wire, reference", [("000000", 0), ("7fffff", 2**23 - 1), ("800000", -(2**23)), ("ffffff", -1)]
)
def test_parse_reference_time_is_24_bit_signed(wire: str, reference: int) -> None:
    feedback, statuses = rtcp.twcc(packet(1, 1, int(wire, 16), "2001 05 00"))
    assert feedback.reference_time == reference
    assert statuses == [received(1, reference * REFERENCE_US + 5 * DELTA_US)]


# The examples of sections 3.1.3 and 3.1.4, with deltas added.
def test_parse_run_of_losses() -> None:
    _, statuses = rtcp.twcc(packet(65500, 221, 0, "00dd"))
    assert statuses == [lost((65500 + i) % 2**16) for i in range(221)]


def test_parse_one_bit_vector() -> None:
    _, statuses = rtcp.twcc(packet(10, 14, 1, "9f1c 0102030405060708"))
    arrived = {1: 1, 2: 3, 3: 6, 4: 10, 5: 15, 9: 21, 10: 28, 11: 36}
    assert statuses == [
        received(10 + i, REFERENCE_US + arrived[i] * DELTA_US) if i in arrived else lost(10 + i)
        for i in range(14)
    ]


def test_parse_two_bit_vector() -> None:
    # 00 10 01 01 10 00 00: large deltas may be negative, and are in line with small ones.
    _, statuses = rtcp.twcc(packet(65533, 7, 1, "c960 ff00 ff 01 7fff"))
    ticks = {1: -256, 2: -1, 3: 0, 4: 32767}
    assert statuses == [
        received((65533 + i) % 2**16, REFERENCE_US + ticks[i] * DELTA_US)
        if i in ticks
        else lost((65533 + i) % 2**16)
        for i in range(7)
    ]


def test_parse_runs_of_received() -> None:
    _, statuses = rtcp.twcc(packet(0, 5, 0, "2002 4003 0a0b 0001 8000 ffff"))
    assert [s.arrival_us // DELTA_US for s in statuses] == [10, 21, 22, 22 - 32768, 21 - 32768]


def test_parse_ignores_symbols_past_the_count() -> None:
    # A run of 8191 and a vector whose last symbols are reserved: both end with the last status.
    for rest in ["3fff 01 00", "d000 01 00", "cfff 00 00", "bfff 01 00"]:
        _, statuses = rtcp.twcc(packet(5, 1, 0, rest))
        assert len(statuses) == 1


def test_parse_ignores_what_follows_the_deltas() -> None:
    assert rtcp.twcc(packet(5, 1, 0, "2001 04" + "ff" * 9))[1] == [received(5, 1000)]


def test_parse_skips_runs_of_nothing() -> None:
    assert rtcp.twcc(packet(5, 2, 0, "0000 2001 0000 6000 2001 04 05"))[1] == [
        received(5, 1000),
        received(6, 2250),
    ]


@pytest.mark.parametrize("chunk", ["6001", "6fff", "cd50", "f000", "c003"])
def test_parse_refuses_the_reserved_symbol(chunk: str) -> None:
    refused(errno.EBADMSG, rtcp.twcc, packet(0, 7, 0, chunk + "00" * 40))


def test_parse_refuses_a_count_of_zero_and_above_the_limit() -> None:
    refused(errno.EBADMSG, rtcp.twcc, packet(0, 0, 0, "2001 00 00"))
    chunks = "1fff" * 9
    assert len(rtcp.twcc(packet(0, MAX_STATUSES, 0, chunks))[1]) == MAX_STATUSES
    refused(errno.EBADMSG, rtcp.twcc, packet(0, MAX_STATUSES + 1, 0, chunks))
    refused(errno.EBADMSG, rtcp.twcc, packet(0, 65535, 0, chunks))


def test_parse_truncated_at_every_length() -> None:
    whole = body(1, 22, 0, 0, "c960 0001 9f1c 7fff 01 02 8000 0304050607080910")
    assert len(rtcp.twcc(Packet(205, 15, whole))[1]) == 22
    for length in range(len(whole)):
        refused(errno.EBADMSG, rtcp.twcc, Packet(205, 15, whole[:length]))


@pytest.mark.parametrize("packet_type, fmt", [(205, 1), (205, 14), (206, 15), (200, 15)])
def test_parse_another_format(packet_type: int, fmt: int) -> None:
    refused(errno.EBADMSG, rtcp.twcc, Packet(packet_type, fmt, body(0, 1, 0, 0, "2001 00 00")))


def test_statuses_keep_to_their_capacity() -> None:
    message = packet(65530, 14, 1, "9f1c 0102030405060708")
    _, everything = rtcp.twcc(message)
    for capacity in range(16):
        assert rtcp.twcc(message, capacity)[1] == everything[:capacity]


def test_reads_what_libwebrtc_pads() -> None:
    # TransportFeedback::Create sets the padding bit for the one to three bytes up to the next word.
    message = bytes.fromhex("afcd0005") + body(7, 1, 2, 3, "2001 08 01")
    assert rtcp.twcc(only(message))[1] == [received(7, 2 * REFERENCE_US + 2000)]


CHUNKS = st.one_of(
    st.tuples(st.integers(0, 2), st.integers(0, 40)).map(lambda t: t[0] << 13 | t[1]),
    st.integers(0, 0x3FFF).map(lambda bits: 0x8000 | bits),
    st.lists(st.integers(0, 2), min_size=7, max_size=7).map(
        lambda s: 0xC000 | sum(symbol << (12 - 2 * i) for i, symbol in enumerate(s))
    ),
)


def symbols_in(chunk: int) -> int:
    if chunk & 0x8000:
        return 7 if chunk & 0x4000 else 14
    return chunk & 0x1FFF


@given(
    st.lists(CHUNKS, min_size=1, max_size=12).filter(lambda chunks: symbols_in(chunks[-1]) > 0),
    st.sampled_from(STARTS),
    st.sampled_from([0, 1, 2**23 - 1, 2**23, 2**24 - 1]),
    st.data(),
)
def test_any_mix_of_chunks_reads_as_the_draft_says(
    chunks: list[int], base: int, reference: int, data: st.DataObject
) -> None:
    last = symbols_in(chunks[-1])
    count = sum(map(symbols_in, chunks)) - data.draw(st.integers(0, last - 1))
    wire = b"".join(chunk.to_bytes(2, "big") for chunk in chunks)
    deltas = data.draw(st.binary(min_size=2 * count, max_size=2 * count))
    message = body(base, count, reference, 0, (wire + deltas).hex())
    assert rtcp.twcc(Packet(205, 15, message))[1] == decode_by_the_draft(message)


def test_write_header() -> None:
    w = Writer(100)
    assert w.twcc(SENDER, MEDIA, 0x66, 0x51122, [(0x51122, 0x334455 * REFERENCE_US)]) == 1
    assert w.data == bytes.fromhex("8fcd0005 01020304 05060708 1122 0001 334455 66 2001 00 00")


def every(count: int, step_ticks: int, missing: Container[int] = ()) -> Arrivals:
    return [(i, 64_000 + i * step_ticks * DELTA_US) for i in range(count) if i not in missing]


@pytest.mark.parametrize(
    "arrivals, chunks",
    [
        (every(20, 1), "2014"),  # a run of small deltas
        (every(2, 1), "2002"),
        ([(30, 64_000)], "001e 2001"),  # losses before the first
        ([(8191, 64_000)], "1fff 2001"),  # the longest run
        ([(3, 64_000)], "c040"),  # 00 00 00 01
        (every(14, 1, {0, 6, 7, 8, 12}), "9f1d"),  # 14 one-bit symbols
        (every(9, 1, {1}), "afe0"),  # fewer are filled with zeros
        ([(0, 64_000), (1, 64_000 + 300 * DELTA_US), (3, 128_000 + 300 * DELTA_US)], "d880"),  # 01 10 00 10
        ([(i, 64_000 + 300 * i * DELTA_US) for i in range(1, 9)], "c6aa 4002"),
        ([*every(10, 1, {1, 2}), (10, 64_000)], "d055 d580"),  # seven leave, three and the large delta stay
    ],
)
def test_write_chooses_chunks(arrivals: Arrivals, chunks: str) -> None:
    wire = bytes.fromhex(chunks)
    assert written_body(0, arrivals)[16 : 16 + len(wire)].hex() == wire.hex()
    check_reports(write(0, arrivals)[1], 0, arrivals)


def test_write_deltas() -> None:
    start = 5 * REFERENCE_US + 17 * DELTA_US
    ticks = [0, 255, 511, 510, 510 + 32767, 509]
    arrivals = [(i, start + tick * DELTA_US) for i, tick in enumerate(ticks)]
    # Symbols 01 01 10 10 10 10, then deltas of 17, 255, 256, -1, 32767 and -32768, and zeros up to the next word.
    assert written_body(0, arrivals)[12:] == bytes.fromhex("000005 09 d6a8 11 ff 0100 ffff 7fff 8000")


@pytest.mark.parametrize("ticks, taken", [(32767, 3), (32768, 1), (-32768, 2), (-32769, 1)])
def test_write_stops_at_a_delta_that_does_not_fit(ticks: int, taken: int) -> None:
    start = 1000 * REFERENCE_US  # the first delta is 0
    arrivals = [(5, start), (6, start + ticks * DELTA_US), (7, start)]
    count, data = write(5, arrivals)
    assert count == taken  # the way back from -32768 is one too far
    check_reports(data, 5, arrivals[:count])


@pytest.mark.parametrize("start", STARTS)
def test_write_stops_at_the_most_statuses(start: int) -> None:
    full = [(start, 0), (start + MAX_STATUSES - 1, 0)]
    assert write(start, full)[0] == 2
    check_reports(write(start, full)[1], start, full)
    over = [(start, 0), (start + MAX_STATUSES, 0)]
    assert write(start, over)[0] == 1
    assert write(start, over[1:]) == (0, b"")
    long = [(start + i, i * 10) for i in range(MAX_STATUSES + 5)]
    assert write(start, long)[0] == MAX_STATUSES
    check_reports(write(start, long)[1], start, long[:MAX_STATUSES])


def test_write_of_the_longest_message() -> None:
    # Worst in chunks and deltas: no run, no one-bit vector, every delta large.
    arrivals = [(i + (i > 0), 1_000_000_000 + i % 2 * 300 * DELTA_US) for i in range(MAX_STATUSES - 1)]
    taken, data = write(0, arrivals)
    assert taken == MAX_STATUSES - 1
    check_reports(data, 0, arrivals)
    mixed = [(i, 1_000_000_000 + i // 6 * 300 * DELTA_US) for i in range(MAX_STATUSES)]
    taken, data = write(0, mixed)
    assert taken == MAX_STATUSES
    check_reports(data, 0, mixed)


@pytest.mark.parametrize("gap", [0, 6, 7, 8, 13, 14, 15, 8190, 8191])
def test_28_bytes_are_room_for_any_arrival(gap: int) -> None:
    arrivals = [(5 + gap, 12_345_678)]
    taken, data = write(5, arrivals, 28)
    assert taken == 1
    check_reports(data, 5, arrivals)


def test_write_stops_where_numbers_do_not_ascend() -> None:
    assert write(5, [(5, 0), (6, 0), (6, 0), (7, 0)])[0] == 2
    assert write(5, [(5, 0), (8, 0), (7, 0)])[0] == 2
    assert write(5, [(4, 0), (5, 0)]) == (0, b"")
    assert write(5, [(-(2**63), 0)]) == (0, b"")
    assert write(-(2**63), [(2**63 - 1, 0)]) == (0, b"")


def test_write_without_arrivals() -> None:
    assert write(5, []) == (0, b"")


def test_write_after_a_failure() -> None:
    w = Writer(100)
    w.packet(206, 1, bytes(200))
    assert w.twcc(SENDER, MEDIA, 0, 0, [(0, 0)]) == 0
    assert not w.ok


def test_write_into_a_compound() -> None:
    w = Writer(100)
    w.report(SENDER, None, [])
    assert w.twcc(SENDER, MEDIA, 9, 5, [(5, 0), (6, 500), (8, 600)]) == 3
    w.pli(SENDER, MEDIA)
    packets, error = rtcp.walk(w.data)
    assert error == 0
    assert [(p.type, p.count) for p in packets] == [(201, 0), (205, 15), (206, 1)]
    assert [s.received for s in rtcp.twcc(packets[1])[1]] == [True, True, False, True]


def test_write_of_what_a_full_writer_has_no_room_for_leaves_it_be() -> None:
    w = Writer(8 + 23)
    w.report(SENDER, None, [])
    before = w.data
    assert w.twcc(SENDER, MEDIA, 9, 5, [(5, 0)]) == 0
    assert w.ok
    assert w.data == before


def test_aiortc_frames_it_the_same() -> None:
    _, data = write(5, [(5, 0), (6, 500), (8, 600)])
    (theirs,) = RtcpPacket.parse(data)
    assert isinstance(theirs, RtcpRtpfbPacket)
    assert (theirs.fmt, theirs.ssrc, theirs.media_ssrc) == (15, SENDER, MEDIA)


TICKS = st.one_of(
    st.integers(0, 12), st.integers(0, 255), st.integers(-32768, 32767), st.sampled_from([255, 256, -1])
)
GAPS = st.one_of(st.just(1), st.just(1), st.integers(1, 4), st.integers(1, 60))
HOLES = st.sampled_from([0, 0, 0, 0, 0, 0, 1000, 8000])
TIMES = st.sampled_from([0, 2**23 * REFERENCE_US, TIME_WRAP_US, 3 * TIME_WRAP_US])


@st.composite
def feedbacks(draw: st.DrawFn, start: int) -> tuple[int, Arrivals]:
    base = start + 2**16 * draw(st.sampled_from([0, 1, 5, -1, 2**40]))
    # Around a wrap of the reference time, and never below zero.
    now = draw(TIMES) + 33_000_000 + draw(st.integers(-32_000_000, 32_000_000))
    arrivals: Arrivals = []
    sequence = base - 1 + draw(HOLES)
    for gap, ticks in draw(st.lists(st.tuples(GAPS, TICKS), min_size=1, max_size=60)):
        sequence += gap
        now = max(0, now + ticks * DELTA_US + draw(st.integers(0, DELTA_US - 1)))
        arrivals.append((sequence, now))
    last_sequence, last_time = arrivals[-1]
    arrivals[-1] = (last_sequence + draw(HOLES), last_time)
    return base, arrivals


@pytest.mark.parametrize("start", STARTS)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_round_trip(start: int, data: st.DataObject) -> None:
    base, arrivals = data.draw(feedbacks(start))
    taken, message = write(base, arrivals)
    if arrivals[0][0] - base >= MAX_STATUSES:
        assert taken == 0
        return
    check_reports(message, base, arrivals[:taken])
    assert decode_by_the_draft(only(message).body) == rtcp.twcc(only(message))[1]
    if taken < len(arrivals):
        ticks = [arrival // DELTA_US for _, arrival in arrivals[taken - 1 : taken + 1]]
        too_far = not -32768 <= ticks[1] - ticks[0] <= 32767
        assert too_far or arrivals[taken][0] - base >= MAX_STATUSES


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_every_small_capacity(data: st.DataObject) -> None:
    base, arrivals = data.draw(feedbacks(65530))
    most, _ = write(base, arrivals)
    for capacity in range(120):
        taken, message = write(base, arrivals, capacity)
        assert len(message) <= capacity
        if taken:
            check_reports(message, base, arrivals[:taken])
        # As many as fit: one more is a longer message.
        if taken < most:
            assert len(write(base, arrivals[: taken + 1])[1]) > capacity


@given(st.sampled_from(STARTS), st.binary(min_size=1, max_size=60), st.integers(1, 300))
@example(0, b"\x20\x01", 1)
def test_any_bytes_as_chunks(base: int, rest: bytes, count: int) -> None:
    message = packet(base, count, 0, rest.hex())
    try:
        feedback, statuses = rtcp.twcc(message)
    except OSError as error:
        assert error.errno == errno.EBADMSG  # noqa: PT017
        return
    assert feedback.status_count == count == len(statuses)
    assert statuses == decode_by_the_draft(message.body)
