"""Rooms: coming and going, tracks, opaque bytes, limits."""

from collections.abc import Callable

import pytest

from sfu.errors import RemoteError
from sfu.model.admission import Grant, RoomLimits, RoomQuota, address_key
from sfu.model.intents import (
    CloseTrack,
    Deliver,
    FillSlot,
    LimitSlot,
    OpenTrack,
    ParticipantAway,
    ParticipantCount,
    ParticipantJoined,
    ParticipantLeft,
    Tell,
    TellOthers,
    TrackAdded,
    TrackRemoved,
)
from sfu.model.rooms import Rooms
from sfu.model.track import Track
from sfu.model.view import Wish
from tests.model.support import A, Driver, Line, V, lines, told


def code_of(refusal: pytest.ExceptionInfo[RemoteError]) -> str:
    return refusal.value.code


def test_ids_are_not_given_twice() -> None:
    driver = Driver()
    assert [driver.join(), driver.join()] == [1, 2]
    driver.leave(2)
    assert driver.join() == 3


def test_others_are_told_of_coming_and_going() -> None:
    driver = Driver()
    driver.join()
    participant, intents = driver.room.join(Grant())
    assert intents == [TellOthers(participant.id, ParticipantJoined(2))]
    assert driver.room.set_away(2, True) == [TellOthers(2, ParticipantAway(2, True))]
    assert driver.room.set_away(2, False) == [TellOthers(2, ParticipantAway(2, False))]
    assert driver.leave(2) == [TellOthers(2, ParticipantLeft(2))]
    driver.join()
    assert driver.room.leave(3, is_lost=True) == [TellOthers(3, ParticipantLeft(3, is_lost=True))]


def test_large_rooms_are_told_counts_only() -> None:
    driver = Driver(RoomLimits(announce_up_to=2))
    driver.join([A])
    driver.join([A])
    participant, intents = driver.room.join(Grant())
    assert intents == [TellOthers(participant.id, ParticipantCount(3))]
    assert told(driver.describe(participant.id, [A, V])) == []
    assert driver.room.set_away(participant.id, True) == []
    assert driver.room.roster().away == {participant.id}
    assert told(driver.leave(participant.id)) == [ParticipantCount(2)]
    assert told(driver.leave(2)) == [ParticipantLeft(2)]


def test_what_a_join_costs_the_others_does_not_grow() -> None:
    driver = Driver()
    for _ in range(300):
        driver.join([A, V], [V, A])
    participant, intents = driver.room.join(Grant())
    intents += driver.describe(participant.id, [A, V], [V, A])
    for_others = [
        intent
        for intent in intents
        if not (isinstance(intent, FillSlot | Tell) and intent.participant == 301)
    ]
    assert [intent for intent in for_others if not isinstance(intent, OpenTrack)] == [
        TellOthers(301, ParticipantCount(301))
    ]


def test_tracks_keep_their_ids_while_they_are_sent() -> None:
    driver = Driver()
    who = driver.join([A, V])
    intents = driver.apply(driver.room.describe(who, [Line("0", A), Line("7", V)], []))
    added, removed = Track(3, who, "7", V), Track(2, who, "1", V)
    assert intents == [
        OpenTrack(added),
        TellOthers(who, TrackAdded(added)),
        TellOthers(who, TrackRemoved(removed)),
        CloseTrack(removed),
    ]
    assert driver.room.participants[who].tracks == [Track(1, who, "0", A), added]


def test_track_is_closed_after_its_slots_are_filled_otherwise() -> None:
    driver = Driver()
    first = driver.join([V])
    driver.join([V])
    driver.join(slots=[V])
    intents = driver.leave(first)
    kinds = [type(intent) for intent in intents]
    assert kinds.index(FillSlot) < kinds.index(CloseTrack)


def test_view_limits_are_told_where_they_change() -> None:
    driver = Driver()
    me = driver.join(slots=[V, A, V, A])
    room = driver.room
    assert room.look(me, [Wish(0, None, 720, 2), Wish(2)]) == [LimitSlot(me, 0, 720, 2)]
    assert room.look(me, [Wish(0, None, 720, 2)]) == []
    assert room.look(me, [Wish(2, None, 0)]) == [LimitSlot(me, 0, None, 0), LimitSlot(me, 2, 0, 0)]


def test_roster_comes_in_pages() -> None:
    driver = Driver(RoomLimits(roster_page=2))
    for _ in range(5):
        driver.join([A])
    driver.leave(2)
    pages = []
    begin = 0
    while True:
        page = driver.room.roster(begin)
        assert page.total == 4
        pages.append([who for who, _ in page.participants])
        if not page.next:
            break
        begin = page.next
    assert pages == [[1, 3], [4, 5]]


def test_late_joiner_is_given_the_last_profile_of_each() -> None:
    driver = Driver()
    first, second, third = (driver.join() for _ in range(3))
    room = driver.room
    room.set_profile(first, 1, b"old")
    assert room.set_profile(first, 1, b"new") == [Deliver(0, first, 1, b"new")]
    room.set_profile(second, 1, b"second")
    room.set_profile(third, 1, b"mine")
    driver.leave(second)
    assert room.profiles(third, room.roster(), 1) == [Deliver(third, first, 1, b"new")]


def test_profile_is_bounded() -> None:
    driver = Driver()
    who = driver.join()
    driver.room.set_profile(who, 1, bytes(4096))
    with pytest.raises(RemoteError) as refusal:
        driver.room.set_profile(who, 1, bytes(4097))
    assert code_of(refusal) == "too_large"
    assert len(driver.room.participants[who].profile) == 4096


def test_relay_to_one_to_all_and_to_nobody() -> None:
    driver = Driver()
    first, second = driver.join(), driver.join()
    assert driver.room.relay(first, 0, 2, b"x") == [Deliver(0, first, 2, b"x")]
    assert driver.room.relay(first, second, 2, b"x") == [Deliver(second, first, 2, b"x")]
    for nobody in (first, 9):
        with pytest.raises(RemoteError) as refusal:
            driver.room.relay(first, nobody, 2, b"x")
        assert code_of(refusal) == "no_such_participant"


def test_grant_is_kept_to() -> None:
    driver = Driver()
    who = driver.join(grant=Grant(may_publish=False, may_relay=False))
    room = driver.room
    driver.describe(who, [], [V, A])
    attempts: list[Callable[[], object]] = [
        lambda: room.describe(who, lines([A]), []),
        lambda: room.relay(who, 0, 2, b""),
        lambda: room.set_profile(who, 1, b""),
    ]
    for refused in attempts:
        with pytest.raises(RemoteError) as refusal:
            refused()
        assert code_of(refusal) == "forbidden"
    assert room.participants[who].tracks == []


@pytest.mark.parametrize(
    "tracks,slots",
    [(lines([A] * 9), []), ([], lines([V] * 129)), ([Line("a", A), Line("a", V)], [])],
)
def test_offer_beyond_the_limits_changes_nothing(tracks: list[Line], slots: list[Line]) -> None:
    driver = Driver()
    who = driver.join([A], [V])
    with pytest.raises(AssertionError):
        driver.room.describe(who, tracks, slots)
    assert driver.room.participants[who].tracks == [Track(1, who, "0", A)]
    assert driver.room.participants[who].slots.kinds == (V,)


def test_room_is_full() -> None:
    driver = Driver(RoomLimits(participants_per_room=2))
    driver.join()
    driver.join()
    with pytest.raises(RemoteError) as refusal:
        driver.join()
    assert code_of(refusal) == "room_full"
    driver.leave(1)
    assert driver.join() == 3


# ---- all rooms ----


def test_room_opens_with_the_first_and_goes_with_the_last() -> None:
    rooms = Rooms(RoomLimits())
    room, first, _ = rooms.join("a", Grant(), "192.0.2.1")
    again, second, _ = rooms.join("a", Grant(may_create=False), "192.0.2.2")
    assert again is room
    rooms.leave("a", first.id)
    assert "a" in rooms
    rooms.leave("a", second.id)
    assert "a" not in rooms
    assert rooms.leave("a", second.id) == []


def test_room_is_not_opened_without_leave_to() -> None:
    rooms = Rooms(RoomLimits())
    with pytest.raises(RemoteError) as refusal:
        rooms.join("a", Grant(may_create=False), "192.0.2.1")
    assert code_of(refusal) == "no_such_room"
    assert len(rooms) == 0


def test_rooms_of_one_address_are_limited() -> None:
    rooms = Rooms(RoomLimits(rooms_per_address=2))
    rooms.join("a", Grant(), "2001:db8::1")
    rooms.join("b", Grant(), "2001:db8::2")
    with pytest.raises(RemoteError) as refusal:
        rooms.join("c", Grant(), "2001:db8::3")
    assert code_of(refusal) == "too_many_rooms"
    rooms.join("c", Grant(), "2001:db8:0:1::1")
    rooms.join("a", Grant(), "2001:db8::3")
    rooms.leave("b", 1)
    rooms.join("d", Grant(), "2001:db8::4")


def test_room_that_nobody_may_enter_takes_no_place() -> None:
    rooms = Rooms(RoomLimits(participants_per_room=0, rooms_per_address=1))
    for _ in range(2):
        with pytest.raises(RemoteError) as refusal:
            rooms.join("a", Grant(), "192.0.2.1")
        assert code_of(refusal) == "room_full"
    assert len(rooms) == 0


@pytest.mark.parametrize(
    "address,key",
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
    ],
)
def test_address_key(address: str, key: str) -> None:
    assert address_key(address) == key


def test_quota_forgets_who_holds_nothing() -> None:
    quota = RoomQuota(1)
    quota.take("192.0.2.1")
    quota.give_back("192.0.2.1")
    assert not quota._open
