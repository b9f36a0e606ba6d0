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

_PACKAGE = Path(sfu.__file__).parent
if _STAGE and _PACKAGE.parent != Path(_STAGE):
    raise RuntimeError(f"SFU_STAGE is {_STAGE}, but sfu was imported from {_PACKAGE}")

# A slow machine fails no test, and a run can be repeated: the examples follow from the test alone.
settings.register_profile("sfu", deadline=None, derandomize=True)
settings.load_profile("sfu")


# Where all that tests need has been installed, a test that is skipped has lost its reason to be.
_SKIP_NOTHING = bool(os.environ.get("SFU_SKIP_NOTHING"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _SKIP_NOTHING and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"SFU_SKIP_NOTHING is set, and this was to be skipped: {report.longrepr}"
    return report


def pytest_report_header() -> str:
    return f"sfu: {_PACKAGE}"
