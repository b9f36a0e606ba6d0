"""The lite agent goes where somebody answers: what proves a pair, and what does not (the table is in ice.h)."""

import pytest

from sfu._testing import stun
from sfu._testing.ice import Change
from tests.native.ice_support import (
    CLIENT,
    MS,
    REQUEST,
    SECOND,
    SERVER,
    TRANSACTION,
    attribute,
    home,
    refusal,
    request,
    success,
)
from tests.native.lite_support import NOMINATION, NONCES, NOTHING, ask, check, lite, prove


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
