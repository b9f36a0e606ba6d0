"""The lite agent: what it answers, what it meets with silence, and which pair it sends on."""

import errno
import itertools
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import stun
from sfu._testing.ice import CONSENT_US, LITE_BYTES, MAX_ADDRESSES, NEVER, Change, Credentials, Lite, Path
from tests.native.ice_support import (
    CLIENT,
    ICE_CONTROLLED,
    INDICATION,
    MS,
    REQUEST,
    SECOND,
    SERVER,
    SUCCESS,
    TRANSACTION,
    attribute,
    code_of,
    home,
    refusal,
    request,
    seal,
    success,
)

NOTHING = Change()
UNKNOWN = Credentials("", "")
CHECK = request()
NOMINATION = request(nominates=True)


def lite(remote: Credentials = CLIENT) -> Lite:
    return Lite(SERVER, remote)


def check(agent: Lite, now_us: int, path: Path, data: bytes = CHECK) -> Change:
    """A valid check, which must be answered with success."""
    response, change = agent.on_stun(now_us, path, data)
    assert code_of(response) == 0
    assert "checked" in change.what
    return change


NONCES = (number.to_bytes(12) for number in itertools.count(1))


def ask(agent: Lite, now_us: int) -> tuple[bytes, Path]:
    """The transaction id of the check that must be due, and where it goes."""
    data, path = agent.poll(now_us, next(NONCES))
    assert path
    assert stun.check_integrity(data, CLIENT.password.encode())
    return stun.parse(data)["transaction_id"], path


def prove(agent: Lite, now_us: int) -> Change:
    """Answers the check that must be due."""
    transaction, path = ask(agent, now_us)
    response, change = agent.on_stun(now_us, path, success(transaction, CLIENT.password))
    assert response == b""
    return change


def test_is_small() -> None:
    assert LITE_BYTES < 1024


# ---- answers ----


@pytest.mark.parametrize(
    "path", [Path("198.51.100.7", 40_000), Path("2001:db8::7", 1), Path("::1", 65_535, 3)]
)
def test_answers_a_valid_check_with_the_address_it_came_from(path: Path) -> None:
    agent = lite()
    response, change = agent.on_stun(5, path, CHECK)
    message = stun.parse(response)
    assert message["type"] == SUCCESS
    assert message["transaction_id"] == TRANSACTION
    assert message["mapped_address"] == (path.host, path.port)
    assert code_of(response) == 0
    assert change == Change(frozenset({"checked", "added", "selected", "connected"}), path)
    assert agent.selected() == path


def test_the_second_check_of_a_pair_changes_nothing_but_its_age() -> None:
    agent = lite()
    check(agent, 0, home())
    prove(agent, 0)
    assert check(agent, 7, home()) == Change(frozenset({"checked"}), home())
    assert agent.next_deadline_us() == 7 + CONSENT_US


def test_a_peer_that_claims_to_be_controlled_is_in_conflict() -> None:
    agent = lite()
    response, change = agent.on_stun(0, home(), request(role=ICE_CONTROLLED, nominates=True))
    assert code_of(response) == 487
    assert change == NOTHING
    assert agent.selected() is None
    assert not agent.addresses


def test_a_peer_that_claims_no_role_is_served() -> None:
    """RFC 8445 section 7.3.1.1: an agent without the attribute may be of an older specification."""
    check(lite(), 0, home(), request(role=None))


def test_unknown_required_attributes_are_listed() -> None:
    agent = lite()
    response, change = agent.on_stun(0, home(), request(more=(attribute(0x7FFF, b"x"), attribute(0x0031))))
    assert code_of(response) == 420
    at = response.index(bytes.fromhex("000a0004"))
    assert response[at + 4 : at + 8] == bytes.fromhex("7fff0031")
    assert change == NOTHING
    assert agent.selected() is None


def test_unknown_optional_attributes_are_ignored() -> None:
    check(lite(), 0, home(), request(more=(attribute(0xC057, bytes(4)), attribute(0xFFFF))))


def test_a_check_without_priority_is_a_bad_request() -> None:
    agent = lite()
    response, change = agent.on_stun(0, home(), request(priority=False))
    assert code_of(response) == 400
    assert change == NOTHING
    assert not agent.addresses


def test_of_several_reasons_the_first_is_given() -> None:
    unknown = (attribute(0x7FFF),)
    agent = lite()
    all_three, _ = agent.on_stun(0, home(), request(priority=False, role=ICE_CONTROLLED, more=unknown))
    last_two, _ = agent.on_stun(0, home(), request(priority=False, role=ICE_CONTROLLED))
    assert (code_of(all_three), code_of(last_two)) == (420, 400)


def test_what_cannot_be_answered_changes_nothing() -> None:
    agent = lite()
    whole, _ = lite().on_stun(0, home(), CHECK)
    for capacity in range(len(whole)):
        assert agent.on_stun(0, home(), CHECK, capacity) == (b"", NOTHING)
    assert not agent.addresses
    assert agent.on_stun(0, home(), CHECK, len(whole))[0] == whole


# ---- silences ----

SILENCES = {
    "no username": request(username=None),
    "empty username": request(username=b""),
    "no colon": request(username=b"srv0client00"),
    "our fragment alone": request(username=b"srv0"),
    "no remote fragment": request(username=b"srv0:"),
    "another local fragment": request(username=b"srv1:client00"),
    "another remote fragment": request(username=b"srv0:client01"),
    "a prefix of the remote fragment": request(username=b"srv0:client0"),
    "longer than the remote fragment": request(username=b"srv0:client000"),
    "the wrong way round": request(username=b"client00:srv0"),
    "several colons": request(username=b"srv0:client00:"),
    "two colons in the middle": request(username=b"srv0::client00"),
    "colon first": request(username=b":srv0:client00"),
    "over-long": request(username=b"srv0:client00" + b"x" * 400),
    "NUL behind": request(username=b"srv0:client00\0"),
    "other case": request(username=b"SRV0:client00"),
    "not UTF-8": request(username=b"\xff\xfe:\x80"),
    "the client's password": request(password=CLIENT.password),
    "a prefix of the password": request(password=SERVER.password[:-1]),
    "an empty password": request(password=""),
    "no integrity": request(password=None),
    "no fingerprint": request(fingerprint=False),
    "an indication": request(kind=INDICATION),
    "a success": request(kind=SUCCESS),
    "an authentic response": success(TRANSACTION),
    "an error": request(kind=0x0111),
    "no integrity and an unknown attribute": request(password=None, more=(attribute(0x7FFF),)),
    "wrong password and no priority": request(password="x" * 22, priority=False),
    "wrong password and role conflict": request(password="x" * 22, role=ICE_CONTROLLED),
}


@pytest.mark.parametrize("name", SILENCES)
def test_is_silent_and_remembers_nothing(name: str) -> None:
    for nominates in (False, True):
        agent = lite()
        if nominates:  # a stranger moves nothing either where there is something to move
            check(agent, 0, home(1))
        before = (agent.addresses, agent.selected(), agent.next_deadline_us())
        assert agent.on_stun(SECOND, home(), SILENCES[name]) == (b"", NOTHING)
        assert (agent.addresses, agent.selected(), agent.next_deadline_us()) == before


def test_attributes_behind_the_integrity_do_not_count() -> None:
    """Anybody can add them and make FINGERPRINT anew."""
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    authentic = request(fingerprint=False)[20:]
    assert check(agent, 1, home(2), seal(REQUEST, [authentic, attribute(0x0025)], None)).what == {
        "checked",
        "added",
    }
    assert agent.selected() == home(1)
    incomplete = request(fingerprint=False, priority=False)[20:]
    response, change = agent.on_stun(
        2, home(3), seal(REQUEST, [incomplete, attribute(0x0024, bytes(4))], None)
    )
    assert (code_of(response), change) == (400, NOTHING)


def test_no_check_is_valid_before_the_remote_fragment_is_known() -> None:
    for username in (b"srv0:", b"srv0", b"srv0:client00"):
        assert lite(UNKNOWN).on_stun(0, home(), request(username=username)) == (b"", NOTHING)


@given(st.integers(0, 8 * len(CHECK) - 1))
def test_no_flipped_bit_is_forgiven(bit: int) -> None:
    data = bytearray(CHECK)
    data[bit // 8] ^= 1 << bit % 8
    agent = lite()
    with suppress(OSError):  # stun_parse may have seen it already
        assert agent.on_stun(0, home(), bytes(data)) == (b"", NOTHING)
    assert not agent.addresses


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


# ---- proof ----


def test_a_chosen_pair_is_checked_with_an_id_of_its_own() -> None:
    agent = lite()
    check(agent, 0, home(1))
    data, path = agent.poll(0, b"unguessable!")
    assert path == home(1)
    message = stun.parse(data)
    assert (message["type"], message["transaction_id"]) == (REQUEST, b"unguessable!")
    assert (message["username"], message["role"]) == (b"client00:srv0", stun.ROLE_CONTROLLED)
    assert message["priority"]
    assert not message["use_candidate"]
    assert not agent.is_proven()
    answer = success(b"unguessable!", CLIENT.password)
    assert agent.on_stun(1, home(1), answer) == (b"", Change(frozenset({"proven"}), home(1)))
    assert agent.is_proven()
    assert agent.on_stun(2, home(1), answer) == (b"", NOTHING)


NO_PROOF = {
    "another id": lambda t: success(bytes(12), CLIENT.password),
    "our own password": lambda t: success(t, SERVER.password),
    "no fingerprint": lambda t: success(t, CLIENT.password, fingerprint=False),
    "an error": lambda t: refusal(t, 400, CLIENT.password),
    "a request": lambda t: request(transaction=t, password=CLIENT.password),
}


@pytest.mark.parametrize("name", NO_PROOF)
def test_what_proves_nothing(name: str) -> None:
    agent = lite()
    check(agent, 0, home(1))
    transaction, _ = ask(agent, 0)
    assert agent.on_stun(1, home(1), NO_PROOF[name](transaction)) == (b"", NOTHING)
    assert not agent.is_proven()


def test_an_answer_proves_only_the_pair_that_was_asked() -> None:
    agent = lite()
    for number in (1, 2):
        check(agent, 0, home(number))
    transaction, asked = ask(agent, 0)
    assert asked == home(1)
    for elsewhere in (home(2), home(1, local=1), home(3)):
        assert agent.on_stun(1, elsewhere, success(transaction, CLIENT.password)) == (b"", NOTHING)
    assert not agent.is_proven()


def test_nothing_is_proven_before_it_was_asked() -> None:
    agent = lite()
    check(agent, 0, home(1))
    for guessed in (bytes(12), TRANSACTION):
        assert agent.on_stun(1, home(1), success(guessed, CLIENT.password)) == (b"", NOTHING)


def test_a_proven_pair_is_left_only_for_one_that_answers() -> None:
    """A replayed or spoofed nomination moves nothing: who is there knows of no check, or cannot answer it."""
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    prove(agent, 0)
    for at in range(1, 40):
        assert check(agent, at * SECOND, home(66), NOMINATION).what <= {"checked", "added"}
        check(agent, at * SECOND, home(1))
        assert agent.selected() == home(1)
        assert agent.is_proven()
        assert agent.poll(at * SECOND, next(NONCES))[1] == home(66)
    check(agent, 40 * SECOND, home(66))
    assert prove(agent, 40 * SECOND) == Change(frozenset({"selected", "proven"}), home(66))
    assert agent.selected() == home(66)


def test_a_pair_that_was_left_has_to_prove_itself_again() -> None:
    agent = lite()
    for number in (1, 2):
        check(agent, number, home(number), NOMINATION)
        prove(agent, number)
    assert agent.selected() == home(2)
    assert check(agent, 3, home(1), NOMINATION).what == {"checked"}
    assert agent.selected() == home(2)
    assert prove(agent, 3).what == {"selected", "proven"}


def test_who_nominates_the_pair_in_use_again_gives_the_other_up() -> None:
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    prove(agent, 0)
    check(agent, 1, home(2), NOMINATION)
    transaction, _ = ask(agent, 1)
    check(agent, 2, home(1), NOMINATION)
    assert agent.on_stun(3, home(2), success(transaction, CLIENT.password)) == (b"", NOTHING)
    assert agent.selected() == home(1)
    assert agent.is_proven()


def test_without_proof_the_latest_nomination_is_followed_at_once() -> None:
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    assert check(agent, 1, home(2), NOMINATION).what == {"checked", "added", "selected"}
    assert ask(agent, 1)[1] == home(2)


def test_the_check_is_sent_again_a_few_times_then_once_for_each_of_the_peers() -> None:
    agent = lite()
    long = request(more=(attribute(0xC057, bytes(300)),))
    check(agent, 0, home(), long)
    sent = []
    while (due_us := agent.next_deadline_us()) < SECOND * 10:
        sent.append((due_us, ask(agent, due_us)[0]))
    assert [at for at, _ in sent] == [0, 100 * MS, 300 * MS, 700 * MS, 1500 * MS]
    assert len({transaction for _, transaction in sent}) == 1, "so that a late answer counts"
    for at in (11 * SECOND, 12 * SECOND):
        check(agent, at, home(), long)
        assert ask(agent, at)[0] == sent[0][1]
        assert agent.poll(at, next(NONCES)) == (b"", None)


@pytest.mark.parametrize("size", [0, 60, 300])
def test_no_address_gets_more_than_three_times_what_it_sent_without_proof(size: int) -> None:
    agent = lite()
    got = sent = 0
    data = request(nominates=True, more=(attribute(0xC057, bytes(size)),))
    for at in range(0, 20 * SECOND, 500 * MS):
        got += len(data)
        sent += len(agent.on_stun(at, home(), data)[0])
        while agent.next_deadline_us() <= at + 400 * MS:
            sent += len(agent.poll(max(at, agent.next_deadline_us()), next(NONCES))[0])
        agent.on_received(home(), 10)
        got += 10
        while agent.spend(100):
            sent += 100
        assert sent <= 3 * got
        assert sent > got
    agent.on_received(home(9), 10**6)
    assert not agent.spend(100), "what came from elsewhere counts for nothing"
    check(agent, 20 * SECOND, home(), data)
    prove(agent, 20 * SECOND)
    assert agent.spend(10**6)


def test_a_check_waits_until_there_is_a_password_to_seal_it_with() -> None:
    agent = lite()
    check(agent, 0, home(), NOMINATION)
    transaction, _ = ask(agent, 0)
    agent.restart(AGAIN, CLIENT_AGAIN)
    assert agent.on_stun(1, home(), success(transaction, CLIENT.password)) == (b"", NOTHING)
    assert agent.poll(SECOND, next(NONCES)) == (b"", None)
    agent.on_stun(SECOND, home(), NEW_CHECK)
    data, _ = agent.poll(SECOND, next(NONCES))
    assert stun.check_integrity(data, CLIENT_AGAIN.password.encode())


def test_credentials_end_with_a_restart() -> None:
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    agent.restart(Credentials("srv1", SERVER.password), CLIENT)
    assert agent.on_stun(3 * SECOND, home(66), NOMINATION) == (b"", NOTHING)


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


# ---- restart ----

AGAIN = Credentials("srvNEW", "anotherserverpassword22")
CLIENT_AGAIN = Credentials("clientNEW", "anotherclientpassword22")
NEW_CHECK = request(username=b"srvNEW:clientNEW", password=AGAIN.password)


def test_after_a_restart_only_the_new_credentials_count() -> None:
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    agent.restart(AGAIN, CLIENT_AGAIN)
    assert agent.selected() == home(1), "usable until a pair is found with the new credentials"
    assert agent.on_stun(1, home(1), CHECK) == (b"", NOTHING)
    for username in (b"srvNEW:client00", b"srv0:clientNEW"):
        assert agent.on_stun(1, home(1), request(username=username, password=AGAIN.password)) == (
            b"",
            NOTHING,
        )
    assert agent.on_stun(1, home(1), request(username=b"srvNEW:clientNEW")) == (b"", NOTHING)
    response, change = agent.on_stun(2, home(2), NEW_CHECK)
    assert stun.check_integrity(response, AGAIN.password.encode())
    assert change.what == {"checked", "added", "selected"}, "not connected again: consent never ended"
    assert agent.selected() == home(2)


def test_after_a_restart_the_same_pair_may_be_chosen_again() -> None:
    agent = lite()
    check(agent, 0, home(1), NOMINATION)
    prove(agent, 0)
    agent.restart(AGAIN, CLIENT_AGAIN)
    assert agent.addresses == {home(1): False}, "a nomination ends with the session that made it"
    assert agent.on_stun(1, home(1), NEW_CHECK)[1].what == {"checked"}
    assert agent.on_stun(2, home(2), NEW_CHECK)[1].what == {"checked", "added"}
    assert agent.selected() == home(1)


def test_a_restart_that_is_never_completed_ends_in_expiry() -> None:
    agent = lite()
    check(agent, 0, home(1))
    agent.restart(AGAIN, CLIENT_AGAIN)
    assert agent.on_timeout(CONSENT_US).what == {"expired"}
    agent.restart(SERVER, CLIENT)
    assert check(agent, CONSENT_US + 1, home(1)).what == {"checked", "connected"}


def test_a_restart_with_unusable_credentials_changes_nothing() -> None:
    agent = lite()
    check(agent, 0, home(1))
    for local, remote in (
        (Credentials("x", AGAIN.password), CLIENT_AGAIN),
        (AGAIN, Credentials("a:bc", CLIENT.password)),
        (AGAIN, Credentials("x" * 33, CLIENT.password)),
        (AGAIN, Credentials("clientNEW", "x" * 21)),
    ):
        with pytest.raises(OSError) as raised:
            agent.restart(local, remote)
        assert raised.value.errno == errno.EINVAL
    assert check(agent, 1, home(1)).what == {"checked"}


def test_the_remote_fragment_may_be_learned_later() -> None:
    agent = lite(UNKNOWN)
    agent.restart(SERVER, CLIENT)
    assert check(agent, 0, home()).what == {"checked", "added", "selected", "connected"}


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


# ---- all of it, against a model ----


class Model:
    """The rules of ice.h, told once more in another language: a dict in order of checking."""

    def __init__(self) -> None:
        self.checked: dict[Path, int] = {}
        self.selected: Path | None = None
        self.proving: Path | None = None
        self.connected = False

    def proven(self) -> bool:
        return self.connected and self.proving != self.selected

    def prove(self) -> None:
        self.selected, self.proving = self.proving, None

    def check(self, now_us: int, path: Path, nominates: bool) -> None:
        if path not in self.checked and len(self.checked) == MAX_ADDRESSES:
            evicted = min((p for p in self.checked if p != self.selected), key=self.checked.__getitem__)
            del self.checked[evicted]
            if evicted == self.proving:
                self.proving = None
        self.checked[path] = now_us
        if nominates or not self.connected:
            if path != self.selected:
                if not self.proven():
                    self.selected = path
                self.proving = path
            elif self.proven():
                self.proving = None
        self.connected = True

    def timeout(self, now_us: int) -> None:
        alive = {path: at for path, at in self.checked.items() if at + CONSENT_US > now_us}
        if self.selected is not None and self.selected in self.checked and self.selected not in alive:
            if self.connected and alive:
                self.selected = self.proving = max(alive, key=alive.__getitem__)
            else:
                self.connected, self.proving = False, self.selected
        kept = {self.selected} if not self.connected else set()
        self.checked = {path: at for path, at in self.checked.items() if path in alive or path in kept}
        if self.proving not in self.checked:
            self.proving = None

    def remove(self, path: Path) -> None:
        if self.checked.pop(path, None) is None:
            return
        if path == self.proving:
            self.proving = None
        if path != self.selected:
            return
        if self.connected and self.checked:
            self.selected = self.proving = max(self.checked, key=self.checked.__getitem__)
        else:
            self.selected, self.proving, self.connected = None, None, False


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_a_model(seed: int) -> None:
    generator = random.Random(seed)
    agent, model = lite(), Model()
    known: set[Path] = set()
    now_us = 0
    for _ in range(1500):
        now_us += 1 + round(generator.expovariate(1 / (2 * SECOND)))
        changes = []
        asked: tuple[bytes, Path] | None = None
        while agent.next_deadline_us() <= now_us:
            changes.append(agent.on_timeout(now_us))
            data, asked_at = agent.poll(now_us, next(NONCES))
            if asked_at:
                asked = stun.parse(data)["transaction_id"], asked_at
        model.timeout(now_us)
        if asked and asked[1] == model.proving and generator.random() < 0.5:
            changes.append(agent.on_stun(now_us, asked[1], success(asked[0], CLIENT.password))[1])
            assert changes[-1].what >= {"proven"}
            model.prove()
        path = home(generator.randrange(12))
        if generator.random() < 0.1:
            changes.append(agent.remove_path(path))
            model.remove(path)
        elif generator.random() < 0.7:
            nominates = generator.random() < 0.2
            changes.append(check(agent, now_us, path, NOMINATION if nominates else CHECK))
            model.check(now_us, path, nominates)
        if generator.random() < 0.02:
            now_us += 31 * SECOND
        for change in changes:  # as an owner of an address table would follow
            known -= {change.evicted}
            if "added" in change.what:
                assert change.path is not None
                known.add(change.path)
        assert set(agent.addresses) == set(model.checked) == known
        assert agent.selected() == (model.selected if model.connected else None)
        assert agent.is_proven() == model.proven()
