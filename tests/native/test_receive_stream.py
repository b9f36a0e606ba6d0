import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu._testing.feedback import WINDOW, ReceiveStream

WRAPS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535, (5 << 16) + 65535]
MS = 1000


def report(stream: ReceiveStream, now_us: int = 0) -> dict[str, int]:
    block = stream.report(now_us)
    assert block is not None
    return block


def test_nothing_received_is_nothing_to_report() -> None:
    stream = ReceiveStream(1, 90000)
    assert stream.report(0) is None
    stream.on_sender_report(0, 1)
    assert stream.report(0) is None


def test_one_packet() -> None:
    stream = ReceiveStream(0xFEDCBA98, 48000)
    stream.on_packet(0, 65535)
    assert report(stream) == {
        "ssrc": 0xFEDCBA98,
        "fraction_lost": 0,
        "cumulative_lost": 0,
        "highest_sequence": 65535,
        "jitter": 0,
        "last_sr": 0,
        "delay_since_sr": 0,
    }


@pytest.mark.parametrize("start", WRAPS)
def test_loss_in_an_interval_and_in_all(start: int) -> None:
    stream = ReceiveStream(1, 90000)
    for n in (0, 1, 2, 4, 5, 6, 8, 9):  # 10 expected, 8 received
        stream.on_packet(0, start + n)
    block = report(stream)
    assert (block["fraction_lost"], block["cumulative_lost"]) == (51, 2)  # 2 * 256 / 10
    assert block["highest_sequence"] == start + 9
    for n in (10, 11, 15):  # 6 expected, 3 received
        stream.on_packet(0, start + n)
    block = report(stream)
    assert (block["fraction_lost"], block["cumulative_lost"]) == (128, 5)
    assert block["highest_sequence"] == start + 15


def test_an_interval_without_packets_lost_nothing() -> None:
    stream = ReceiveStream(1, 90000)
    stream.on_packet(0, 10)
    stream.on_packet(0, 12)
    assert report(stream)["fraction_lost"] == 85
    block = report(stream)
    assert (block["fraction_lost"], block["cumulative_lost"]) == (0, 1)


def test_late_packets_make_up_for_loss_reported_before() -> None:
    stream = ReceiveStream(1, 90000)
    for n in (0, 4):
        stream.on_packet(0, n)
    assert report(stream)["cumulative_lost"] == 3
    for n in (1, 2, 3, 5):  # one expected, four received
        stream.on_packet(0, n)
    block = report(stream)
    assert (block["fraction_lost"], block["cumulative_lost"]) == (0, 0)


def test_nearly_all_lost_is_255_of_256() -> None:
    stream = ReceiveStream(1, 90000)
    stream.on_packet(0, 0)
    report(stream)
    stream.on_packet(0, 100_000)
    assert report(stream)["fraction_lost"] == 255


@pytest.mark.parametrize("start", [n + WINDOW for n in WRAPS])
def test_what_overtook_the_first_packet_makes_loss_negative_but_duplicates_do_not(start: int) -> None:
    stream = ReceiveStream(1, 90000)
    for n in (0, -2, -1, -1, 0, -2):
        stream.on_packet(0, start + n)
    block = report(stream)
    assert (block["fraction_lost"], block["cumulative_lost"]) == (0, -2)
    assert block["highest_sequence"] == start
    for n in range(1 - WINDOW, 1):
        stream.on_packet(0, start + n)
    stream.on_packet(0, start - WINDOW)  # too old to be told from a duplicate
    assert report(stream)["cumulative_lost"] == 1 - WINDOW


def test_cumulative_loss_stays_in_24_bits() -> None:
    stream = ReceiveStream(1, 90000)
    stream.on_packet(0, 0)
    stream.on_packet(0, 0x800000)
    assert report(stream)["cumulative_lost"] == 0x7FFFFF  # just fits: 0x800001 expected, 2 received
    stream.on_packet(0, 0x800010)
    assert report(stream)["cumulative_lost"] == 0x7FFFFF
    stream.on_packet(0, 0x123456789)
    block = report(stream)
    assert block["cumulative_lost"] == 0x7FFFFF
    assert block["highest_sequence"] == 0x23456789


@pytest.mark.parametrize("start", WRAPS)
@pytest.mark.parametrize("seed", range(5))
def test_each_number_counts_once_however_it_came(start: int, seed: int) -> None:
    chance = random.Random(seed)
    stream = ReceiveStream(1, 90000)
    stream.on_packet(0, start)
    seen = {start}
    highest = start
    for _ in range(3000):
        step = chance.choice(
            [1, 1, 1, 2, 3, 70, -1, -5, -64, 0, -WINDOW + 1, chance.choice([WINDOW, 2 * WINDOW, 1])]
        )
        number = max(start, highest + step)
        stream.on_packet(0, number, recovered=chance.random() < 0.3)
        seen.add(number)
        highest = max(highest, number)
        assert stream.received == len(seen)
    assert report(stream)["cumulative_lost"] == highest - start + 1 - len(seen)


def test_jitter_by_hand() -> None:
    # A clock of 1 kHz, a packet each 20 ms. Arrivals less time stamps: 100, 105, 100, 110, so |D| is 5, 5, 10.
    stream = ReceiveStream(1, 1000)
    jitters = []
    for n, arrival_ms in enumerate((100, 125, 140, 170)):
        stream.on_packet(arrival_ms * MS, n, 20 * n)
        jitters.append(stream.jitter_16)
    # Each step adds |D| less a sixteenth: of 0 + 8 and 5 + 8 that is 0, of 10 + 8 it is 1.
    assert jitters == [0, 5, 10, 19]
    assert report(stream)["jitter"] == 1
    # A jump of 160 ms: 160 more less 1, a sixteenth of 19 + 8.
    stream.on_packet(350 * MS, 4, 80)
    assert stream.jitter_16 == 178
    assert report(stream)["jitter"] == 11


def test_jitter_leaves_out_recovered_packets_and_duplicates() -> None:
    stream = ReceiveStream(1, 1000)
    stream.on_packet(100 * MS, 0, 0)
    stream.on_packet(140 * MS, 2, 40)
    stream.on_packet(900 * MS, 1, 20, recovered=True)
    stream.on_packet(950 * MS, 2, 40)
    assert stream.jitter_16 == 0
    stream.on_packet(165 * MS, 3, 60)
    assert stream.jitter_16 == 5


def test_jitter_leaves_out_a_new_time_base() -> None:
    stream = ReceiveStream(1, 1000)
    stream.on_packet(0, 0, 5000)
    stream.on_packet(20 * MS, 1, 20)  # 5 s and 0 ms back: 5000 is the most that counts
    assert stream.jitter_16 == 5000
    before = stream.jitter_16
    stream.on_packet(40 * MS, 2, 0x80000000)
    assert stream.jitter_16 == before
    stream.on_packet(60 * MS, 3, 0x80000000 + 20)
    assert stream.jitter_16 == before - ((before + 8) >> 4)


@settings(deadline=None)
@given(
    rate=st.sampled_from([8000, 48000, 90000]),
    start_us=st.sampled_from([0, 10**12, 1_700_000_000_000_000]),
    timestamp=st.integers(0, 0xFFFFFFFF),
    packets=st.lists(st.tuples(st.integers(0, 300_000), st.integers(-90000, 90000)), max_size=50),
)
def test_jitter_is_that_of_rfc_3550(
    rate: int, start_us: int, timestamp: int, packets: list[tuple[int, int]]
) -> None:
    stream = ReceiveStream(1, rate)
    jitter = 0
    transit: int | None = None
    now = start_us
    for n, (wait_us, step) in enumerate(packets):
        now += wait_us
        timestamp = (timestamp + step) % (1 << 32)
        stream.on_packet(now, n, timestamp)
        arrival = now * rate // 1_000_000
        last, transit = transit, (arrival - timestamp) % (1 << 32)
        if last is not None:
            d = (transit - last + (1 << 31)) % (1 << 32) - (1 << 31)
            if abs(d) <= 5 * rate:
                jitter += abs(d) - ((jitter + 8) >> 4)
        assert stream.jitter_16 == jitter


def test_the_report_tells_of_the_last_sender_report() -> None:
    stream = ReceiveStream(1, 90000)
    stream.on_packet(0, 1)
    stream.on_sender_report(1_000_000, 0x1111_2222_3333_4444)
    stream.on_sender_report(2_000_000, 0xAAAA_BBBB_CCCC_DDDD)
    block = report(stream, 2_500_000)
    assert block["last_sr"] == 0xBBBBCCCC
    assert block["delay_since_sr"] == 0x8000
    assert report(stream, 2_000_000)["delay_since_sr"] == 0
    assert report(stream, 1_000_000)["delay_since_sr"] == 0
    assert report(stream, 2_000_000 + 65535 * 1_000_000)["delay_since_sr"] == 65535 << 16
    assert report(stream, 2_000_000 + 65536 * 1_000_000)["delay_since_sr"] == 0xFFFFFFFF
