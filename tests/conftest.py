"""What all tests share: which build of the native modules is under test."""

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

# `make sanitize` keeps instrumented modules away from the source tree; they must win over those built in place, or the
# sanitizers would watch nothing. Once `sfu` comes from there, so does all below it.
_STAGE = os.environ.get("SFU_STAGE")
if _STAGE:
    sys.path.insert(0, _STAGE)

import sfu  # noqa: E402  after the path is set
from tests import programs  # noqa: E402  which takes no part of sfu, but stands after it

_PACKAGE = Path(sfu.__file__).parent
if _STAGE and _PACKAGE.parent != Path(_STAGE):
    raise RuntimeError(f"SFU_STAGE is {_STAGE}, but sfu was imported from {_PACKAGE}")

# A slow machine fails no test, and a run can be repeated: the examples follow from the test alone.
settings.register_profile("sfu", deadline=None, derandomize=True)
settings.load_profile("sfu")


# Captures and published vectors that are no part of this project, and so may be missing anywhere.
_SHARED = Path(__file__).parents[2] / "shared"

# Where all programs that tests need have been installed, a test that is skipped has lost its reason to be.
_SKIP_NOTHING = bool(os.environ.get("SFU_SKIP_NOTHING"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "needs_shared(path): takes this from ../shared, as its fixture `shared`; skips where it is missing",
    )


def _shared(item: pytest.Item) -> Path | None:
    """What of ../shared the test is marked to need."""
    marker = item.get_closest_marker("needs_shared")
    return _SHARED / marker.args[0] if marker else None


@pytest.fixture
def shared(request: pytest.FixtureRequest) -> Path:
    path = _shared(request.node)
    assert path is not None, "the test is not marked needs_shared"
    return path


def _lacks_shared(item: pytest.Item) -> bool:
    path = _shared(item)
    return path is not None and not path.exists()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _lacks_shared(item):
        pytest.skip(f"{_shared(item)} is not there")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _SKIP_NOTHING and report.skipped and not hasattr(report, "wasxfail") and not _lacks_shared(item):
        report.outcome = "failed"
        report.longrepr = f"SFU_SKIP_NOTHING is set, and this was to be skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)  # so that it stands below all that pytest says
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    yield
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    # Of a skipped test the report has file, line and "Skipped: " with the reason.
    reasons = [
        report.longrepr[2].removeprefix("Skipped: ")
        for report in skipped
        if isinstance(report.longrepr, tuple)
    ]
    lines = programs.summary(reasons)
    if lines:
        terminalreporter.section("programs")
        for line in lines:
            terminalreporter.write_line(line)


def pytest_report_header() -> str:
    return f"sfu: {_PACKAGE}"
