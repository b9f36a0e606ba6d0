"""What a checkout is packed into: it holds all that it needs and nothing else, and works where nothing else of us is."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.app_client import DIST, SETTINGS, needs_bundle
from tests.e2e.server import serving

ROOT = Path(__file__).parents[1]
# The lock file has brought what builds. Nothing is taken from the network.
BUILD = (sys.executable, "-m", "build", "--no-isolation")

pytestmark = needs_bundle


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=cwd, env=environment, check=False, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def succeed(*command: str | Path, cwd: Path) -> str:
    ran = run(*command, cwd=cwd)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@dataclass(frozen=True)
class Packed:
    sources: Path  # as somebody has them who unpacks the source distribution
    wheel: Path  # made of these


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    folder = tmp_path_factory.mktemp("packed")
    succeed(*BUILD, "--outdir", folder, cwd=ROOT)
    (archive,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return Packed(folder / archive.name.removesuffix(".tar.gz"), wheel)


@pytest.fixture(scope="module")
def installed(packed: Packed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel in it, and of this one only what the wheel depends on."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    programs = folder / "bin"
    succeed(
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", programs / "python",
        "install", "--no-deps", "--no-index", packed.wheel, cwd=folder,
    )  # fmt: skip
    (site_packages,) = folder.glob("lib/python*/site-packages")
    dependencies = {sysconfig.get_path(scheme) for scheme in ("purelib", "platlib")}
    # A folder that is named by such a file comes after all that is installed, and its own such files are not read.
    (site_packages / "dependencies.pth").write_text("\n".join(dependencies) + "\n", encoding="utf-8")
    return programs


def test_a_wheel_holds_the_module_the_page_and_no_sources(packed: Packed) -> None:
    with zipfile.ZipFile(packed.wheel) as wheel:
        names = {name for name in wheel.namelist() if name.startswith("sfu/")}
        manifest = json.loads(wheel.read("sfu/web/dist/manifest.json"))["sha256"]
        for name, digest in manifest.items():
            assert hashlib.sha256(wheel.read(f"sfu/web/dist/{name}")).hexdigest() == digest
    assert {name for name in names if name.startswith("sfu/web/")} == {
        f"sfu/web/dist/{name}" for name in {*manifest, "manifest.json"}
    }
    modules = {name for name in names if name.endswith(".so")}
    assert modules == {f"sfu/_native{sysconfig.get_config_var('EXT_SUFFIX')}"}
    assert "sfu/py.typed" in names
    assert not {name for name in names if "_testing" in name or name.endswith((".pyx", ".c", ".ts"))}


def test_sources_hold_nothing_that_was_built_in_place(packed: Packed) -> None:
    found = {path.relative_to(packed.sources).as_posix() for path in packed.sources.rglob("*")}
    assert not {name for name in found if name.endswith(".so") or "node_modules" in name}
    assert {"native/CMakeLists.txt", "sfu/web/src/worker/main.ts", "sfu/web/dist/manifest.json"} <= found


def test_an_installed_wheel_has_the_command_and_the_client(installed: Path) -> None:
    commands = succeed(installed / "sfu", "--help", cwd=installed)
    assert all(command in commands for command in ("serve", "join", "token", "trace"))
    script = "import sfu.client, sfu._native; print(sfu.client.__file__, sfu._native.__file__, sep='\\n')"
    files = succeed(installed / "python", "-P", "-c", script, cwd=installed).splitlines()
    assert len(files) == 2
    assert all(Path(file).is_relative_to(installed.parent) for file in files), files


async def test_an_installed_wheel_serves_its_page(installed: Path, tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SETTINGS, sfu=[str(installed / "sfu")]) as server,
        aiohttp.ClientSession() as session,
    ):
        for path, file in (("/", "index.html"), ("/worker.js", "worker.js")):
            async with session.get(server.url + path) as response:
                assert response.status == 200
                assert await response.read() == (DIST / file).read_bytes()


@pytest.mark.parametrize("kind", ["--sdist", "--wheel"])
def test_without_its_page_nothing_is_packed(packed: Packed, kind: str, tmp_path: Path) -> None:
    page = packed.sources / "sfu/web/dist"
    page.rename(tmp_path / "dist")
    try:
        ran = run(*BUILD, kind, "--outdir", tmp_path, cwd=packed.sources)
    finally:
        (tmp_path / "dist").rename(page)
    assert ran.returncode != 0
    assert "run `make web` first" in " ".join(ran.stdout.split())
    assert list(tmp_path.iterdir()) == []
