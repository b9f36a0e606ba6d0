"""The bundle says what it holds, and the same sources give the same bytes wherever they lie."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from bench.page import sizes
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


def test_what_is_loaded_keeps_to_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle(tmp_path / "here")
    found = sizes.measure(tmp_path / "here" / "dist")
    assert sizes.over(found) == []
    # Each of them is there, and is not counted with the app.
    assert sorted(name.split("-")[0] for name in found.asked_for) == sorted(sizes.ASKED_FOR)
    # The first page is less than the whole: the call comes later.
    assert found.first < 0.6 * found.parts[sizes.APP]

    monkeypatch.setitem(sizes.BUDGET_BYTES, sizes.APP, found.parts[sizes.APP] - 1)
    assert [sentence.split(":")[0] for sentence in sizes.over(found)] == [sizes.APP]


def test_the_page_names_all_that_its_first_script_waits_for(tmp_path: Path) -> None:
    """And no more: it would be a request after another, or a file for nothing."""
    built = {name: body.decode() for name, body in bundle(tmp_path / "here").items()}
    waited_for, found = {"app.js"}, ["app.js"]
    while found:
        loaded = re.findall(r'^(?:import|\} from) "\./([^"]+)";$', built[found.pop()], re.MULTILINE)
        found += set(loaded) - waited_for
        waited_for |= set(loaded)
    assert set(re.findall(r'(?:href|src)="([^"]+\.js)"', built["index.html"])) == waited_for
    assert not {name for name in waited_for if name.split("-")[0] in {*sizes.ASKED_FOR, "call"}}
