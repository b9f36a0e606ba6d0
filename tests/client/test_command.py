"""What `sfu join` shows on a terminal."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from sfu.client import command, events
from sfu.client.chat import Line
from sfu.client.keys import Source
from sfu.client.people import Person
from sfu.client.profile import Profile, SourceState
from sfu.client.record import Recording

ANA, BOB = b"a" * 16, b"b" * 16


def _person(sender: bytes, name: str, participant: int, *, recording: bool = False) -> Person:
    sources = (SourceState(1, Source.MICROPHONE, muted=True), SourceState(2, Source.CAMERA))
    return Person(Profile(sender, 1, 0, name, sources, recording), participant)


def _shown(people: list[Person], **more: Any) -> str:
    behind, clock = more.pop("behind", {}), more.pop("clock", {})
    conference = SimpleNamespace(
        people=tuple(people),
        counts=more.pop("counts", {}),
        behind_s=lambda person: behind.get(person.sender, 0),
        clock_s=lambda person: clock.get(person.sender, 0),
    )
    recorder = SimpleNamespace(recordings=more.pop("recordings", {}))
    state = command._State(cast("Any", conference), more.pop("player", None), cast("Any", recorder))
    state.loss = more.pop("loss", (0, 0))
    console = Console(width=160, record=True, highlight=False)
    console.print(command._picture(state))
    return console.export_text()


def test_who_is_there_what_is_lost_and_what_is_recorded() -> None:
    ana, bob = _person(ANA, "Ana", 2, recording=True), _person(BOB, "", 1)
    ana.heard = True
    recorded = Recording(Path("ana.webm"), Source.CAMERA, frames=3, bytes=2_500_000)
    shown = _shown(
        [ana, bob],
        recordings={(ANA, Source.CAMERA): recorded},
        loss=(98, 2),
        counts={"forged": 3},
        behind={ANA: 14},
    )
    first, second = (
        next(line for line in shown.splitlines() if name in line) for name in ("Ana", "somebody")
    )
    assert shown.index("somebody") < shown.index("Ana")
    for words in ("microphone", "camera", "records, 14 s behind", "camera 2.5 MB"):
        assert words in first
    assert "not heard yet" in second
    assert "loss 2.0%" in shown
    assert "forged 3" in shown


def test_old_call_or_a_wrong_clock_is_named() -> None:
    ana, bob = _person(ANA, "Ana", 2), _person(BOB, "Bob", 1)
    shown = _shown([ana, bob], behind={ANA: 86_400}, clock={ANA: 86_400, BOB: -90})
    assert "86400 s behind, an old call or a wrong clock" in shown
    assert "not heard yet, a clock is wrong" in shown


def test_playing_shows_how_far(tmp_path: Path) -> None:
    player = SimpleNamespace(path=tmp_path / "film.webm", duration_s=120.4, progress_s=31.2)
    assert "playing film.webm 31 of 120 s" in _shown([], player=player)


def test_names_are_no_markup() -> None:
    assert "[red]Ana" in _shown([_person(ANA, "[red]Ana", 1)])


@pytest.mark.parametrize(
    "event,words",
    [
        (events.Joined(_person(ANA, "Ana", 1, recording=True)), "Ana is there and records"),
        (events.Left(_person(ANA, "Ana", 1)), "Ana has left"),
        (events.Left(_person(ANA, "Ana", 1), lost=True), "Ana was cut off"),
        (events.WrongSender(_person(ANA, "Ana", 1), 3), "the key says who it is"),
        (events.Unreadable((4,)), "do they have the same link?"),
        (events.NoKey((0,)), "cannot be opened"),
        (events.Interrupted(), "is back"),
        (events.Closed(None), ""),
    ],
)
def test_events_are_told(event: events.Event, words: str) -> None:
    said = command._sentence(event)
    assert words in said
    assert bool(said) is bool(words)


def test_chat_is_told_with_its_gap_and_visible_controls() -> None:
    line = Line(ANA, 5, 0, "a\u202eb", missing=2)
    said = command._chat(line, _person(ANA, "Ana", 1))
    assert said == "(2 messages of Ana's are missing)\nAna: a<U+202E>b"
    assert command._chat(line, None).endswith("somebody: a<U+202E>b")
