import pytest

from sfu.http.headers import origin_allowed
from sfu.http.static import File
from tests.http.support import application, raw, serving

INDEX = {"/": File(b"<p>", None, "text/html; charset=utf-8", '"e"')}
PREFLIGHT = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize(
    "path,status", [("/", 200), ("/nothing", 404), ("/healthz", 200), ("/metrics", 200), ("/api/echo", 200)]
)
async def test_every_answer_is_strict(path: str, status: int) -> None:
    async with serving(application(bundle=INDEX)) as session, session.get(path) as answer:
        assert answer.status == status
        headers = answer.headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["worker-src"] == policy["style-src"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert {"https:", "wss:", "'self'"} < set(policy["connect-src"].split())
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "geolocation=()" in headers["Permissions-Policy"]
    assert headers["Server"] == "sfu"
    assert "Set-Cookie" not in headers
    assert "Strict-Transport-Security" not in headers


async def test_hsts_with_tls_only() -> None:
    async with serving(application(tls=True)) as session, session.get("/healthz") as answer:
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_malformed_request_says_nothing_of_the_server() -> None:
    answer = await raw(application(), b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
    assert answer.split()[1] == b"400"
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    "origins,allowed",
    [
        (("*",), "*"),
        (("https://a.example",), "https://a.example"),
        (("https://b.example",), None),
        ((), None),
    ],
)
async def test_cors(origins: tuple[str, ...], allowed: str | None) -> None:
    async with serving(application(origins=origins)) as session:
        async with session.options("/api/echo", headers=PREFLIGHT) as answer:
            assert answer.status == 204
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
            assert ("Access-Control-Allow-Methods" in answer.headers) == (allowed is not None)
        async with session.get("/api/echo", headers={"Origin": "https://a.example"}) as answer:
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
            assert answer.headers["Vary"] == "Origin"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics"])
async def test_no_cors_outside_the_api(path: str) -> None:
    async with (
        serving(application(bundle=INDEX)) as session,
        session.get(path, headers={"Origin": "https://a.example"}) as answer,
    ):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_options_that_is_no_preflight_reaches_its_route() -> None:
    async with serving(application()) as session, session.options("/api/echo") as answer:
        assert await answer.text() == "OPTIONS"


@pytest.mark.parametrize(
    "origin,origins,allowed",
    [
        (None, (), True),
        ("https://a.example", ("*",), True),
        ("https://a.example", ("https://a.example",), True),
        ("https://sfu.example:8443", (), True),
        ("https://a.example", (), False),
        ("null", (), False),
        ("https://sfu.example:8443.evil.example", (), False),
    ],
)
def test_origin_of_a_websocket(origin: str | None, origins: tuple[str, ...], allowed: bool) -> None:
    assert origin_allowed(origin, origins, "sfu.example:8443") == allowed
