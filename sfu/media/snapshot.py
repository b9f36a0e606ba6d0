"""Counters of the media plane for metrics."""

from dataclasses import dataclass

from sfu._native import Workers


@dataclass(frozen=True)
class Snapshot:
    """Counters of each worker by name (native/media/stats.h, native/net/worker.h), at most about 100 ms old."""

    workers: tuple[dict[str, int], ...]
    run_lengths: tuple[
        tuple[int, ...], ...
    ]  # of each worker: messages by number of segments, in powers of two

    def total(self, name: str) -> int:
        """Of all workers."""
        return sum(worker[name] for worker in self.workers)


def take_snapshot(workers: Workers) -> Snapshot:
    taken = [workers.stats(worker) for worker in range(workers.count)]
    return Snapshot(
        workers=tuple({name: value for name, value in of.items() if isinstance(value, int)} for of in taken),
        run_lengths=tuple(value for of in taken for value in of.values() if isinstance(value, tuple)),
    )
