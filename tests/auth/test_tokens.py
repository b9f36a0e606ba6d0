import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.auth import tokens
from sfu.auth.tokens import DEFAULT_GRANTS, Claims, Grant, TokenError, Verifier
from sfu.errors import Code, LocalError
from sfu.redact import Secret

SECRET = Secret("main secret, which has 32 bytes or more")
OTHER = Secret("other secret, which has 32 bytes or more")
KEYS = {"main": SECRET, "other": OTHER}
NOW_S = 1_800_000_000.0


def _payload(**changes: Any) -> dict[str, Any]:
    good = {"iss": "main", "room": "r", "identity": "ann", "grants": ["publish"], "exp": NOW_S + 60}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def _token(secret: Secret = SECRET, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(_payload(**changes), secret.reveal(), algorithm="HS256", headers=headers)


def _verify(token: str, now_s: float = NOW_S, room: str | None = None) -> Claims:
    return Verifier(KEYS).verify(token, now_s=now_s, room=room)


def _refusal(token: str, now_s: float = NOW_S, room: str | None = None) -> str:
    with pytest.raises(TokenError) as raised:
        _verify(token, now_s, room)
    assert raised.value.code == Code.UNAUTHORISED
    assert token not in raised.value.message or len(token) < 20
    return raised.value.message.removeprefix("the token").strip()


def test_what_is_issued_is_verified() -> None:
    made = tokens.issue(
        "main", SECRET, room="r", identity="ann", grants=DEFAULT_GRANTS, now_s=NOW_S, ttl_s=60
    )
    assert _verify(made, room="r") == Claims("main", "r", "ann", DEFAULT_GRANTS, NOW_S + 60)


def test_token_is_a_plain_jwt() -> None:
    made = tokens.issue(
        "main", SECRET, room="r", identity="ann", grants={Grant.PUBLISH}, now_s=NOW_S, ttl_s=60
    )
    header, payload, _signature = (base64.urlsafe_b64decode(part + "==") for part in made.split("."))
    assert json.loads(header) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(payload) == {
        "iss": "main", "room": "r", "identity": "ann", "grants": ["publish"], "iat": NOW_S, "exp": NOW_S + 60,
    }  # fmt: skip


def test_admin_may_do_all() -> None:
    claims = _verify(_token(grants=["admin"]))
    assert all(claims.allows(grant) for grant in Grant)
    assert not _verify(_token(grants=["publish"])).allows(Grant.SUBSCRIBE)


def test_unknown_grants_allow_nothing() -> None:
    assert _verify(_token(grants=["fly", 3, None, "publish"])).grants == {Grant.PUBLISH}


@pytest.mark.parametrize("late_s,accepted", [(-60, True), (0, True), (9.9, True), (10, False), (1e9, False)])
def test_expiry_with_leeway(late_s: float, accepted: bool) -> None:
    if accepted:
        _verify(_token(), NOW_S + 60 + late_s)
    else:
        assert _refusal(_token(), NOW_S + 60 + late_s) == "has expired"


def test_not_before() -> None:
    _verify(_token(nbf=NOW_S + 10))
    assert _refusal(_token(nbf=NOW_S + 11)) == "is not good yet"


def test_claims_of_other_systems_do_not_matter() -> None:
    # All of these would make PyJWT look at the wall clock or refuse.
    _verify(_token(aud="x", iat=NOW_S + 1e6, sub=3, jti=4))


def test_room_has_to_be_the_right_one() -> None:
    assert _refusal(_token(), room="s") == "is for another room"


UNSIGNED = "was not signed with a key of this server"


@pytest.mark.parametrize(
    "token,expected",
    [
        (_token(OTHER), UNSIGNED),
        (_token(iss="nobody"), UNSIGNED),
        (_token(iss=...), UNSIGNED),
        (_token().rpartition(".")[0] + "." + "A" * 43, UNSIGNED),
        (_token()[:-2], "is malformed"),
        (jwt.encode(_payload(), "", algorithm="none"), UNSIGNED),
        (jwt.encode(_payload(), SECRET.reveal() * 2, algorithm="HS512"), UNSIGNED),
        (_token(headers={"crit": ["x"], "x": 1}), "is malformed"),
        (_token(exp=...), "has no end (exp)"),
        (_token(exp="1"), "has no end (exp)"),
        (_token(exp=True), "has no end (exp)"),
        (_token(exp=float("inf")), "has no end (exp)"),
        (_token(exp=float("nan")), "has no end (exp)"),
        (_token(exp=10**400), "has no end (exp)"),
        (_token(exp=-1), "has no end (exp)"),
        (_token(room=...), "names no room"),
        (_token(room=""), "names no room"),
        (_token(room="r" * 129), "names no room"),
        (_token(identity=...), "names no identity"),
        (_token(identity=["ann"]), "names no identity"),
        (_token(grants=...), "'s grants are not a list"),
        (_token(grants="publish"), "'s grants are not a list"),
        (_token(nbf="soon"), "'s claim nbf is not a number"),
        (_token(more="x" * 4096), "is malformed"),
        ("", "is malformed"),
        ("é", "is malformed"),
        ("a.b.c", "is malformed"),
        ("....", "is malformed"),
    ],
)  # fmt: skip
def test_refusal_says_why(token: str, expected: str) -> None:
    assert _refusal(token) == expected.strip()


def test_keys_can_change() -> None:
    verifier = Verifier({"main": SECRET})
    verifier.verify(_token(), now_s=NOW_S)
    verifier.set_keys({"main": OTHER})
    with pytest.raises(TokenError):
        verifier.verify(_token(), now_s=NOW_S)
    verifier.verify(_token(OTHER), now_s=NOW_S)


def test_issuer_that_is_no_text() -> None:
    # PyJWT does not make such a token; whoever has the secret could.
    token = jwt.api_jws.encode(
        json.dumps(_payload(iss=["main"])).encode(), SECRET.reveal(), algorithm="HS256"
    )
    assert _refusal(token) in {UNSIGNED, "is malformed"}


def test_every_changed_character_breaks_the_signature() -> None:
    token = _token()
    last = len(token) - 1  # its two low bits are padding of base64url
    for i in range(last):
        changed = token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :]
        with pytest.raises(TokenError):
            _verify(changed)


@given(st.text() | st.lists(st.text(alphabet='eyJhbGci=-_{}":[]'), min_size=3, max_size=3).map(".".join))
def test_nothing_but_a_token_error_comes_of_garbage(text: str) -> None:
    with pytest.raises(TokenError):
        _verify(text)


@given(
    st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists),
    st.sampled_from(["iss", "room", "identity", "grants", "exp", "nbf"]),
)
def test_signed_nonsense_is_refused_or_understood(value: Any, name: str) -> None:
    payload = json.dumps(_payload() | {name: value}).encode()
    token = jwt.api_jws.encode(payload, SECRET.reveal(), algorithm="HS256")
    try:
        claims = _verify(token)
    except TokenError:
        return
    assert claims.identity
    assert claims.room


@pytest.mark.parametrize(
    "changes,expected",
    [
        ({"ttl_s": 0}, "more than nothing"),
        ({"ttl_s": 400 * 86_400}, "at most 366 days"),
        ({"room": ""}, "room's id"),
        ({"room": "r" * 129}, "room's id"),
        ({"identity": ""}, "identity"),
    ],
)
def test_issue_refuses_what_verify_would(changes: dict[str, Any], expected: str) -> None:
    arguments: dict[str, Any] = {
        "room": "r",
        "identity": "a",
        "grants": [],
        "now_s": NOW_S,
        "ttl_s": 1,
    } | changes
    with pytest.raises(LocalError, match=expected):
        tokens.issue("main", SECRET, **arguments)
