"""What tests/conftest.py lets a test skip for, seen from a checkout that has it and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
    checkout = tmp_path / "checkout"
    (checkout / "tests").mkdir(parents=True)
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(_ROOT / name, checkout / name)
    (checkout / "tests/test_some.py").write_text(_TESTS, encoding="utf-8")
    if beside:
        (tmp_path / "shared/vectors").mkdir(parents=True)
        (tmp_path / "shared/vectors/some").write_text("vectors", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(_ROOT), "SFU_SKIP_NOTHING": skip_nothing, "SFU_STAGE": ""}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = pytest.RunResult.parse_summary_nouns(run.stdout.splitlines())
    assert found == expected, run.stdout
