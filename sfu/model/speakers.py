"""Who speaks in a room: the loudest by the levels that their packets carry. A hint, as levels are what publishers say."""

from dataclasses import dataclass

LOUDEST = 5  # that are told of
INTERVAL_S = 0.5  # between two tellings
FORGET_S = 2.5  # who speaks is heard of each second: without word for so long somebody is silent
SILENT = 127  # -dBov (RFC 6464)


@dataclass(frozen=True, slots=True)
class Speaker:
    participant: int
    level: int  # -dBov: 0 is loudest


class Speakers:
    """Time is an argument, in seconds of any clock that never goes back."""

    def __init__(self) -> None:
        self._heard: dict[tuple[int, int], tuple[int, float]] = {}  # by participant and track: level, when
        self._told: tuple[Speaker, ...] = ()
        self._told_s = float("-inf")

    def hear(self, participant: int, track: int, level: int, now_s: float) -> None:
        """What the media plane says of a track; SILENT: nothing is heard of it any more."""
        if level >= SILENT:
            self._heard.pop((participant, track), None)
        else:
            self._heard[participant, track] = level, now_s

    def forget(self, participant: int) -> None:
        for key in [key for key in self._heard if key[0] == participant]:
            del self._heard[key]

    def poll(self, now_s: float) -> tuple[Speaker, ...] | None:
        """The loudest, loudest first, if that is news and the last telling is long enough ago."""
        if now_s - self._told_s < INTERVAL_S:
            return None
        for key in [key for key, (_, heard_s) in self._heard.items() if now_s - heard_s >= FORGET_S]:
            del self._heard[key]
        loudest = self._loudest()
        if loudest == self._told:
            return None
        self._told, self._told_s = loudest, now_s
        return loudest

    def next_deadline_s(self) -> float | None:
        """When `poll` may have something to say without a word from the media plane; None: never."""
        due = [heard_s + FORGET_S for _, heard_s in self._heard.values()]
        if self._loudest() != self._told:
            due.append(self._told_s + INTERVAL_S)
        return min(due, default=None)

    def _loudest(self) -> tuple[Speaker, ...]:
        levels: dict[int, int] = {}
        for (participant, _), (level, _) in self._heard.items():
            levels[participant] = min(level, levels.get(participant, SILENT))
        # Among the equally loud the order of joining, so that they do not take turns.
        order = sorted(levels, key=lambda participant: (levels[participant], participant))
        return tuple(Speaker(participant, levels[participant]) for participant in order[:LOUDEST])
