"""Which pair the lite agent sends on: the latest nominated, as long as there is consent to it."""

import pytest

from sfu._testing.ice import CONSENT_US, MAX_ADDRESSES, NEVER, Change, Path
from tests.native.ice_support import (
    ICE_CONTROLLED,
    SECOND,
    attribute,
    home,
    request,
)
from tests.native.lite_support import NOMINATION, NOTHING, check, lite, prove

# ---- which pair ----


def test_before_a_nomination_the_first_valid_pair_is_used() -> None:
    agent = lite()
    check(agent, 0, home(1))
    assert check(agent, 1, home(2)) == Change(frozenset({"checked", "added"}), home(2))
    assert agent.selected() == home(1)


def test_the_first_nomination_wins_over_the_first_pair() -> None:
    agent = lite()
    check(agent, 0, home(1))
    check(agent, 1, home(2))
    assert check(agent, 2, home(2), NOMINATION) == Change(frozenset({"checked", "selected"}), home(2))
    assert agent.selected() == home(2)
    assert agent.addresses == {home(1): False, home(2): True}


def test_the_latest_nomination_wins_there_and_back() -> None:
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    check(agent, 1, home(2), NOMINATION)
    assert agent.selected() == home(2)
    assert "selected" not in check(agent, 2, home(1)).what, "a check without USE-CANDIDATE moves nothing"
    assert check(agent, 3, home(1), NOMINATION) == Change(frozenset({"checked", "selected"}), home(1))
    assert agent.selected() == home(1)
    assert "selected" not in check(agent, 4, home(1), NOMINATION).what, "it is selected already"


def test_a_changed_address_is_followed_when_it_is_nominated() -> None:
    """NAT rebinding: the same client, port and all else of its doing unchanged, from a new remote address."""
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    moved = Path("203.0.113.99", 1)
    assert check(agent, SECOND, moved).what == {"checked", "added"}
    assert agent.selected() == home(1)
    assert check(agent, 2 * SECOND, moved, NOMINATION).what == {"checked", "selected"}
    assert agent.selected() == moved


def test_the_same_remote_address_on_another_socket_is_another_pair() -> None:
    agent = lite()
    check(agent, 0, home(1, local=0), NOMINATION)
    assert check(agent, 1, home(1, local=1), NOMINATION).what == {"checked", "added", "selected"}
    assert agent.selected() == home(1, local=1)


def test_the_ninth_address_takes_the_place_of_the_least_recently_checked() -> None:
    agent = lite()
    for number in range(MAX_ADDRESSES):
        check(agent, number, home(number))
    check(agent, 20, home(1))  # now 2 is the oldest: 0 is older, and selected
    change = check(agent, 21, home(8))
    assert change == Change(frozenset({"checked", "added", "removed"}), home(8), home(2))
    assert set(agent.addresses) == {home(number) for number in (0, 1, 3, 4, 5, 6, 7, 8)}
    assert agent.selected() == home(0)


def test_an_evicted_pair_comes_back_like_a_new_one() -> None:
    agent = lite()
    for number in range(MAX_ADDRESSES + 1):
        check(agent, number, home(number))
    assert home(1) not in agent.addresses
    change = check(agent, 30, home(1), NOMINATION)
    assert change == Change(frozenset({"checked", "added", "removed", "selected"}), home(1), home(2))
    assert agent.addresses[home(1)]


def test_a_nominated_pair_is_evicted_once_another_is_selected() -> None:
    agent = lite()
    for number in range(MAX_ADDRESSES):
        check(agent, number, home(number), NOMINATION)
    assert check(agent, 50, home(8), NOMINATION).evicted == home(0)
    assert agent.selected() == home(8)


def test_a_flood_of_addresses_never_takes_the_selected_pair() -> None:
    agent = lite()
    check(agent, 0, home(), NOMINATION)
    for number in range(1, 1000):
        change = check(agent, number, home(number))
        assert change.evicted != home()
        assert len(agent.addresses) <= MAX_ADDRESSES
    assert agent.selected() == home()


# ---- consent and age ----


def test_nothing_is_due_before_the_first_check() -> None:
    agent = lite()
    assert agent.next_deadline_us() == NEVER
    assert agent.on_timeout(2**60) == NOTHING
    assert agent.selected() is None


@pytest.mark.parametrize("start", [0, 1, 2**32 - 1, 2**40])
def test_consent_ends_thirty_seconds_after_the_last_check(start: int) -> None:
    agent = lite()
    check(agent, start, home())
    prove(agent, start)
    check(agent, start + 5 * SECOND, home())
    end = start + 35 * SECOND
    assert agent.next_deadline_us() == end
    assert agent.on_timeout(end - 1) == NOTHING
    assert agent.selected() == home()
    assert agent.on_timeout(end) == Change(frozenset({"expired"}))
    assert agent.selected() is None
    assert agent.next_deadline_us() == NEVER
    assert agent.on_timeout(end + SECOND) == NOTHING, "reported once"


def test_a_check_that_is_refused_renews_no_consent() -> None:
    agent = lite()
    check(agent, 0, home())
    for data in (request(priority=False), request(role=ICE_CONTROLLED), request(more=(attribute(0x7FFF),))):
        agent.on_stun(20 * SECOND, home(), data)
    assert agent.on_timeout(CONSENT_US).what == {"expired"}


def test_a_valid_check_brings_an_expired_agent_back() -> None:
    agent = lite()
    check(agent, 0, home())
    agent.on_timeout(CONSENT_US)
    assert check(agent, CONSENT_US + 1, home()) == Change(frozenset({"checked", "connected"}), home())
    assert agent.selected() == home()
    assert agent.next_deadline_us() == CONSENT_US + 1, "it has to prove itself again"
    assert prove(agent, CONSENT_US + 2).what == {"proven"}
    assert agent.next_deadline_us() == 2 * CONSENT_US + 1


def test_an_expired_agent_comes_back_wherever_the_check_comes_from() -> None:
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    agent.on_timeout(CONSENT_US)
    change = check(agent, CONSENT_US + 1, home(2))
    assert change == Change(frozenset({"checked", "added", "selected", "connected"}), home(2))
    assert agent.selected() == home(2)
    prove(agent, CONSENT_US + 1)
    assert agent.next_deadline_us() == CONSENT_US, "the old pair, no longer selected, is overdue"
    assert agent.on_timeout(CONSENT_US + 1) == Change(frozenset({"removed"}), None, home(1))


def test_when_the_selected_pair_falls_silent_the_most_recent_other_takes_over() -> None:
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    check(agent, 2 * SECOND, home(3))
    check(agent, 1 * SECOND, home(2))
    change = agent.on_timeout(CONSENT_US)
    assert change == Change(frozenset({"selected", "removed"}), home(3), home(1))
    assert agent.selected() == home(3)
    assert agent.on_timeout(CONSENT_US + 1 * SECOND) == Change(frozenset({"removed"}), None, home(2))
    assert agent.on_timeout(CONSENT_US + 2 * SECOND) == Change(frozenset({"expired"}))


def test_pairs_out_of_use_are_forgotten_one_by_one() -> None:
    agent = lite()
    for number in range(4):
        check(agent, number, home(number))
    check(agent, 20 * SECOND, home(0))
    prove(agent, 20 * SECOND)
    gone = []
    while agent.next_deadline_us() <= CONSENT_US + 3:
        change = agent.on_timeout(CONSENT_US + 3)
        assert change.what == {"removed"}
        gone.append(change.evicted)
    assert gone == [home(1), home(2), home(3)]
    assert agent.selected() == home(0)


def test_a_late_timer_reports_all_in_turn() -> None:
    agent = lite()
    for number in range(3):
        check(agent, number, home(number))
    late = 10 * CONSENT_US
    changes = []
    while agent.next_deadline_us() <= late:
        changes.append(agent.on_timeout(late))
    assert [change.what for change in changes] == [{"expired"}, {"removed"}, {"removed"}]
    assert agent.selected() is None
    assert set(agent.addresses) == {home(0)}, "remembered, for what may still arrive"


# ---- removal ----


def test_a_removed_path_that_was_not_in_use_is_gone() -> None:
    agent = lite()
    check(agent, 0, home(1))
    check(agent, 1, home(2))
    assert agent.remove_path(home(2)) == Change(frozenset({"removed"}), None, home(2))
    assert agent.remove_path(home(2)) == NOTHING
    assert agent.selected() == home(1)
    assert set(agent.addresses) == {home(1)}


def test_when_the_selected_path_is_removed_the_most_recent_other_takes_over() -> None:
    agent = lite()
    for number in (1, 3, 2):
        check(agent, number, home(number))
    assert agent.remove_path(home(1)) == Change(frozenset({"removed", "selected"}), home(3), home(1))
    assert agent.selected() == home(3)


def test_when_the_only_path_is_removed_nothing_may_be_sent() -> None:
    agent = lite()
    check(agent, 0, home(1))
    assert agent.remove_path(home(1)) == Change(frozenset({"removed", "expired"}), None, home(1))
    assert agent.selected() is None
    assert agent.next_deadline_us() == NEVER
    assert check(agent, 1, home(2)).what == {"checked", "added", "selected", "connected"}


def test_removal_while_expired_brings_nothing_back() -> None:
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    check(agent, 0, home(2))
    agent.on_timeout(CONSENT_US)
    assert agent.selected() is None
    assert agent.remove_path(home(1)) == Change(frozenset({"removed"}), None, home(1))
    assert agent.selected() is None
    assert check(agent, CONSENT_US + 9, home(2)).what == {"checked", "selected", "connected"}
