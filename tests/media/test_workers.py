"""Workers on real loopback sockets: started and stopped, and STUN answered over UDP and TCP."""

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aioice import stun

from sfu._native import Event, Refusal, Workers

PASSWORD = "p" * 22


def make_workers(count: int = 2, **changes: Any) -> Workers:
    settings: dict[str, Any] = {
        "addresses": [("127.0.0.1", 0)],
        "tcp": True,
        "socket_buffer_bytes": 1 << 20,
        "max_transports": 64,
        "packets": 1024,
        "pacing_bps": 10_000_000,
        "seed": os.urandom(16),
    }
    return Workers(count=count, **{**settings, **changes})


@pytest.fixture(params=["127.0.0.1", "::1"])
def workers(request: pytest.FixtureRequest) -> Iterator[Workers]:
    made = make_workers(addresses=[(request.param, 0)])
    made.start()
    yield made
    made.stop()


def check(password: str = PASSWORD, username: str = "abcd:wxyz") -> bytes:
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    message.add_fingerprint()
    return bytes(message)


def answer(asked: bytes) -> bytes:
    """To a check of the server's."""
    request = stun.parse_message(asked)
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=request.transaction_id,
    )
    message.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.1", 5000)
    message.add_message_integrity(PASSWORD.encode())
    message.add_fingerprint()
    return bytes(message)


def events(workers: Workers, until: str) -> list[tuple[int, Event | Refusal]]:
    """All events up to the first of a type; fails after ten seconds."""
    seen: list[tuple[int, Event | Refusal]] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        seen += workers.drain()
        if any(isinstance(event, Event) and event.type == until for _, event in seen):
            return seen
        time.sleep(0.005)
    raise AssertionError(f"no {until} among {seen}")


def udp_to(workers: Workers, worker: int) -> socket.socket:
    address = workers.local_address(worker, 0)
    made = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(10)
    made.connect(address)
    return made


def ask(workers: Workers, worker: int, sent: bytes) -> bytes:
    with udp_to(workers, worker) as client:
        client.send(sent)
        return client.recv(2000)


def read_frame(client: socket.socket) -> bytes:
    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = client.recv(count - len(data))
            assert more, "the server hung up"
            data += more
        return data

    return exactly(int.from_bytes(exactly(2)))


def settle(workers: Workers, worker: int) -> None:
    """Commands sent so far have been carried out."""
    workers.transport_open(worker, 63, "zzzz", PASSWORD, "yyyy", PASSWORD)
    workers.transport_close(worker, 63)
    events(workers, "closed")


def test_started_and_stopped_again_and_again() -> None:
    for _ in range(3):
        made = make_workers(count=3)
        made.start()
        made.stop()
        made.stop()
        with pytest.raises(RuntimeError, match="stopped"):
            made.drain()


def test_stopped_without_having_been_started() -> None:
    make_workers().stop()


def test_sockets_are_free_after_a_stop() -> None:
    first = make_workers(count=1)
    address = first.local_address(0, 0)
    with pytest.raises(OSError, match=r"(?i)in use.*127\.0\.0\.1"):
        make_workers(count=1, addresses=[address])
    first.stop()
    again = make_workers(count=1, addresses=[address])
    assert again.local_address(0, 0) == address
    again.stop()


def test_stun_is_answered_over_udp(workers: Workers) -> None:
    workers.transport_open(1, 5, "abcd", PASSWORD, "wxyz", PASSWORD)
    settle(workers, 1)
    with udp_to(workers, 1) as client:
        client.send(check())
        answer = stun.parse_message(client.recv(2000))
        assert answer.message_class is stun.Class.RESPONSE
        assert answer.check_message_integrity(PASSWORD.encode())
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.getsockname()[:2]
        (_, connected) = next(
            pair
            for pair in events(workers, "connected")
            if isinstance(pair[1], Event) and pair[1].type == "connected"
        )
        assert isinstance(connected, Event)
        assert (connected.transport, connected.path) == (5, (0, client.getsockname()[:2]))


def test_stun_is_answered_over_tcp(workers: Workers) -> None:
    workers.transport_open(0, 5, "abcd", PASSWORD, "wxyz", PASSWORD)
    settle(workers, 0)
    sent = check()
    with socket.create_connection(workers.local_address(0, 0, tcp=True), timeout=10) as client:
        framed = len(sent).to_bytes(2) + sent
        client.sendall(framed[:1])  # a frame may come in any pieces
        client.sendall(framed[1:40])
        client.sendall(framed[40:] + framed)
        for _ in range(2):
            answer = stun.parse_message(read_frame(client))
            assert answer.message_class is stun.Class.RESPONSE
            assert answer.check_message_integrity(PASSWORD.encode())
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.getsockname()[:2]
        events(workers, "connected")


def test_a_stranger_gets_no_answer(workers: Workers) -> None:
    workers.transport_open(0, 5, "abcd", PASSWORD, "wxyz", PASSWORD)
    settle(workers, 0)
    with udp_to(workers, 0) as client:
        for wrong in (
            check(password="q" * 22),
            check(username="abcd:other"),
            b"\x16" * 60,
            b"\x80" * 60,
            b"",
        ):
            client.send(wrong)
        # What comes back first is the answer to the first message that deserves one.
        last = check()
        client.send(last)
        answer = stun.parse_message(client.recv(2000))
        assert answer.transaction_id == stun.parse_message(last).transaction_id


def test_a_tcp_peer_that_speaks_something_else_is_hung_up_on(workers: Workers) -> None:
    with socket.create_connection(workers.local_address(0, 0, tcp=True), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100) == b""


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (max(int(fd.name) for fd in Path("/proc/self/fd").iterdir()) + 1, before[1])
    )
    try:
        with suppress(OSError):
            while True:
                held.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in held:
            os.close(descriptor)


def test_who_comes_when_no_descriptor_is_left_is_turned_away(workers: Workers) -> None:
    """Left in the queue it would keep the worker busy for nothing, and come in late."""
    address = workers.local_address(0, 0, tcp=True)
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as client:
        client.settimeout(10)
        with no_descriptor_left():
            client.connect(address)
            assert client.recv(100) == b""
    test_stun_is_answered_over_tcp(workers)


def test_refused_commands_are_told(workers: Workers) -> None:
    workers.transport_close(1, 6)
    deadline = time.monotonic() + 10
    seen: list[tuple[int, Event | Refusal]] = []
    while not seen and time.monotonic() < deadline:
        seen = workers.drain()
    assert seen == [(1, Refusal("transport_close", 6, 2))]


def test_datagrams_are_counted(workers: Workers) -> None:
    workers.transport_open(0, 5, "abcd", PASSWORD, "wxyz", PASSWORD)
    settle(workers, 0)
    ask(workers, 0, check())
    deadline = time.monotonic() + 10
    while workers.stats(0)["datagrams_received"] == 0:  # a snapshot may be 100 ms old
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert workers.stats(0)["datagrams_received"] == 1
    assert workers.stats(1)["datagrams_received"] == 0
    with pytest.raises(IndexError):
        workers.stats(2)
