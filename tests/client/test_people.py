import pytest

from sfu.client.attribution import Attribution
from sfu.client.keys import LinkKeys, Source
from sfu.client.people import BEHIND_MS, CLOCK_MS, Lateness, People
from sfu.client.profile import Profile, SourceState
from sfu.client.sealed import MessageError
from tests.client.vectors import room_keys

ANA, BOB, OWN = b"a" * 16, b"b" * 16, b"o" * 16


def _people() -> tuple[People, LinkKeys]:
    keys = LinkKeys(room_keys())
    return People(OWN, keys), keys


def _profile(sender: bytes, n: int, *kids: int, name: str = "Ana") -> Profile:
    return Profile(sender, n, 0, name, tuple(SourceState(kid, Source.CAMERA) for kid in kids))


def _behind_s(people: People, now_ms: int) -> int:
    return people.lateness(ANA, now_ms).behind_s


def test_who_is_there_is_who_has_a_profile() -> None:
    people, keys = _people()
    update = people.on_profile(7, _profile(ANA, 1, 100, 101))
    assert (update.is_new, update.kids, update.person.name) == (True, (100, 101), "Ana")
    update = people.on_profile(7, _profile(ANA, 2, 101, 102, name="Anna"))
    assert (update.is_new, update.kids, update.person.name) == (False, (102,), "Anna")
    assert [person.sender for person in people] == [ANA]
    assert [person.sender for person in people.on_left(7)] == [ANA]
    assert keys.owner(100) is None
    assert len(people) == 0


def test_old_profile_is_ignored_even_after_its_sender_left() -> None:
    people, _ = _people()
    people.on_profile(7, _profile(ANA, 2))
    for n in (1, 2):
        with pytest.raises(MessageError):
            people.on_profile(7, _profile(ANA, n, name="old"))
    people.on_left(7)
    with pytest.raises(MessageError):
        people.on_profile(8, _profile(ANA, 2))
    assert people.on_profile(8, _profile(ANA, 3)).is_new


def test_own_profile_brought_back_is_nobody() -> None:
    people, _ = _people()
    with pytest.raises(MessageError):
        people.on_profile(9, _profile(OWN, 1))


def test_kid_stays_with_who_named_it_first() -> None:
    people, keys = _people()
    people.on_profile(7, _profile(ANA, 1, 100))
    assert people.on_profile(8, _profile(BOB, 1, 100, 200)).kids == (200,)
    assert keys.owner(100) == ANA


def test_sender_brought_by_two_counts_as_the_last() -> None:
    people, _ = _people()
    people.on_profile(7, _profile(ANA, 1))
    people.on_profile(8, _profile(ANA, 2))
    assert people.on_left(7) == []
    assert [person.participant for person in people] == [8]


def test_joining_anew_leaves_those_who_are_still_there() -> None:
    people, _ = _people()
    people.on_profile(7, _profile(ANA, 1))
    people.on_profile(8, _profile(BOB, 1))
    assert [person.sender for person in people.on_roster([8, 9])] == [ANA]
    assert [person.sender for person in people] == [BOB]


def test_heard_from_the_first_frame_on() -> None:
    people, _ = _people()
    person = people.on_profile(7, _profile(ANA, 1, 9)).person
    assert not person.heard
    assert people.on_frame(ANA, 9, 1000, 1005)
    assert not people.on_frame(ANA, 9, 1020, 1025)
    assert not people.on_frame(BOB, 10, 1020, 1025)
    assert person.heard


def test_how_far_behind_beyond_the_smallest_difference_of_the_sender_by_the_worst_source() -> None:
    people, _ = _people()
    people.on_profile(7, _profile(ANA, 1, 9, 10))
    assert _behind_s(people, 100_000) == 0
    # Her clock is 100 s ahead: that is no delay.
    people.on_frame(ANA, 9, 200_000, 100_000)
    people.on_frame(ANA, 9, 200_000, 100_000 + BEHIND_MS - 1)
    assert _behind_s(people, 103_000) == 0
    people.on_frame(ANA, 9, 200_000, 100_000 + BEHIND_MS)
    assert _behind_s(people, 103_000) == 3
    people.on_frame(ANA, 10, 189_000, 103_500)
    people.on_frame(ANA, 9, 203_500, 103_500)
    assert _behind_s(people, 103_500) == 14, "the picture is late, the sound is not"
    assert _behind_s(people, 106_000) == 0, "of what no longer comes nothing is said"
    people.on_left(7)
    people.on_profile(8, _profile(ANA, 2, 9))
    people.on_frame(ANA, 9, 200_000, 110_000)
    assert _behind_s(people, 110_000) == 0, "who comes anew is measured anew"


@pytest.mark.parametrize(
    "difference_ms, lateness",
    [
        (CLOCK_MS, Lateness()),
        (CLOCK_MS + 1, Lateness(60, 60)),
        (86_400_000, Lateness(86_400, 86_400)),
        (-CLOCK_MS, Lateness()),
        (-CLOCK_MS - 1, Lateness(0, -60)),
    ],
)
def test_difference_of_clocks_that_no_clocks_have_is_told(difference_ms: int, lateness: Lateness) -> None:
    people, _ = _people()
    people.on_profile(7, _profile(ANA, 1, 9))
    people.on_frame(ANA, 9, 100_000_000 - difference_ms, 100_000_000)
    assert people.lateness(ANA, 100_000_000) == lateness
    # And what is late besides.
    people.on_frame(ANA, 9, 100_000_000 - difference_ms, 100_004_000)
    assert people.lateness(ANA, 100_004_000) == Lateness(max(0, lateness.clock_s) + 4, lateness.clock_s)
    assert people.lateness(ANA, 100_006_000) == Lateness(), "of what no longer comes nothing is said"


def test_server_that_is_wrong_for_over_a_second_is_told_once() -> None:
    slot = Attribution()
    assert not slot.on_frame(1, 2, 0)
    assert not slot.on_frame(1, 2, 1_000_000)
    assert slot.on_frame(1, 2, 1_000_001)
    assert not slot.on_frame(1, 2, 9_000_000)
    assert not slot.on_frame(1, 1, 9_000_001)
    assert not slot.on_frame(1, 2, 9_000_002)
    assert slot.on_frame(1, 2, 11_000_000)
