"""What a conference makes of what comes in, without a server: the sender is a client of the same link."""

import secrets
from typing import Any

import pytest

from sfu.client import clock as client_clock
from sfu.client import events, frames, inbox
from sfu.client.adapter import Line
from sfu.client.conference import Conference
from sfu.client.envelope import Codec
from sfu.client.frames import Count, SendingSource
from sfu.client.keys import LinkKeys, RoomKeys, Source
from sfu.client.profile import SENDER_BYTES, Profile, SourceState, seal_profile
from sfu.client.sealed import SALT_BYTES, Kind, MessageCount
from sfu.client.session import Delivered, Told
from sfu.e2ee.link import Link
from sfu.signaling.messages import ParticipantLeft

CAMERA = Line(0, "video")
ANA = 7  # by the server's word


class _Transport:
    """Remembers for which lines a key frame was asked for."""

    slots = 2

    def __init__(self) -> None:
        self.asked: list[Line] = []

    def request_key_frame(self, line: Line) -> None:
        self.asked.append(line)


class _Clock:
    """Both clocks of a client, which go together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ms = 1_795_539_600_000
        monkeypatch.setattr(client_clock, "now_us", lambda: self.ms * 1000)
        monkeypatch.setattr(client_clock, "now_ms", lambda: self.ms)


class _Ana:
    """A sender with a camera, by its keys."""

    def __init__(self, link: Link) -> None:
        self.sender = secrets.token_bytes(SENDER_BYTES)
        self.kid = secrets.randbits(64)
        self._room = RoomKeys(link.secret)
        self._n = 0
        self._counter = 0

    def profile(self) -> Delivered:
        self._n += 1
        sources = (SourceState(self.kid, Source.CAMERA),)
        profile = Profile(self.sender, self._n, 0, "Ana", sources)
        return Delivered(
            Kind.PROFILE, ANA, seal_profile(profile, self._room, secrets.token_bytes(SALT_BYTES))
        )

    def frame(self, time_ms: int, *, key: bool = True) -> bytes:
        self._counter += 1
        camera = SendingSource(Source.CAMERA, self.kid, LinkKeys(self._room), counter=self._counter)
        return camera.seal(Codec.VP9, b"\x82" if key else b"\x86", time_ms)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    return _Clock(monkeypatch)


@pytest.fixture
def link() -> Link:
    return Link.make("http://127.0.0.1:8080/")


def _conference(link: Link) -> tuple[Conference, _Transport]:
    conference, transport = Conference.join(link), _Transport()
    stand_in: Any = transport
    conference._receiving.begin(stand_in)
    return conference, transport


def test_key_frame_is_asked_for_where_more_came_before_the_profile_than_is_held(
    link: Link, clock: _Clock
) -> None:
    (bob, transport), ana = _conference(link), _Ana(link)
    for _ in range(frames.HELD_FRAMES + 1):
        bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms))
    assert transport.asked == []
    bob._on_happening(ana.profile())
    assert transport.asked == [CAMERA]
    assert bob.counts == {Count.NO_KEY: 1}


def test_key_frame_is_asked_for_after_a_loss_once_a_second_and_not_forgotten(
    link: Link, clock: _Clock
) -> None:
    (bob, transport), ana = _conference(link), _Ana(link)
    bob._on_happening(ana.profile())
    for _ in range(2):
        bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms)[:-1])  # forged
        bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms))
    assert transport.asked == [CAMERA]
    for _ in range(2):
        clock.ms += 1000
        bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms))
        assert transport.asked == [CAMERA, CAMERA]


def test_key_frame_is_asked_for_at_once_where_another_comes_without_one(link: Link, clock: _Clock) -> None:
    (bob, transport), ana = _conference(link), _Ana(link)
    bob._on_happening(ana.profile())
    for _ in range(2):
        bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms, key=False))
        assert transport.asked == [CAMERA]
    clock.ms += 1000
    bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms, key=False))
    assert transport.asked == [CAMERA, CAMERA]
    assert bob.counts == {Count.NO_KEY_FRAME: 3}


def test_key_frame_is_asked_for_at_once_where_none_was_among_what_was_held(link: Link, clock: _Clock) -> None:
    (bob, transport), ana = _conference(link), _Ana(link)
    bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms, key=False))
    bob._on_happening(ana.profile())
    assert transport.asked == [CAMERA]


def test_waiting_for_the_profile_is_no_delay_of_the_senders(link: Link, clock: _Clock) -> None:
    (bob, _), ana = _conference(link), _Ana(link)
    bob._on_happening(ana.profile())
    (person,) = bob.people
    bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms))
    ana.kid = secrets.randbits(64)
    bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms))
    clock.ms += 4000
    bob._on_happening(ana.profile())
    assert bob.behind_s(person) == 0
    bob._receiving.on_frame(Codec.VP9, CAMERA, ana.frame(clock.ms - 4000))
    assert bob.behind_s(person) == 4
    clock.ms += 2000
    assert bob.behind_s(person) == 0, "nothing is said of what no longer comes"


def _invented(bob: Conference, participants: range) -> None:
    """Messages that do not open, as if these had sent them."""
    for participant in participants:
        for kind in (Kind.PROFILE, Kind.CHAT):
            bob._on_happening(Delivered(kind, participant, bytes(300)))


def test_people_whom_the_server_makes_up_do_not_flood_the_events(link: Link, clock: _Clock) -> None:
    (bob, _), ana = _conference(link), _Ana(link)
    bob._on_happening(ana.profile())
    for _ in range(3):
        _invented(bob, range(10, 10_000))
        bob._on_tick()
    joined, unreadable = bob._events
    assert isinstance(joined, events.Joined)
    assert unreadable == events.Unreadable(tuple(range(10, 10 + inbox.UNREADABLE)))
    assert bob.message_counts == {MessageCount.FORGED: 3 * 2 * 9990}


def test_who_was_lost_is_told_from_who_left(link: Link, clock: _Clock) -> None:
    for reason in ("left", "lost"):
        (bob, _), ana = _conference(link), _Ana(link)
        bob._on_happening(ana.profile())
        (joined,) = bob._events
        assert isinstance(joined, events.Joined)
        participant = joined.person.participant
        bob._on_happening(Told(ParticipantLeft(seq=1, participant=participant, reason=reason)))
        assert bob._events[-1] == events.Left(joined.person, lost=reason == "lost")


def test_unreadable_participant_is_told_again_after_leaving(link: Link, clock: _Clock) -> None:
    bob, _ = _conference(link)
    _invented(bob, range(10, 13))
    bob._on_happening(Told(ParticipantLeft(seq=1, participant=12)))  # before it was told
    bob._on_tick()
    bob._on_happening(Told(ParticipantLeft(seq=2, participant=11)))
    _invented(bob, range(10, 12))
    bob._on_tick()
    bob._on_roster({10})  # of a room too large to be told of each
    _invented(bob, range(10, 12))
    bob._on_tick()
    assert [one.participants for one in bob._events if isinstance(one, events.Unreadable)] == [
        (10, 11),
        (11,),
        (11,),
    ]
