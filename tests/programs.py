"""Programs of the distribution that tests need: with what they are installed, and the sentence with which a test skips."""

import shutil
from collections.abc import Iterable

import pytest

# Each with its package of Debian. README.md and .ci/run name the packages too: test_skipping.py compares.
PACKAGES = {
    "chromium": "chromium",
    "firefox": "firefox-esr",
    "ip": "iproute2",
    "nft": "nftables",
    "node": "nodejs",
    "npm": "npm",
    "nsenter": "util-linux",
    "tc": "iproute2",
    "unshare": "util-linux",
}
_NAMES = {"firefox": ("firefox-esr", "firefox")}  # in place of its own
_said: set[str] = set()


def find(program: str) -> str | None:
    """The path of one of PACKAGES."""
    return next((path for name in _NAMES.get(program, (program,)) if (path := shutil.which(name))), None)


def obstacle(*programs: str) -> str | None:
    """Why a test that needs these cannot run, as a sentence to skip it with; None if all are there."""
    missing = _missing(programs)
    if not missing:
        return None
    sentence = f"needs {', '.join(missing)}: apt-get install {_packages(missing)}"
    _said.add(sentence)
    return sentence


def needs(*programs: str) -> pytest.MarkDecorator:
    sentence = obstacle(*programs)
    return pytest.mark.skipif(sentence is not None, reason=sentence or "")


def summary(reasons: Iterable[str]) -> list[str]:
    """What to say at the end of a run in which tests were skipped for these reasons. All that is missing is named at once: a
    test gives the first of its reasons only.
    """
    count = sum(reason in _said for reason in reasons)
    if count == 0:
        return []
    missing = _missing(PACKAGES)
    return [
        f"Tests that were skipped for want of programs: {count}. Missing here: {', '.join(missing)}. As root:",
        f"    apt-get install --no-install-recommends {_packages(missing)}",
    ]


def _missing(programs: Iterable[str]) -> list[str]:
    return [program for program in programs if not find(program)]


def _packages(programs: Iterable[str]) -> str:
    return " ".join(sorted({PACKAGES[program] for program in programs}))
