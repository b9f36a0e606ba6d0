"""What happens to a transport, as its owner is told; and how it comes up from the workers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sfu._native import Event, Refusal, Workers
from sfu.media.dtls import DtlsFailure


@dataclass(frozen=True)
class Connected:
    """A valid ICE check: the first, or the first since consent expired."""


@dataclass(frozen=True)
class Disconnected:
    """Consent expired: nothing has been heard for a while. The transport waits for a new check."""


@dataclass(frozen=True)
class Secured:
    """The first authenticated packet."""


@dataclass(frozen=True)
class Failed:
    """The transport will never carry media; its owner closes it."""

    # "timeout": ICE or DTLS did not get through in time; "peer": it said good-bye; "overloaded": the worker does not keep up
    reason: DtlsFailure | str


@dataclass(frozen=True)
class SlotFilled:
    """The slot carries that simulcast layer of a source from now on, or none (0)."""

    slot: int
    source: int
    layer: int = 0


@dataclass(frozen=True)
class AudioLevel:
    """How loud one of the transport's own sources is, in -dBov (RFC 6464), smoothed; 127: silent."""

    source: int
    level: int


@dataclass(frozen=True)
class Closed:
    """The last event."""


MediaEvent: TypeAlias = Connected | Disconnected | Secured | Failed | SlotFilled | AudioLevel | Closed


class EventPump:
    """Calls `handle` in the running loop for all that workers report."""

    def __init__(self, workers: Workers, handle: Callable[[int, Event | Refusal], None]) -> None:
        self._workers = workers
        self._handle = handle
        self._loop = asyncio.get_running_loop()
        self._fd = workers.fileno()
        self._loop.add_reader(self._fd, self._drain)

    def stop(self) -> None:
        """Before the workers are stopped, since the descriptor goes with them."""
        self._loop.remove_reader(self._fd)

    def _drain(self) -> None:
        for worker, happened in self._workers.drain():
            try:
                self._handle(worker, happened)
            except Exception as error:  # noqa: BLE001  one owner's fault must not cost the others their events
                self._loop.call_exception_handler({"message": f"handling {happened[0]}", "exception": error})
