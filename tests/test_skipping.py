"""What tests/conftest.py lets a test skip for and says about it, seen from a checkout that has it and nothing else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import PACKAGES

_ROOT = Path(__file__).parents[1]
_TESTS = """
from pathlib import Path

import pytest


@pytest.mark.needs_shared("vectors/some")
def test_vectors(shared: Path) -> None:
    assert shared.read_text() == "vectors"


@pytest.mark.needs_shared("vectors/some")
@pytest.mark.skipif("True", reason="needs a program")
def test_vectors_with_a_program() -> None: ...


@pytest.mark.skipif("True", reason="needs a program")
def test_program() -> None: ...
"""


_TEST_WITH_PROGRAMS = """
from tests.programs import needs


@needs("chromium", "ip")
def test_program() -> None: ...
"""


def run_tests(
    folder: Path, tests: str, *, beside: bool = False, environment: dict[str, str]
) -> tuple[dict[str, int], str]:
    """How many had which outcome, and what was written; with `beside` there is a ../shared."""
    checkout = folder / "checkout"
    (checkout / "tests").mkdir(parents=True)
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(_ROOT / name, checkout / name)
    (checkout / "tests/test_some.py").write_text(tests, encoding="utf-8")
    if beside:
        (folder / "shared/vectors").mkdir(parents=True)
        (folder / "shared/vectors/some").write_text("vectors", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(_ROOT), "SFU_STAGE": ""} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return pytest.RunResult.parse_summary_nouns(run.stdout.splitlines()), run.stdout


@pytest.mark.parametrize(
    "beside,skip_nothing,expected",
    [
        (False, "", {"skipped": 3}),
        (True, "", {"passed": 1, "skipped": 2}),
        (False, "1", {"skipped": 2, "errors": 1}),
        (True, "1", {"passed": 1, "errors": 2}),
    ],
)
def test_only_want_of_programs_fails(
    tmp_path: Path, beside: bool, skip_nothing: str, expected: dict[str, int]
) -> None:
    found, written = run_tests(
        tmp_path, _TESTS, beside=beside, environment={"SFU_SKIP_NOTHING": skip_nothing}
    )
    assert found == expected, written


def test_what_is_missing_is_said_at_the_end(tmp_path: Path) -> None:
    environment = {"SFU_SKIP_NOTHING": "", "PATH": str(tmp_path)}
    found, written = run_tests(tmp_path, _TEST_WITH_PROGRAMS, environment=environment)
    assert found == {"skipped": 1}
    *_, count, command, _ = written.splitlines()
    assert "for want of programs: 1." in count
    assert all(program in count for program in PACKAGES)
    assert command.split() == [
        "apt-get", "install", "--no-install-recommends", *sorted(set(PACKAGES.values())),
    ]  # fmt: skip


def test_nothing_is_said_where_nothing_is_missing(tmp_path: Path) -> None:
    _, written = run_tests(tmp_path, _TESTS, environment={"SFU_SKIP_NOTHING": ""})
    assert "for want of programs" not in written


@pytest.mark.parametrize("file", ["README.md", ".ci/run"])
def test_packages_are_named_wherever_somebody_looks(file: str) -> None:
    words = set(re.findall(r"[\w-]+", (_ROOT / file).read_text(encoding="utf-8")))
    # Node.js is not for tests alone: the README tells of it by its name.
    assert set(PACKAGES.values()) - words <= ({"nodejs"} if file == "README.md" else set())
