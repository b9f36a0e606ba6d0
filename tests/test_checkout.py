"""The command that `make` puts into a checkout's environment, and what people are told of commands."""

import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from sfu.cli import app

ROOT = Path(__file__).parents[1]


def succeed(*command: str | Path, cwd: Path) -> str:
    ran = subprocess.run(
        command, cwd=cwd, env={"PATH": "/usr/bin:/bin"}, check=True, capture_output=True, text=True
    )
    return ran.stdout


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Those of an environment that has what sfu depends on. Its path is long, and has a space."""
    folder = tmp_path / "an environment" / ("x" * 120)
    venv.create(folder, with_pip=False)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    dependencies = {sysconfig.get_path(scheme) for scheme in ("purelib", "platlib")}
    (site_packages / "dependencies.pth").write_text("\n".join(dependencies) + "\n", encoding="utf-8")
    succeed(folder / "bin/python", ROOT / "scripts/link_checkout.py", cwd=tmp_path)
    return folder / "bin"


def test_the_command_and_the_package_are_those_of_the_checkout(programs: Path, tmp_path: Path) -> None:
    assert "serve" in succeed(programs / "sfu", "--help", cwd=tmp_path)
    script = "import sfu.client; print(sfu.client.__file__)"
    found = succeed(programs / "python", "-c", script, cwd=tmp_path)
    assert Path(found.strip()) == ROOT / "sfu/client/__init__.py"


def test_a_refusal_is_the_commands_status(programs: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [programs / "sfu", "serve", "--config", "none.toml"], cwd=tmp_path, check=False, capture_output=True
    )
    assert ran.returncode == 2


def test_the_systems_python_is_left_alone() -> None:
    python = shutil.which("python3", path=f"{sys.base_prefix}/bin")
    assert python is not None
    ran = subprocess.run(
        [python, "-I", ROOT / "scripts/link_checkout.py"], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert "virtual environment" in ran.stderr


def test_the_readme_names_commands_that_there_are() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"sfu ([a-z]+)(?= [A-Z-]|`)", readme))
    assert named == {command.name for command in app.registered_commands}


def test_nobody_is_told_to_install_another_project_of_that_name() -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    texts = [ROOT / file for file in files if Path(file).suffix in {".md", ".py", ".toml", ".ts"}]
    assert texts
    wrong = re.compile(r"pip install ['\"]?sfu\b(?!-)")
    assert [path for path in texts if wrong.search(path.read_text(encoding="utf-8"))] == []
