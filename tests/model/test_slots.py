"""Who is in which slot: by example, then any sequence of events against what must always hold."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sfu.errors import RemoteError
from sfu.model.intents import FillSlot, SlotContent, SlotsChanged, Tell
from sfu.model.track import Kind, Pair
from sfu.model.view import Wish
from tests.model.support import A, Driver, V

# ---- by example ----


def test_picture_and_sound_of_one_person_share_a_seat() -> None:
    driver = Driver()
    driver.join([A, V])
    driver.join([V, A])
    me = driver.join([A, V], [V, A, V, A, V, A])
    assert driver.seen(me) == [(1, 2), (1, 1), (2, 3), (2, 4), (0, 0), (0, 0)]


def test_nobody_sees_themselves() -> None:
    driver = Driver()
    me = driver.join([A, V], [V, A, V, A])
    assert driver.faces(me) == [0, 0, 0, 0]


def test_seats_fill_by_order_of_joining_not_of_sending() -> None:
    driver = Driver()
    first, second = driver.join(), driver.join()
    driver.describe(second, [A, V])
    driver.describe(first, [A, V])
    me = driver.join(slots=[V, A])
    assert driver.faces(me) == [first, first]


def test_seat_of_one_who_left_goes_to_the_first_who_waits() -> None:
    driver = Driver()
    people = [driver.join([A, V]) for _ in range(4)]
    me = driver.join(slots=[V, A, V, A])
    intents = driver.leave(people[0])
    assert driver.faces(me) == [people[2], people[2], people[1], people[1]]
    assert [(intent.slot, intent.source) for intent in intents if isinstance(intent, FillSlot)] == [
        (0, 6),
        (1, 5),
    ]


def test_told_only_what_changed() -> None:
    driver = Driver()
    driver.join([A, V])
    me = driver.join(slots=[V, A, V, A])
    new = driver.room.join(driver.room.participants[me].grant)[0].id
    intents = driver.describe(new, [A])
    assert Tell(me, SlotsChanged((SlotContent(2, new, 0), SlotContent(3, new, 3)))) in intents


def test_extra_audio_slots_are_for_those_without_a_seat() -> None:
    driver = Driver()
    people = [driver.join([A, V]) for _ in range(3)]
    me = driver.join(slots=[V, A, A, A])
    assert driver.faces(me) == [people[0], people[0], people[1], people[2]]


def test_listener_makes_way_for_a_picture_where_an_extra_slot_is_free() -> None:
    driver = Driver()
    quiet = driver.join([A])
    me = driver.join(slots=[V, A, A])
    assert driver.faces(me) == [quiet, quiet, 0]
    seen = driver.join([A, V])
    assert driver.faces(me) == [seen, seen, quiet]


def test_who_turns_a_camera_on_in_an_extra_slot_changes_places_with_a_listener() -> None:
    driver = Driver()
    first, second = driver.join([A]), driver.join([A])
    me = driver.join(slots=[V, A, A])
    assert driver.faces(me) == [first, first, second]
    intents = driver.describe(second, [A, V])
    assert driver.faces(me) == [second, second, first]
    assert [len(intent.event.slots) for intent in intents if isinstance(intent, Tell) and isinstance(intent.event, SlotsChanged)] == [3]  # fmt: skip


def test_listener_stays_where_there_is_no_other_slot() -> None:
    driver = Driver()
    quiet = driver.join([A])
    me = driver.join(slots=[V, A])
    driver.join([A, V])
    assert driver.faces(me) == [quiet, quiet]


def test_who_stops_sending_gives_the_seat_up() -> None:
    driver = Driver()
    first, second = driver.join([A, V]), driver.join([A, V])
    me = driver.join(slots=[V, A])
    driver.describe(first, [])
    assert driver.faces(me) == [second, second]
    driver.describe(first, [A, V])
    assert driver.faces(me) == [second, second]


def test_view_pins_and_lets_go() -> None:
    driver = Driver()
    people = [driver.join([A, V]) for _ in range(3)]
    me = driver.join(slots=[V, A, V, A])
    driver.apply(driver.room.look(me, [Wish(0, people[2])]))
    assert driver.faces(me) == [people[2], people[2], people[1], people[1]]
    driver.apply(driver.room.look(me, []))
    assert driver.faces(me) == [people[2], people[2], people[1], people[1]]


def test_two_change_places_by_view() -> None:
    driver = Driver()
    first, second = driver.join([A, V]), driver.join([A, V])
    me = driver.join(slots=[V, A, V, A])
    intents = driver.apply(driver.room.look(me, [Wish(0, second), Wish(2, first)]))
    assert driver.faces(me) == [second, second, first, first]
    assert sum(isinstance(intent, Tell) for intent in intents) == 1


def test_seat_pinned_to_one_who_sends_nothing_waits_for_them() -> None:
    driver = Driver()
    silent, other = driver.join(), driver.join([A, V])
    me = driver.join(slots=[V, A])
    driver.apply(driver.room.look(me, [Wish(0, silent)]))
    assert driver.faces(me) == [0, 0]
    driver.describe(silent, [V])
    assert driver.seen(me) == [(silent, 3), (silent, 0)]
    driver.leave(silent)
    assert driver.faces(me) == [other, other]


def test_view_of_one_who_has_just_left_is_auto() -> None:
    driver = Driver()
    gone, other = driver.join([A, V]), driver.join([A, V])
    me = driver.join(slots=[V, A])
    driver.leave(gone)
    driver.apply(driver.room.look(me, [Wish(0, gone)]))
    assert driver.faces(me) == [other, other]


@pytest.mark.parametrize(
    "wishes,message",
    [
        ([Wish(5)], "slot 5 is none of the 5 slots offered"),
        ([Wish(-1)], "slot -1 is none"),
        ([Wish(0, 1), Wish(0, 2)], "slot 0 is named twice"),
        ([Wish(0, 3)], "nobody is sent their own media"),
        ([Wish(0, 1), Wish(2, 1)], "participant 1 is wanted in two slots"),
        ([Wish(0, 1, nth=1), Wish(2, 1, nth=1)], "participant 1 is wanted in two slots"),
        ([Wish(0, 3, nth=1)], "nobody is sent their own media"),
        ([Wish(1, 1)], "audio slot 1 goes with video slot 0"),
    ],
)
def test_refused_view_changes_nothing(wishes: list[Wish], message: str) -> None:
    driver = Driver()
    driver.join([A, V])
    driver.join([A, V])
    me = driver.join(slots=[V, A, V, A, A])
    driver.apply(driver.room.look(me, [Wish(0, 2, 360, 1)]))
    before = driver.seen(me)
    with pytest.raises(RemoteError, match=message) as refusal:
        driver.room.look(me, wishes)
    assert refusal.value.code == "bad_view"
    assert driver.seen(me) == before
    assert driver.room.participants[me].slots.view == (Wish(0, 2, 360, 1),)


def test_second_picture_has_a_seat_of_its_own_with_its_sound() -> None:
    driver = Driver()
    driver.join([A, V, V, A])
    me = driver.join(slots=[V, A, V, A])
    assert driver.seen(me) == [(1, 2), (1, 1), (1, 3), (1, 4)]


def test_everybody_is_seated_before_second_pictures_are() -> None:
    driver = Driver()
    shares, other = driver.join([A, V, V]), driver.join([A, V])
    me = driver.join(slots=[V, A, V, A])
    assert driver.faces(me) == [shares, shares, other, other]
    driver.leave(other)
    assert driver.seen(me) == [(1, 2), (1, 1), (1, 3), (1, 0)]


def test_view_names_which_picture_of_a_participant() -> None:
    driver = Driver()
    shares = driver.join([A, V, V])
    me = driver.join(slots=[V, A, V, A, V, A])
    driver.apply(driver.room.look(me, [Wish(0, shares, 1080, nth=1), Wish(4, shares)]))
    assert driver.seen(me) == [(1, 3), (1, 0), (0, 0), (0, 0), (1, 2), (1, 1)]
    # A second picture that stops leaves its seat to who had it, as the view says, and comes back to it.
    driver.describe(shares, [A, V])
    assert driver.seen(me)[:2] == [(1, 0), (1, 0)]
    driver.describe(shares, [A, V, V])
    assert driver.seen(me)[:2] == [(1, 4), (1, 0)]
    driver.leave(shares)
    assert driver.faces(me) == [0] * 6


def test_seat_of_a_second_picture_that_stopped_is_free() -> None:
    driver = Driver()
    shares = driver.join([A, V, V])
    me = driver.join(slots=[V, A, V, A])
    driver.describe(shares, [A, V])
    assert driver.faces(me) == [shares, shares, 0, 0]
    other = driver.join([A, V])
    assert driver.faces(me) == [shares, shares, other, other]


def test_second_offer_adds_slots_and_keeps_the_first() -> None:
    driver = Driver()
    people = [driver.join([A, V]) for _ in range(3)]
    me = driver.join(slots=[V, A, A])
    assert driver.faces(me) == [people[0], people[0], people[1]]
    driver.describe(me, [], [V, A, A, V, A])
    assert driver.seen(me) == [(1, 2), (1, 1), (2, 3), (2, 4), (3, 5)]


# ---- any sequence of events ----

_kinds = st.lists(st.sampled_from([A, V]), max_size=4)
_slots = st.lists(st.sampled_from([A, V]), max_size=8)


class AnyEvents(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()
        self.pins: dict[int, dict[int, Pair]] = {}  # receiver → seat → pair
        self.before: dict[int, dict[int, Pair]] = {}  # receiver → seat → pair, after the last rule

    # What the test knows by itself: who sends what, and how slots make seats.

    def pairs(self) -> dict[int, Pair]:
        """Of all tracks there are."""
        found: dict[int, Pair] = {}
        for who in self.driver.room.participants.values():
            of_kind = {A: 0, V: 0}
            for track in who.tracks:
                found[track.id] = Pair(who.id, of_kind[track.kind])
                of_kind[track.kind] += 1
        return found

    def sends(self, pair: Pair | None) -> set[Kind]:
        kinds = [A, V]
        if pair is None or pair.participant not in self.driver.room.participants:
            return set()
        tracks = self.driver.room.participants[pair.participant].tracks
        return {kind for kind in kinds if sum(track.kind is kind for track in tracks) > pair.nth}

    def seats(self, receiver: int) -> list[dict[Kind, int]]:
        seats: list[dict[Kind, int]] = []
        of_kind = {A: 0, V: 0}
        for slot, kind in enumerate(self.driver.room.participants[receiver].slots.kinds):
            if of_kind[kind] == len(seats):
                seats.append({})
            seats[of_kind[kind]][kind] = slot
            of_kind[kind] += 1
        return seats

    def seated(self, receiver: int) -> dict[int, Pair]:
        """By the tracks that are shown. A seat that is kept for a pair that is not sent shows none."""
        seen, pairs = self.driver.seen(receiver), self.pairs()
        return {
            k: next(iter(shown))
            for k, seat in enumerate(self.seats(receiver))
            if (shown := {pairs[seen[slot][1]] for slot in seat.values() if seen[slot][1]})
        }

    def anybody(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.driver.room.participants)))

    @property
    def is_inhabited(self) -> bool:
        return bool(self.driver.room.participants)

    @rule(tracks=_kinds, slots=_slots)
    def join(self, tracks: list[Kind], slots: list[Kind]) -> None:
        self.driver.join(tracks, slots)

    @precondition(lambda self: self.is_inhabited)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        who = self.anybody(data)
        self.driver.leave(who)
        self.pins.pop(who, None)
        self.before.pop(who, None)
        for pins in self.pins.values():
            for seat in [seat for seat, pinned in pins.items() if pinned.participant == who]:
                del pins[seat]

    @precondition(lambda self: self.is_inhabited)
    @rule(data=st.data(), tracks=_kinds)
    def send(self, data: st.DataObject, tracks: list[Kind]) -> None:
        self.driver.describe(self.anybody(data), tracks)

    @precondition(lambda self: self.is_inhabited)
    @rule(data=st.data(), more=_slots)
    def grow(self, data: st.DataObject, more: list[Kind]) -> None:
        who = self.anybody(data)
        table = self.driver.room.participants[who].slots
        self.driver.describe(who, [track.kind for track in self.driver.room.participants[who].tracks], [*table.kinds, *more])  # fmt: skip
        # A seat for sound may have become one with a picture: what was said of a pin stays with the seat.

    @precondition(lambda self: self.is_inhabited)
    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        who = self.anybody(data)
        seats = self.seats(who)
        others = [
            Pair(other, nth) for other in sorted(set(self.driver.room.participants) - {who}) for nth in (0, 1)
        ]
        pinned = (
            data.draw(st.lists(st.sampled_from(others), unique=True, max_size=len(seats))) if others else []
        )
        chosen = data.draw(st.permutations(range(len(seats))))[: len(pinned)]
        pins = dict(zip(chosen, pinned, strict=True))
        wishes = [
            Wish(seats[k].get(V, seats[k].get(A, -1)), pair.participant, nth=pair.nth)
            for k, pair in pins.items()
        ]
        self.driver.apply(self.driver.room.look(who, wishes))
        self.pins[who] = pins

    # ---- what must hold ----

    @invariant()
    def plane_shows_what_is_told(self) -> None:
        for receiver in self.driver.room.participants:
            tracks = {slot: track for slot, (_, track) in enumerate(self.driver.seen(receiver)) if track}
            assert tracks == self.driver.plane.slots.get(receiver, {})

    @invariant()
    def seats_hold_one_pair_each_and_none_twice(self) -> None:
        for receiver in self.driver.room.participants:
            faces, seen, pairs = self.driver.faces(receiver), self.driver.seen(receiver), self.pairs()
            assert receiver not in faces
            seated = self.seated(receiver)
            assert len(set(seated.values())) == len(seated)
            for k, seat in enumerate(self.seats(receiver)):
                assert len({faces[slot] for slot in seat.values()}) == 1
                for kind, slot in seat.items():
                    participant, track = seen[slot]
                    if track:
                        assert (pairs[track], participant) == (seated[k], seated[k].participant)
                    assert (track != 0) == (kind in self.sends(seated.get(k)))

    @invariant()
    def pinned_seats_hold_whom_they_should(self) -> None:
        for receiver, pins in self.pins.items():
            seated = self.seated(receiver)
            faces = self.driver.faces(receiver)
            for k, pair in pins.items():
                slots = self.seats(receiver)[k]
                assert seated.get(k) == (pair if self.sends(pair) & set(slots) else None)
                publishes = self.sends(Pair(pair.participant, 0))
                assert {faces[slot] for slot in slots.values()} == {pair.participant if publishes else 0}

    @invariant()
    def nobody_waits_beside_a_free_seat(self) -> None:
        for receiver in self.driver.room.participants:
            seated, pins = self.seated(receiver), self.pins.get(receiver, {})
            free = [seat for k, seat in enumerate(self.seats(receiver)) if k not in seated and k not in pins]
            for pair in set(self.pairs().values()) - set(pins.values()):
                if pair.participant == receiver:
                    continue
                seat = next((self.seats(receiver)[k] for k, other in seated.items() if other == pair), {})
                if V in self.sends(pair) and V not in seat:
                    assert not any(V in other for other in free)
                if A in self.sends(pair) and not seat:
                    assert not any(A in other for other in free)

    @invariant()
    def everybody_is_settled(self) -> None:
        """Whom an event was taken not to concern would not have changed."""
        room = self.driver.room
        for receiver in room.participants.values():
            assert deepcopy(receiver.slots).settle(room._publications) == []

    @invariant()
    def nobody_moves_without_need(self) -> None:
        for receiver in self.driver.room.participants:
            now, pins, seats = self.seated(receiver), self.pins.get(receiver, {}), self.seats(receiver)
            for k, who in self.before.get(receiver, {}).items():
                is_wanted_elsewhere = who in pins.values() or k in pins
                if now.get(k) == who or is_wanted_elsewhere or not self.sends(who) & set(seats[k]):
                    continue
                where = next((seats[j] for j, other in now.items() if other == who), None)
                assert where is not None, "lost a seat"
                gained_a_picture = V not in seats[k] and V in where and V in self.sends(who)
                made_way = (
                    V in seats[k]
                    and V not in self.sends(who)
                    and V not in where
                    and V in self.sends(now.get(k))
                )
                assert gained_a_picture or made_way
            self.before[receiver] = now


AnyEvents.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestAnyEvents: Any = AnyEvents.TestCase
