"""Who speaks in a room."""

from sfu.model.admission import Grant, RoomLimits
from sfu.model.intents import SpeakersChanged, TellOthers
from sfu.model.room import Room
from sfu.model.speakers import SILENT, Speaker, Speakers
from sfu.model.track import Kind
from tests.model.support import Line


def test_the_loudest_first_and_five_at_most() -> None:
    speakers = Speakers()
    for participant in range(1, 9):
        speakers.hear(participant, participant, 60 - participant, 10.0)
    told = speakers.poll(10.0)
    assert told == tuple(Speaker(who, 60 - who) for who in (8, 7, 6, 5, 4))


def test_only_news_is_told_and_not_too_often() -> None:
    speakers = Speakers()
    assert speakers.poll(1.0) is None
    assert speakers.next_deadline_s() is None
    speakers.hear(1, 1, 30, 1.0)
    assert speakers.poll(1.0) == (Speaker(1, 30),)
    speakers.hear(1, 1, 20, 1.1)
    assert speakers.poll(1.1) is None
    assert speakers.next_deadline_s() == 1.5
    assert speakers.poll(1.5) == (Speaker(1, 20),)
    speakers.hear(1, 1, 20, 2.0)
    assert speakers.poll(2.5) is None


def test_silence_ends_it_said_or_not() -> None:
    speakers = Speakers()
    speakers.hear(1, 1, 30, 1.0)
    speakers.hear(2, 2, 30, 1.0)
    assert speakers.poll(1.0) == (Speaker(1, 30), Speaker(2, 30))
    speakers.hear(1, 1, SILENT, 2.0)
    assert speakers.poll(2.0) == (Speaker(2, 30),)
    # The second one's packets have ceased.
    assert speakers.next_deadline_s() == 3.5
    assert speakers.poll(3.5) == ()
    assert speakers.next_deadline_s() is None


def test_a_participant_is_as_loud_as_their_loudest_track() -> None:
    speakers = Speakers()
    speakers.hear(1, 1, 40, 1.0)
    speakers.hear(1, 2, 25, 1.0)
    assert speakers.poll(1.0) == (Speaker(1, 25),)
    speakers.hear(1, 2, SILENT, 1.0)
    assert speakers.poll(2.0) == (Speaker(1, 40),)


def test_who_leaves_speaks_no_more() -> None:
    room = Room("room", RoomLimits())
    for _ in range(2):
        room.join(Grant())
    room.describe(1, [Line("0", Kind.AUDIO)], [])
    (track,) = room.tracks(1)
    assert track.kind is Kind.AUDIO
    room.hear(track, 30, 1.0)
    intents, again_s = room.speakers(1.0)
    assert intents == [TellOthers(0, SpeakersChanged((Speaker(1, 30),)))]
    assert again_s == 3.5
    room.leave(1)
    room.hear(track, 30, 1.2)
    intents, again_s = room.speakers(1.5)
    assert intents == [TellOthers(0, SpeakersChanged(()))]
    assert again_s is None
