"""The bundle says what it holds, and the same sources give the same bytes wherever they lie."""

import hashlib
import json
import shutil
from pathlib import Path

from tests.web.node import WEB, needs_node, node

pytestmark = needs_node


def bundle(folder: Path) -> dict[str, bytes]:
    """What is built from a copy of the sources in `folder`."""
    folder.mkdir(parents=True)
    for name in ("src", "tests"):
        shutil.copytree(WEB / name, folder / name)
    for name in ("build.mjs", "package.json"):
        shutil.copy(WEB / name, folder)
    (folder / "node_modules").symlink_to(WEB / "node_modules")
    node(folder / "build.mjs")
    dist = folder / "dist"
    return {str(path.relative_to(dist)): path.read_bytes() for path in dist.rglob("*") if path.is_file()}


def test_the_same_bytes_from_any_folder(tmp_path: Path) -> None:
    first, second = bundle(tmp_path / "here"), bundle(tmp_path / "some where" / "else")
    assert first == second
    assert {"index.html", "app.js", "worker.js", "manifest.json"} <= set(first)
    assert not [name for name in first if name.endswith((".ts", ".tsx"))]


def test_manifest_has_the_hash_of_every_file(tmp_path: Path) -> None:
    built = bundle(tmp_path / "here")
    manifest = json.loads(built.pop("manifest.json"))
    assert manifest == {"sha256": {name: hashlib.sha256(body).hexdigest() for name, body in built.items()}}
