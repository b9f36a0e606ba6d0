"""The lite agent with new credentials: what still counts of before."""

import errno

import pytest

from sfu._testing import stun
from sfu._testing.ice import CONSENT_US, Credentials
from tests.native.ice_support import (
    CLIENT,
    SECOND,
    SERVER,
    home,
    request,
    success,
)
from tests.native.lite_support import CHECK, NOMINATION, NONCES, NOTHING, UNKNOWN, ask, check, lite, prove

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
