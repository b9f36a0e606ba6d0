import itertools

import pytest

from sfu.auth.admission import Admission, CreatePolicy, JoinPolicy, Permissions
from sfu.auth.tokens import Grant, Verifier, issue
from sfu.errors import Code, RemoteError
from sfu.redact import Secret

SECRET = Secret("main secret, which has 32 bytes or more")
NOW_S = 1_800_000_000.0


def _token(*grants: Grant, room: str = "r") -> str:
    return issue("main", SECRET, room=room, identity="ann", grants=grants, now_s=NOW_S, ttl_s=60)


def _authorise(
    token: str | None, create: CreatePolicy = "anyone", join: JoinPolicy = "anyone", now_s: float = NOW_S
) -> Permissions:
    admission = Admission(Verifier({"main": SECRET}), create=create, join=join)
    return admission.authorise("r", token, now_s=now_s)


# Whether they may make a room: somebody without a token, with one without the grant, with the grant, an admin.
@pytest.mark.parametrize(
    "create,allowed",
    [
        ("anyone", (True, True, True, True)),
        ("token", (False, False, True, True)),
        ("admin", (False, False, False, True)),
    ],
)
def test_who_makes_a_room(create: CreatePolicy, allowed: tuple[bool, ...]) -> None:
    tokens = (None, _token(Grant.PUBLISH), _token(Grant.CREATE), _token(Grant.ADMIN))
    assert tuple(_authorise(token, create).create for token in tokens) == allowed


def test_link_alone() -> None:
    assert _authorise(None) == Permissions(None, create=True, publish=True, subscribe=True, admin=False)
    with pytest.raises(RemoteError) as raised:
        _authorise(None, join="token")
    assert raised.value.code == Code.UNAUTHORISED


@pytest.mark.parametrize("join", ["anyone", "token"])
@pytest.mark.parametrize(
    "grants", [c for n in range(3) for c in itertools.combinations([Grant.PUBLISH, Grant.SUBSCRIBE], n)]
)
def test_token_narrows_what_the_link_alone_allows(join: JoinPolicy, grants: tuple[Grant, ...]) -> None:
    found = _authorise(_token(*grants), join=join)
    assert (found.identity, found.admin) == ("ann", False)
    assert (found.publish, found.subscribe) == (Grant.PUBLISH in grants, Grant.SUBSCRIBE in grants)


def test_admin_may_do_all() -> None:
    assert _authorise(_token(Grant.ADMIN), "admin", "token") == Permissions(
        "ann", create=True, publish=True, subscribe=True, admin=True
    )


@pytest.mark.parametrize("join", ["anyone", "token"])
def test_bad_token_is_no_missing_token(join: JoinPolicy) -> None:
    for token, now_s in (("", NOW_S), (_token(room="s"), NOW_S), (_token(), NOW_S + 3600)):
        with pytest.raises(RemoteError) as raised:
            _authorise(token, join=join, now_s=now_s)
        assert raised.value.code == Code.UNAUTHORISED
