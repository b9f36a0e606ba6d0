"""A worker's UDP socket on loopback: what the kernel says of datagrams that come, and of those it does not take."""

from __future__ import annotations

import select
import socket
import time

import pytest

from sfu._testing.udp import UdpSocket

ADDRESSES = ("127.0.0.1", "::1")
SMALLEST = 1  # bytes of buffer: the kernel gives as few as it can
PATIENCE_S = 20


def clock() -> tuple[int, int]:
    """Now, and the wall clock's distance from it, both in µs and of one moment within a millisecond."""
    while True:
        before, wall, now = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if now - before < 1_000_000:
            return now // 1000, (wall - now) // 1000


def reaches(sender: socket.socket, at: UdpSocket, data: bytes) -> None:
    sender.sendto(data, at.address)
    assert select.select([at], [], [], PATIENCE_S)[0]


@pytest.fixture(params=ADDRESSES)
def ip(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def receiver(ip: str) -> UdpSocket:
    return UdpSocket((ip, 0))


@pytest.fixture
def other(ip: str) -> socket.socket:
    """Somebody on the network."""
    made = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((ip, 0))
    made.settimeout(PATIENCE_S)
    return made


def address_of(made: socket.socket) -> tuple[str, int]:
    ip, port = made.getsockname()[:2]
    return ip, port


# ---- in ----


def test_arrival_is_when_the_kernel_got_it(receiver: UdpSocket, other: socket.socket) -> None:
    """The first time stamps of a machine may be those of reading: the kernel begins to make them in the background."""
    with other:
        for _ in range(100):
            sent_us, _ = clock()
            reaches(other, receiver, b"one")
            came_us, _ = clock()
            time.sleep(0.05)
            now_us, offset_us = clock()
            ((data, remote, arrival_us),) = receiver.receive(now_us, offset_us)
            assert (data, remote) == (b"one", address_of(other))
            if arrival_us <= came_us + 1000:  # the clocks agree to a millisecond
                assert arrival_us >= sent_us - 1000
                return
    raise AssertionError("arrival is always the time of reading")


@pytest.mark.parametrize("step_us", [-3_600_000_000, -2_000_000, 2_000_000, 3_600_000_000])
def test_a_stepped_wall_clock_moves_no_packet(
    receiver: UdpSocket, other: socket.socket, step_us: int
) -> None:
    with other:
        reaches(other, receiver, b"one")
        now_us, offset_us = clock()
        ((_, _, arrival_us),) = receiver.receive(now_us, offset_us + step_us)
        assert arrival_us == now_us


def test_what_a_full_socket_drops_is_counted_once(ip: str, other: socket.socket) -> None:
    receiver = UdpSocket((ip, 0), buffer_bytes=SMALLEST)
    now_us, offset_us = clock()
    sent = received = 0
    with other:
        for _ in range(3):
            for _ in range(50):
                other.sendto(bytes(1000), receiver.address)
            sent += 50
            while batch := receiver.receive(now_us, offset_us):
                received += len(batch)
            # The kernel tells with a datagram what it has dropped before that.
            reaches(other, receiver, b"last")
            sent += 1
            received += len(receiver.receive(now_us, offset_us))
            assert receiver.counters["socket_drops"] == sent - received > 0


# ---- out ----


def received_by(other: socket.socket, count: int) -> list[bytes]:
    return [other.recv(65536) for _ in range(count)]


def test_messages_arrive_in_order_runs_as_datagrams(ip: str, other: socket.socket) -> None:
    sender = UdpSocket((ip, 0))
    with other:
        to = address_of(other)
        run = b"".join(bytes([n]) * 100 for n in range(10)) + b"short"
        sender.send([(to, b"first", 0), (to, run, 100), (to, b"last", 0)])
        expected = [b"first", *(bytes([n]) * 100 for n in range(10)), b"short", b"last"]
        assert received_by(other, len(expected)) == expected
    counters = sender.counters
    assert (counters["send_errors"], counters["send_blocked"], sender.waiting) == (0, 0, 0)


@pytest.mark.parametrize("bad", [0, 1, 7, 127, 128, 199])
def test_the_one_that_fails_is_skipped_and_counted(ip: str, other: socket.socket, bad: int) -> None:
    """Port 0 is nobody's (EINVAL)."""
    sender = UdpSocket((ip, 0))
    with other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        to = address_of(other)
        numbers = [n.to_bytes(2) for n in range(200)]
        sender.send([(to if n != bad else (ip, 0), data, 0) for n, data in enumerate(numbers)])
        assert received_by(other, 199) == numbers[:bad] + numbers[bad + 1 :]
    assert sender.counters["send_errors"] == 1
    assert not sender.blocked


def test_a_run_that_fails_singly_too_is_no_fault_of_gso(ip: str, other: socket.socket) -> None:
    sender = UdpSocket((ip, 0))
    with other:
        sender.send([((ip, 0), bytes(1000), 100), (address_of(other), bytes(1000), 100)])
        assert received_by(other, 10) == [bytes(100)] * 10
    counters = sender.counters
    assert (counters["send_errors"], counters["gso_fallbacks"]) == (10, 0)
