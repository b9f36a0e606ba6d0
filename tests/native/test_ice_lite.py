"""The lite agent: what it answers, and what it meets with silence."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu._testing import stun
from sfu._testing.ice import CONSENT_US, LITE_BYTES, Change, Path
from tests.native.ice_support import (
    CLIENT,
    ICE_CONTROLLED,
    INDICATION,
    REQUEST,
    SECOND,
    SERVER,
    SUCCESS,
    TRANSACTION,
    attribute,
    code_of,
    home,
    request,
    seal,
    success,
)
from tests.native.lite_support import CHECK, NOMINATION, NOTHING, UNKNOWN, check, lite, prove


def test_is_small() -> None:
    assert LITE_BYTES < 1024


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
