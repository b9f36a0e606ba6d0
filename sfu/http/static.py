"""The web client's files. They are read once, at start: a request picks from a table and never reaches the disk, so
there is no path to climb out of and nothing to list.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from aiohttp import hdrs, web

from sfu.errors import LocalError

# The bundle that belongs to this server: `make web` builds it, wheels bring it.
CLIENT = "client"
_CLIENT_FOLDER = Path(__file__).parents[1] / "web" / "dist"

BUNDLE_BYTES_MAX = 64 << 20
INDEX = "index.html"

# What the distribution's table may lack or say differently; nosniff makes browsers insist on these.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_TEXT = ("text/", "application/json", "application/manifest+json", "image/svg+xml")


@dataclass(frozen=True)
class File:
    """A file as it is sent."""

    body: bytes
    gzipped: bytes | None  # where that is shorter
    content_type: str
    etag: str


Bundle = dict[str, File]  # by the path of the URL


def find(name: str) -> Bundle | None:
    """What `http.web` names: a folder, CLIENT for our own client, "" for nothing. None: our own has not been built.

    Raises LocalError.
    """
    if name == CLIENT:
        return load(_CLIENT_FOLDER) if _CLIENT_FOLDER.is_dir() else None
    return load(Path(name)) if name else {}


def load(folder: Path) -> Bundle:
    """All files below a folder, without hidden ones and without links that lead outside. Raises LocalError."""
    root = folder.resolve()
    if not root.is_dir():
        raise LocalError(f"http.web: there is no folder {folder}")
    bundle: Bundle = {}
    total = 0
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
        if not path.resolve().is_relative_to(root):
            continue
        total += path.stat().st_size
        if total > BUNDLE_BYTES_MAX:
            raise LocalError(
                f"http.web: {folder} holds more than {BUNDLE_BYTES_MAX >> 20} MiB: is it the web client?"
            )
        bundle[f"/{relative.as_posix()}"] = _file(path)
    if f"/{INDEX}" not in bundle:
        raise LocalError(f"http.web: there is no {INDEX} in {folder}")
    for name in [name for name in bundle if name.endswith(f"/{INDEX}")]:
        bundle[name.removesuffix(INDEX)] = bundle[name]
    return bundle


def _file(path: Path) -> File:
    body = path.read_bytes()
    content_type = (
        _TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    )
    text = content_type.startswith(_TEXT)
    gzipped = gzip.compress(body, 9, mtime=0) if text or content_type == "application/wasm" else None
    return File(
        body=body,
        gzipped=gzipped if gzipped is not None and len(gzipped) < len(body) else None,
        content_type=f"{content_type}; charset=utf-8" if text else content_type,
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    )


def install(app: web.Application, bundle: Bundle) -> None:
    """Serve the files for every path that no other route takes; to be called last."""

    async def serve(request: web.Request) -> web.Response:
        # The decoded path is a key, compared as it stands.
        file = bundle.get(request.path)
        if file is None:
            raise _nothing(request.path)
        compress = (
            file.gzipped is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
        )
        headers = {hdrs.ETAG: file.etag, hdrs.CACHE_CONTROL: "no-cache", hdrs.CONTENT_TYPE: file.content_type}
        if file.gzipped is not None:
            headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if file.etag in [
            tag.strip().removeprefix("W/") for tag in request.headers.get(hdrs.IF_NONE_MATCH, "").split(",")
        ]:
            return web.Response(status=304, headers=headers)
        if compress:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=file.gzipped if compress else file.body, headers=headers)

    app.router.add_get("/{path:.*}", serve)


def _nothing(path: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=f"there is nothing at {quote(path[:100])}\n")
