"""Node.js, which builds and runs what is written in TypeScript."""

import subprocess
from pathlib import Path

import pytest

from tests.programs import find, needs

WEB = Path(__file__).resolve().parents[2] / "sfu" / "web"
NODE = find("node")
BUILT = (WEB / "node_modules" / "esbuild").is_dir()
needs_node = [
    needs("node", "npm"),
    pytest.mark.skipif(not BUILT, reason="needs what sfu/web/package-lock.json names: make web"),
]


def node(*arguments: str | Path, seconds: float = 300) -> None:
    """Run Node.js; where it fails, so does the test, with all that was written."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, *arguments], capture_output=True, text=True, timeout=seconds, check=False, cwd=WEB
    )
    if done.returncode:
        pytest.fail(f"node {' '.join(map(str, arguments))}\n{done.stdout}\n{done.stderr}", pytrace=False)


def build_tests(folder: Path) -> Path:
    """Every sfu/web/tests/*.test.ts as a program, and worker.js."""
    node("build.mjs", "--tests", folder)
    return folder
