"""The steps of the packet path, one by one, without sockets: `make bench`. Rounds alternate with what prepares them, which
is not timed; `ns_per_packet` in the report is the median round.
"""

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sfu._testing.bench import Batch, Room, backend

PROFILES = {"aead-aes-128-gcm": 0x0007, "aead-aes-256-gcm": 0x0008, "aes128-cm-hmac-sha1-80": 0x0001}
PAYLOADS = (60, 1200)  # bytes: a frame of opus, a full packet of video
BATCH = 64
ROUNDS = 2000
RECEIVERS = 50
FRAME = 10  # packets
FRAME_PAYLOAD = 1160


def timed(
    benchmark: BenchmarkFixture,
    step: Callable[[], object],
    packets: int,
    prepare: Callable[[], None] | None = None,
) -> None:
    benchmark.pedantic(step, setup=prepare, rounds=ROUNDS, warmup_rounds=100)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None
    benchmark.extra_info["backend"] = backend()
    benchmark.extra_info["packets_per_round"] = packets
    benchmark.extra_info["ns_per_packet"] = round(benchmark.stats.stats.median * 1e9 / packets, 1)


def test_parse(benchmark: BenchmarkFixture) -> None:
    batch = Batch(PROFILES["aead-aes-128-gcm"], 1200, BATCH)
    batch.protect()
    timed(benchmark, batch.parse, BATCH)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("profile", PROFILES)
def test_protect(benchmark: BenchmarkFixture, profile: str, payload: int) -> None:
    batch = Batch(PROFILES[profile], payload, BATCH)
    timed(benchmark, batch.protect, BATCH)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("profile", PROFILES)
def test_unprotect(benchmark: BenchmarkFixture, profile: str, payload: int) -> None:
    batch = Batch(PROFILES[profile], payload, BATCH)
    timed(benchmark, batch.unprotect, BATCH, batch.protect)


def test_accept(benchmark: BenchmarkFixture) -> None:
    """A packet received: opened, parsed, stored, and a departure for each of 50 receivers."""
    room = Room(RECEIVERS, FRAME, FRAME_PAYLOAD)

    def prepare() -> None:
        room.depart()
        room.next_frame()

    timed(benchmark, room.accept, FRAME, prepare)


def test_depart(benchmark: BenchmarkFixture) -> None:
    """A packet sent: granted, numbered, remembered, protected; in runs of 10."""
    room = Room(RECEIVERS, FRAME, FRAME_PAYLOAD)

    def prepare() -> None:
        room.depart()
        room.next_frame()
        room.accept()

    timed(benchmark, room.depart, FRAME * RECEIVERS, prepare)
    assert room.depart() == 0, "a round left packets behind"
