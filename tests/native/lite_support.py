"""A lite agent in tests: checked by a client, and proving the pair it was checked on."""

import itertools

from sfu._testing import stun
from sfu._testing.ice import Change, Credentials, Lite, Path
from tests.native.ice_support import (
    CLIENT,
    SERVER,
    code_of,
    request,
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
