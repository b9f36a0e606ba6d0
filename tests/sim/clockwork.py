"""What drives a simulated world: virtual time, datagrams on their links, and who is looked at when something is due.

Nothing happens between two deadlines, so the clock jumps from one to the next.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Callable

from sfu._testing.engine import NEVER, Datagram, Engine, Event
from tests.sim.client import Address, Client, Path

MS = 1000
SECOND = 1_000_000
START_US = 1_000_000_000  # the clock's first value: no reader may take 0 for "now"
# What one instant may take before it counts as a loop that never ends.
MAX_ROUNDS = 10_000


def server_address(engine: int) -> Address:
    return f"10.0.0.{engine + 1}", 4000 + engine


class Clockwork:
    """Engines and clients as they stand; who they are and what they are told is its owner's."""

    def __init__(self, engines: list[Engine], turn_us: int) -> None:
        self.now_us = START_US
        self.turn_us = turn_us  # workers that are busy: engines read their sockets once in so long, and arrival is earlier
        self.engines = engines
        self.clients: list[Client] = []
        self.strays: list[tuple[int, int, Datagram]] = []  # sent to an address of no client
        self.on_sent: list[Callable[[int, int, Datagram], None]] = []  # (now, engine, datagram)
        self.on_arrival: list[Callable[[int, int, Address, bytes], None]] = []  # at an engine
        self.asleep: set[int] = set()  # engines that do not look at their rings: a worker that is late
        self._hash = hashlib.sha256()
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._timer_count = 0
        self._pending_handoff: set[int] = set()
        self._injected: dict[int, list[tuple[bytes, int, Address, int]]] = defaultdict(list)
        self._unread: dict[int, list[tuple[bytes, int, Address, int]]] = defaultdict(list)
        self._by_address: dict[Address, tuple[Client, Path]] = {}
        self._touched = set(range(len(engines)))

    def add_path(self, client: Client, path: Path) -> None:
        """What is sent to the path's address comes to this client."""
        self._by_address[path.address] = client, path

    def client_at(self, address: Address) -> Client | None:
        """Whose address it is."""
        found = self._by_address.get(address)
        return found[0] if found else None

    def touch(self, engine: int) -> None:
        """Something was said to an engine: it is looked at next."""
        self._touched.add(engine)

    # ---- time ----

    def at(self, when_us: int, action: Callable[[], None]) -> None:
        """Has something done at a moment of the virtual clock."""
        self._timer_count += 1
        heapq.heappush(self._timers, (max(when_us, self.now_us), self._timer_count, action))

    def after(self, delay_us: int, action: Callable[[], None]) -> None:
        self.at(self.now_us + delay_us, action)

    def run_for(self, duration_us: int) -> None:
        """Lets virtual time pass."""
        end_us = self.now_us + duration_us
        while (deadline := self.next_deadline_us()) <= end_us:
            self._step(deadline)
        self.now_us = end_us

    def run_until(self, predicate: Callable[[], bool], limit_us: int = 10 * SECOND) -> int:
        """Runs to the first instant at which the predicate holds and returns it; fails at the limit."""
        end_us = self.now_us + limit_us
        while not predicate():
            deadline = self.next_deadline_us()
            assert deadline <= end_us, f"not within {limit_us} µs of virtual time"
            self._step(deadline)
        return self.now_us

    def next_deadline_us(self) -> int:
        """When something happens next."""
        if self._touched or self._injected:
            return self.now_us
        deadline = self._timers[0][0] if self._timers else NEVER
        if self._unread:
            deadline = min(deadline, self.now_us - self.now_us % self.turn_us + self.turn_us)
        for engine in self.engines:
            deadline = min(deadline, engine.next_deadline_us())
        for client in self.clients:
            if not client.silent:
                deadline = min(deadline, client.peer.next_deadline_us())
            for path in client.paths:
                deadline = min(deadline, path.up.next_deadline_us(), path.down.next_deadline_us())
        return max(deadline, self.now_us)

    def inject(self, engine: int, data: bytes, remote: Address, local: int = 0) -> None:
        """A datagram that reaches an engine at the next instant, from wherever its sender says."""
        self._injected[engine].append((data, local, remote, self.now_us))

    def wake(self, engine: int) -> None:
        """Ends the sleep of an engine."""
        self.asleep.discard(engine)
        self._pending_handoff.add(engine)
        self.touch(engine)

    def trace(self) -> str:
        """A hash of every datagram that arrived anywhere, with its time."""
        return self._hash.hexdigest()

    # ---- the loop ----

    def _step(self, now_us: int) -> None:
        assert now_us >= self.now_us, "time went backwards"
        self.now_us = now_us
        for _ in range(MAX_ROUNDS):
            if not self._round():
                return
        raise AssertionError(f"the same instant never ends: {self._why_busy()}")

    def _round(self) -> bool:
        """One pass over all that is due now. False when nothing was."""
        busy = False
        while self._timers and self._timers[0][0] <= self.now_us:
            heapq.heappop(self._timers)[2]()
            busy = True
        busy |= self._deliver()
        busy |= self._hand_over()
        for index, engine in enumerate(self.engines):
            if index in self._touched or engine.next_deadline_us() <= self.now_us:
                self._touched.discard(index)
                self._flush_engine(index)
                busy = True
        for client in self.clients:
            if not client.silent and client.peer.next_deadline_us() <= self.now_us:
                self._flush_client(client)
                busy = True
        return busy

    def _why_busy(self) -> str:
        engines = [i for i, engine in enumerate(self.engines) if engine.next_deadline_us() <= self.now_us]
        peers = [c.name for c in self.clients if not c.silent and c.peer.next_deadline_us() <= self.now_us]
        return f"engines {engines} and peers {peers} have a deadline that does not pass"

    def _deliver(self) -> bool:
        """What the links have for this instant: one batch for each engine, one after another for the clients."""
        batches = self._injected
        self._injected = defaultdict(list)
        heard = False
        for client in self.clients:
            for path in client.paths:
                for local, remote, data in path.up.receive(self.now_us):
                    batches[client.engine].append((data, local, remote, self.now_us))
                for local, remote, data in path.down.receive(self.now_us):
                    if not client.silent:
                        self._note(b"client", data)
                        client.peer.on_datagram(self.now_us, local, remote, data)
                        heard = True
        for index, batch in sorted(batches.items()):
            for data, _, remote, _ in batch:
                self._note(b"engine", data)
                for listener in self.on_arrival:
                    listener(self.now_us, index, remote, data)
            self._unread[index] += batch
        read = self._read_sockets()
        if heard:
            for client in self.clients:
                if not client.silent and client.peer.next_deadline_us() <= self.now_us:
                    self._flush_client(client)
        return heard or read or bool(batches)

    def _read_sockets(self) -> bool:
        """Gives the engines what their sockets hold, if it is their turn."""
        if not self._unread or (self.turn_us and self.now_us % self.turn_us):
            return False
        unread, self._unread = self._unread, defaultdict(list)
        for index, batch in sorted(unread.items()):
            self.engines[index].on_datagrams(self.now_us, batch)
            self._touched.add(index)
        return True

    def _hand_over(self) -> bool:
        """Wakes the engines into whose rings something was put."""
        due = self._pending_handoff - self.asleep
        self._pending_handoff -= due
        for index in sorted(due):
            self.engines[index].on_handoff(self.now_us)
            self._touched.add(index)
        return bool(due)

    def _flush_engine(self, index: int) -> None:
        engine = self.engines[index]
        while datagrams := engine.poll(self.now_us):
            for datagram in datagrams:
                for listener in self.on_sent:
                    listener(self.now_us, index, datagram)
                found = self._by_address.get(datagram.remote)
                if found is None:
                    self.strays.append((self.now_us, index, datagram))
                    continue
                client, path = found
                local = client.paths.index(path)
                path.down.send(self.now_us, (local, server_address(index), datagram.data), len(datagram.data))
        self._pending_handoff |= set(engine.take_wakeups())
        for event in engine.next_events():
            self._on_event(index, event)

    def _flush_client(self, client: Client) -> None:
        for local, remote, data in client.peer.poll(self.now_us):
            assert remote == server_address(client.engine)
            path = client.paths[local]
            path.up.send(self.now_us, (client.socket, path.address, data), len(data))

    def _on_event(self, index: int, event: Event) -> None:
        client = next(
            c for c in self.clients if c.engine == index and c.transport == event.transport and c.open
        )
        client.events.append((self.now_us, event))
        client.open = event.type != "closed"
        self._happened(client, event)

    def _happened(self, client: Client, event: Event) -> None:
        """What comes of an event, beyond being remembered."""

    def _note(self, who: bytes, data: bytes) -> None:
        self._hash.update(b"%s %d %d " % (who, self.now_us, len(data)))
        self._hash.update(data)
