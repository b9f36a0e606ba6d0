"""A seeded emulator of one direction of a link, in virtual time: what a datagram meets between two hosts.

The order of effects is that of a real path: the outage (nothing passes), then the loss on the way to the bottleneck, the
bottleneck's queue and rate, then delay, jitter and duplication behind it. Every datagram draws the same number of random values
whatever befalls it, so that two runs differ only where their settings do.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")

NEVER = 0xFFFFFFFFFFFFFFFF
HEADER_BYTES = 28  # IPv4 and UDP, counted at the bottleneck as a real one does
PS = 1_000_000  # picoseconds in a microsecond


@dataclass(frozen=True)
class Gilbert:
    """Loss in bursts (Gilbert-Elliott): a chain of a good and a bad state, moved once for each datagram."""

    enter: float  # probability of good → bad
    leave: float  # probability of bad → good; the mean burst is 1 / leave datagrams
    loss_bad: float = 1.0
    loss_good: float = 0.0

    def mean_loss(self) -> float:
        """The share of datagrams lost in the long run."""
        bad = self.enter / (self.enter + self.leave)
        return bad * self.loss_bad + (1 - bad) * self.loss_good


@dataclass(frozen=True)
class Conditions:
    """What one direction of a link does to datagrams."""

    delay_us: int = 10_000
    jitter_us: int = 0  # added to the delay, uniform in 0 … jitter
    reorder: bool = False  # whether jitter may let one datagram overtake another
    loss: float = 0.0
    burst: Gilbert | None = None
    duplicate: float = 0.0
    rate_bps: int = 0  # 0: unlimited
    queue_bytes: int = 0  # drop-tail bounds of the bottleneck's queue, 0: unbounded
    queue_packets: int = 0
    queue_us: int = 0
    outages: tuple[tuple[int, int], ...] = ()  # [from, to) on the virtual clock


@dataclass
class Counters:
    """What became of the datagrams given to a link."""

    sent: int = 0
    delivered: int = 0
    lost: int = 0
    cut_off: int = 0  # in an outage
    overflowed: int = 0  # the queue was full
    duplicated: int = 0
    reordered: int = 0  # arrives before one that was sent earlier
    bytes_delivered: int = 0
    max_queue_bytes: int = 0


@dataclass
class _Flight(Generic[Item]):
    item: Item
    length: int


@dataclass
class Link(Generic[Item]):
    """One direction. `send` puts in, `receive` takes out what has arrived, `next_deadline_us` says when to look."""

    seed: int
    conditions: Conditions = field(default_factory=Conditions)
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._bad = False
        self._count = 0
        self._flying: list[tuple[int, int, _Flight[Item]]] = []
        self._queue: deque[tuple[int, int]] = deque()  # (leaves the bottleneck, bytes)
        self._queued_bytes = 0
        self._last_arrival_us = 0
        self._free_ps = (
            0  # when the bottleneck has sent all it holds; finer than a microsecond, or the rate drifts
        )

    def send(self, now_us: int, item: Item, length: int) -> None:
        """Puts in a datagram of `length` bytes of UDP payload."""
        loss, burst_move, burst_loss, jitter, copy, copy_jitter = (self._random.random() for _ in range(6))
        conditions = self.conditions
        self.counters.sent += 1
        if any(start <= now_us < end for start, end in conditions.outages):
            self.counters.cut_off += 1
            return
        if loss < conditions.loss or self._burst_loses(burst_move, burst_loss):
            self.counters.lost += 1
            return
        leaves_us = self._pass_bottleneck(now_us, length + HEADER_BYTES)
        if leaves_us < 0:
            self.counters.overflowed += 1
            return
        self._fly(leaves_us, jitter, item, length)
        if copy < conditions.duplicate:
            self.counters.duplicated += 1
            self._fly(leaves_us, copy_jitter, item, length)

    def receive(self, now_us: int) -> list[Item]:
        """Takes what has arrived by now, in order of arrival."""
        arrived = []
        while self._flying and self._flying[0][0] <= now_us:
            flight = heapq.heappop(self._flying)[2]
            self.counters.delivered += 1
            self.counters.bytes_delivered += flight.length
            arrived.append(flight.item)
        return arrived

    def next_deadline_us(self) -> int:
        """When the next datagram arrives; NEVER where none is on its way."""
        return self._flying[0][0] if self._flying else NEVER

    def queued_bytes(self, now_us: int) -> int:
        """Bytes, with headers, that wait at the bottleneck."""
        while self._queue and self._queue[0][0] <= now_us:
            self._queued_bytes -= self._queue.popleft()[1]
        return self._queued_bytes

    def _burst_loses(self, move: float, loss: float) -> bool:
        burst = self.conditions.burst
        if burst is None:
            return False
        if self._bad:
            self._bad = move >= burst.leave
        else:
            self._bad = move < burst.enter
        return loss < (burst.loss_bad if self._bad else burst.loss_good)

    def _pass_bottleneck(self, now_us: int, size: int) -> int:
        """When the last bit has left the bottleneck, or -1 where its queue has no room."""
        conditions = self.conditions
        if not conditions.rate_bps:
            return now_us
        waiting = self.queued_bytes(now_us)
        start_ps = max(now_us * PS, self._free_ps)
        if conditions.queue_bytes and waiting + size > conditions.queue_bytes:
            return -1
        if conditions.queue_packets and len(self._queue) + 1 > conditions.queue_packets:
            return -1
        if conditions.queue_us and start_ps - now_us * PS > conditions.queue_us * PS:
            return -1
        self._free_ps = start_ps + size * 8 * PS * 1_000_000 // conditions.rate_bps
        leaves_us = -(-self._free_ps // PS)
        self._queue.append((leaves_us, size))
        self._queued_bytes += size
        self.counters.max_queue_bytes = max(self.counters.max_queue_bytes, self._queued_bytes)
        return leaves_us

    def _fly(self, from_us: int, jitter: float, item: Item, length: int) -> None:
        arrival_us = from_us + self.conditions.delay_us + int(jitter * (self.conditions.jitter_us + 1))
        if arrival_us < self._last_arrival_us:
            if self.conditions.reorder:
                self.counters.reordered += 1
            else:
                arrival_us = self._last_arrival_us
        self._last_arrival_us = max(self._last_arrival_us, arrival_us)
        self._count += 1
        heapq.heappush(self._flying, (arrival_us, self._count, _Flight(item, length)))
