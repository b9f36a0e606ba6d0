"""The tests of sfu/web/tests, which are in TypeScript, each file as one test here."""

from pathlib import Path

import pytest

from tests.web.node import WEB, build_tests, needs_node, node

pytestmark = needs_node
TESTS = WEB / "tests"
FILES = sorted(str(path.relative_to(TESTS)).removesuffix(".ts") for path in TESTS.rglob("*.test.ts"))


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tests(tmp_path_factory.mktemp("web"))


@pytest.mark.parametrize("name", FILES)
def test_typescript(programs: Path, name: str) -> None:
    node("--test", programs / f"{name}.mjs")
