import gzip
from pathlib import Path

import pytest

from sfu.errors import LocalError
from sfu.http import static
from tests.http.support import application, raw, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "web"
    (root / "js").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "index.html").write_text("<!doctype html>" + "<p>hello" * 50, encoding="utf-8")
    (root / "js/app.js").write_text("let a = 1", encoding="utf-8")
    (root / "js/a b.css").write_text("a{}", encoding="utf-8")
    (root / "logo.woff2").write_bytes(b"wOF2" * 100)
    (root / ".env").write_text("HUSH", encoding="utf-8")
    (root / ".git").mkdir()
    (root / ".git/config").write_text("HUSH", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("HUSH", encoding="utf-8")
    (root / "outside.txt").symlink_to(tmp_path / "secret.txt")
    (root / "inside.js").symlink_to(root / "js/app.js")
    return root


def test_bundle_holds_what_is_meant_to_be_seen(folder: Path) -> None:
    assert sorted(static.load(folder)) == [
        "/",
        "/index.html",
        "/inside.js",
        "/js/a b.css",
        "/js/app.js",
        "/logo.woff2",
    ]


@pytest.mark.parametrize(
    "path,content_type",
    [
        ("/", "text/html; charset=utf-8"),
        ("/js/app.js", "text/javascript; charset=utf-8"),
        ("/js/a%20b.css", "text/css; charset=utf-8"),
        ("/logo.woff2", "font/woff2"),
    ],
)
async def test_files_have_their_types(folder: Path, path: str, content_type: str) -> None:
    async with serving(application(bundle=static.load(folder))) as session, session.get(path) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == content_type
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_etag_saves_sending_again(folder: Path) -> None:
    async with serving(application(bundle=static.load(folder))) as session:
        async with session.get("/js/app.js") as answer:
            etag = answer.headers["ETag"]
            assert await answer.read() == b"let a = 1"
        for given, status in ((etag, 304), (f"W/{etag}", 304), (f'"x", {etag}', 304), ('"x"', 200)):
            async with session.get("/js/app.js", headers={"If-None-Match": given}) as answer:
                assert answer.status == status


async def test_gzip_where_it_is_accepted_and_shorter(folder: Path) -> None:
    async with serving(application(bundle=static.load(folder))) as session:
        for path, accepted, compressed in (
            ("/", "gzip, br", True),
            ("/", "identity", False),
            ("/js/app.js", "gzip", False),
            ("/logo.woff2", "gzip", False),
        ):
            async with session.get(path, headers={"Accept-Encoding": accepted}) as answer:
                body = await answer.read()
                assert ("Content-Encoding" in answer.headers) == compressed
                name = "index.html" if path == "/" else path[1:]
                assert (gzip.decompress(body) if compressed else body) == (folder / name).read_bytes()


async def test_head_has_no_body_and_post_is_refused(folder: Path) -> None:
    async with serving(application(bundle=static.load(folder))) as session:
        async with session.head("/") as answer:
            assert answer.status == 200
            assert await answer.read() == b""
        async with session.post("/") as answer:
            assert answer.status == 405


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/js/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/js/%2e%2e/%2e%2e/secret.txt",
        "/..\\secret.txt",
        "//secret.txt",
        "/%00",
        "/index.html%00",
        "/outside.txt",
        "/.env",
        "/.git/config",
        "/%2egit/config",
        "/js",
        "/js/",
        "/empty/",
        "/etc/passwd",
        "//etc/passwd",
        "/%ff",
    ],
)
async def test_nothing_else_is_reached(folder: Path, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    answer = await raw(application(bundle=static.load(folder)), request)
    assert answer.split()[1] in {b"400", b"404"}
    assert b"HUSH" not in answer
    assert b"root:" not in answer
    assert b"app.js" not in answer


async def test_not_found_repeats_no_markup(folder: Path) -> None:
    async with (
        serving(application(bundle=static.load(folder))) as session,
        session.get("/<script>") as answer,
    ):
        assert answer.status == 404
        assert "<" not in await answer.text()
        assert answer.headers["Content-Type"].startswith("text/plain")


async def test_changes_on_disk_do_not_show(folder: Path) -> None:
    app = application(bundle=static.load(folder))
    (folder / "js/app.js").unlink()
    (folder / "js/app.js").symlink_to("/etc/passwd")
    async with serving(app) as session, session.get("/js/app.js") as answer:
        assert await answer.read() == b"let a = 1"


def test_folder_that_is_no_web_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LocalError, match="there is no folder"):
        static.load(tmp_path / "no")
    with pytest.raises(LocalError, match=r"there is no index\.html"):
        static.load(tmp_path)
    (tmp_path / "index.html").write_text("x" * 100, encoding="utf-8")
    monkeypatch.setattr(static, "BUNDLE_BYTES_MAX", 99)
    with pytest.raises(LocalError, match="holds more than"):
        static.load(tmp_path)


def test_what_the_configuration_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").write_text("own")
    monkeypatch.setattr(static, "_CLIENT_FOLDER", tmp_path / "dist")
    assert static.find("client") is None
    (tmp_path / "dist").mkdir()
    with pytest.raises(LocalError, match=r"no index\.html"):
        static.find("client")
    (tmp_path / "dist" / "index.html").write_text("ours")
    ours = static.find("client")
    assert ours is not None
    assert ours["/"].body == b"ours"
    own = static.find(str(tmp_path))
    assert own is not None
    assert own["/"].body == b"own"
    assert static.find("") == {}
