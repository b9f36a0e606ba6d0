"""The controlling agent: when it asks, what it counts as an answer, and how long consent lasts without one."""

import errno
from itertools import pairwise

import pytest

from sfu._testing import stun
from sfu._testing.ice import CONSENT_US, Change, Controlling, Credentials, Path
from tests.native.ice_support import (
    CLIENT,
    ICE_CONTROLLED,
    MS,
    REQUEST,
    SECOND,
    SERVER,
    SUCCESS,
    TRANSACTION,
    refusal,
    request,
    success,
)

NOTHING = Change()
SERVER_AT = Path("192.0.2.1", 5000)
ELSEWHERE = Path("192.0.2.1", 5000, 1)
CONNECTED = Change(frozenset({"checked", "selected", "connected"}), SERVER_AT)


def controlling(seed: int = 1, now_us: int = 0) -> Controlling:
    return Controlling(CLIENT, SERVER, SERVER_AT, seed, now_us)


def heard(agent: Controlling, now_us: int, path: Path, data: bytes) -> Change:
    """What a message that asks for no answer changes."""
    response, change = agent.on_stun(now_us, path, data)
    assert response == b""
    return change


def ask(agent: Controlling, now_us: int) -> bytes:
    """The transaction id of the request that must be due."""
    data, change = agent.poll(now_us)
    assert data
    assert change == NOTHING
    return stun.parse(data)["transaction_id"]


def connected(now_us: int = 0) -> Controlling:
    agent = controlling(now_us=now_us)
    assert heard(agent, now_us, SERVER_AT, success(ask(agent, now_us))) == CONNECTED
    return agent


def test_asks_as_the_specification_has_it() -> None:
    agent = controlling()
    data, change = agent.poll(0)
    message = stun.parse(data)
    assert change == NOTHING
    assert message["type"] == REQUEST
    assert message["username"] == b"srv0:client00"
    assert message["priority"] == 0x6EFFFFFF  # peer-reflexive, local preference 65535, component 1
    assert message["use_candidate"]
    assert message["role"] == stun.ROLE_CONTROLLING
    assert message["tie_breaker"] == agent.tie_breaker
    assert message["has_fingerprint"]
    assert stun.check_integrity(data, SERVER.password.encode())


def test_nominates_only_when_it_is_meant_to() -> None:
    agent = controlling()
    agent.nominating = False
    assert not stun.parse(agent.poll(0)[0])["use_candidate"]
    agent.set_path(ELSEWHERE, 1)
    assert agent.nominating
    assert stun.parse(agent.poll(1)[0])["use_candidate"]


def test_the_longest_credentials_make_a_message() -> None:
    longest = Credentials("u" * 32, "p" * 64)
    agent = Controlling(longest, longest, SERVER_AT, 1, 0)
    data, _ = agent.poll(0)
    assert stun.parse(data)["username"] == b"u" * 32 + b":" + b"u" * 32
    assert stun.check_integrity(data, b"p" * 64)


def test_a_request_that_does_not_fit_is_not_made() -> None:
    length = len(controlling().poll(0)[0])
    assert controlling().poll(0, length - 1) == (b"", NOTHING)
    assert len(controlling().poll(0, length)[0]) == length


def test_unusable_credentials_are_refused() -> None:
    for local, remote in (
        (CLIENT, Credentials("abc", SERVER.password)),
        (Credentials("cli:", "p" * 22), SERVER),
    ):
        with pytest.raises(OSError) as raised:
            Controlling(local, remote, SERVER_AT, 1, 0)
        assert raised.value.errno == errno.EINVAL


def test_a_run_is_repeated_by_its_seed() -> None:
    def run(seed: int) -> list[bytes]:
        agent = controlling(seed)
        return [agent.poll(agent.next_deadline_us())[0] for _ in range(20)]

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_until_connected_it_asks_faster_then_slower() -> None:
    agent = controlling(now_us=1000)
    assert agent.next_deadline_us() == 1000
    assert agent.poll(999) == (b"", NOTHING)
    times = []
    for _ in range(8):
        times.append(agent.next_deadline_us())
        assert agent.poll(times[-1] - 1) == (b"", NOTHING)
        ask(agent, times[-1])
    assert [(b - a) // MS for a, b in pairwise(times)] == [
        50,
        100,
        200,
        400,
        500,
        500,
        500,
    ]


def test_seven_requests_are_one_transaction() -> None:
    agent = controlling()
    sent = [ask(agent, agent.next_deadline_us()) for _ in range(21)]
    assert sent == [sent[0]] * 7 + [sent[7]] * 7 + [sent[14]] * 7
    assert len(set(sent)) == 3


def test_an_answer_that_comes_after_the_next_request_counts() -> None:
    agent = controlling()
    first = ask(agent, 0)
    ask(agent, 50 * MS)
    assert heard(agent, 140 * MS, SERVER_AT, success(first)) == CONNECTED


def test_once_connected_consent_checks_are_spread_and_each_is_its_own() -> None:
    agent = connected()
    gaps, ids, last = [], [], 0
    for _ in range(300):
        now_us = agent.next_deadline_us()
        gaps.append(now_us - last)
        ids.append(ask(agent, now_us))
        assert heard(agent, now_us, SERVER_AT, success(ids[-1])) == Change(frozenset({"checked"}), SERVER_AT)
        last = now_us
    assert all(2 * SECOND <= gap <= 3 * SECOND for gap in gaps)
    assert min(gaps) < 2.1 * SECOND
    assert max(gaps) > 2.9 * SECOND
    assert len(set(ids)) == len(ids)


def test_consent_checks_go_on_at_the_same_pace_without_an_answer() -> None:
    agent = connected()
    last, ids = 0, set()
    for _ in range(9):
        now_us = agent.next_deadline_us()
        assert 2 * SECOND <= now_us - last <= 3 * SECOND
        ids.add(ask(agent, now_us))
        last = now_us
    assert len(ids) == 9, "RFC 7675: a consent check is not sent again"


@pytest.mark.parametrize("start", [0, 2**32 - 1, 2**40])
def test_consent_ends_thirty_seconds_after_the_last_answer(start: int) -> None:
    agent = connected(start)
    end = start + CONSENT_US
    while (now_us := agent.next_deadline_us()) < end:
        ask(agent, now_us)
    assert now_us == end
    assert agent.poll(end - 1)[1] == NOTHING
    data, change = agent.poll(end)
    assert change == Change(frozenset({"expired"}))
    assert not agent.connected
    assert data, "and it asks at once"
    assert agent.next_deadline_us() == end + 50 * MS
    assert agent.poll(end + 1) == (b"", NOTHING), "reported once"
    transaction = stun.parse(data)["transaction_id"]
    assert heard(agent, end + 2, SERVER_AT, success(transaction)) == CONNECTED


# ---- what is no answer ----


def test_nothing_else_connects() -> None:
    agent = controlling()
    transaction = ask(agent, 0)
    good = success(transaction)
    for wrong in (
        success(TRANSACTION),
        success(transaction, CLIENT.password),
        success(transaction, mapped=False),
        success(transaction, fingerprint=False),
        request(transaction=transaction, password=SERVER.password),
        request(transaction=transaction, kind=0x0011),
        refusal(transaction, 400, CLIENT.password),
    ):
        assert heard(agent, 1, SERVER_AT, wrong) == NOTHING
    assert heard(agent, 1, ELSEWHERE, good) == NOTHING, "not the pair that was asked on"
    assert heard(agent, 1, Path("192.0.2.2", 5000), good) == NOTHING
    assert not agent.connected
    assert heard(agent, 1, SERVER_AT, good) == CONNECTED


def test_an_answer_counts_once() -> None:
    agent = controlling()
    answer = success(ask(agent, 0))
    assert heard(agent, 0, SERVER_AT, answer) == CONNECTED
    assert heard(agent, 20 * SECOND, SERVER_AT, answer) == NOTHING
    while not agent.poll(now_us := agent.next_deadline_us())[1].what:
        pass
    assert now_us == CONSENT_US, "the replayed answer prolonged nothing"


def test_nothing_is_an_answer_before_a_question() -> None:
    agent = controlling()
    assert heard(agent, 0, SERVER_AT, success(bytes(12))) == NOTHING
    assert not agent.connected


@pytest.mark.parametrize("code", [400, 420])
def test_an_error_ends_the_transaction(code: int) -> None:
    agent = controlling()
    first, tie_breaker = ask(agent, 0), agent.tie_breaker
    assert heard(agent, 1, SERVER_AT, refusal(first, code)) == NOTHING
    assert heard(agent, 2, SERVER_AT, success(first)) == NOTHING, "it has been answered"
    assert agent.tie_breaker == tie_breaker
    second = ask(agent, 50 * MS)
    assert second != first
    assert heard(agent, 51 * MS, SERVER_AT, success(second)) == CONNECTED


def test_a_role_conflict_draws_a_new_tie_breaker_and_asks_on() -> None:
    agent = controlling()
    first, tie_breaker = ask(agent, 0), agent.tie_breaker
    assert heard(agent, 1, SERVER_AT, refusal(first, 487)) == NOTHING
    assert agent.tie_breaker != tie_breaker
    message = stun.parse(agent.poll(50 * MS)[0])
    assert message["role"] == stun.ROLE_CONTROLLING
    assert message["tie_breaker"] == agent.tie_breaker
    assert message["transaction_id"] != first


def test_errors_renew_no_consent() -> None:
    agent = connected()
    while (now_us := agent.next_deadline_us()) < CONSENT_US:
        assert heard(agent, now_us, SERVER_AT, refusal(ask(agent, now_us), 400)) == NOTHING
    assert agent.poll(CONSENT_US)[1].what == {"expired"}


# ---- another path ----


def test_another_path_is_checked_at_once() -> None:
    agent = connected()
    agent.set_path(ELSEWHERE, 7)
    assert not agent.connected
    assert agent.next_deadline_us() == 7
    transaction = ask(agent, 7)
    assert heard(agent, 8, SERVER_AT, success(transaction)) == NOTHING
    change = heard(agent, 9, ELSEWHERE, success(transaction))
    assert change == Change(frozenset({"checked", "selected", "connected"}), ELSEWHERE)


def test_what_was_asked_on_the_old_path_counts_no_more() -> None:
    agent = controlling()
    old = ask(agent, 0)
    agent.set_path(ELSEWHERE, 1)
    assert heard(agent, 2, ELSEWHERE, success(old)) == NOTHING
    assert ask(agent, 2) != old
    assert heard(agent, 3, ELSEWHERE, success(old)) == NOTHING
    assert not agent.connected


def test_a_check_of_the_server_is_answered_and_changes_nothing() -> None:
    """To which address it was sent is what the server wants to know: any is answered."""
    check = request(username=b"client00:srv0", password=CLIENT.password, role=ICE_CONTROLLED)
    for agent in (controlling(), connected()):
        deadline_us = agent.next_deadline_us()
        for path in (SERVER_AT, ELSEWHERE):
            response, change = agent.on_stun(1, path, check)
            assert change == NOTHING
            message = stun.parse(response)
            assert (message["type"], message["transaction_id"]) == (SUCCESS, TRANSACTION)
            assert message["mapped_address"] == (path.host, path.port)
            assert stun.check_integrity(response, CLIENT.password.encode())
        assert agent.next_deadline_us() == deadline_us


def test_a_strangers_check_is_met_with_silence() -> None:
    for wrong in (
        request(username=b"client00:srv0", password=SERVER.password, role=ICE_CONTROLLED),
        request(username=b"client00:srv1", password=CLIENT.password, role=ICE_CONTROLLED),
        request(username=b"client00:srv0", password=None, role=ICE_CONTROLLED),
    ):
        assert heard(connected(), 1, SERVER_AT, wrong) == NOTHING
