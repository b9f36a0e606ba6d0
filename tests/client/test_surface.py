"""`sfu.client` as programs see it, and what importing its parts costs."""

import subprocess
import sys

import pytest

import sfu.client


def test_all_names_are_there() -> None:
    for name in sfu.client.__all__:
        assert getattr(sfu.client, name).__name__.rpartition(".")[2] == name
    with pytest.raises(AttributeError, match="no Nothing"):
        _ = sfu.client.Nothing


def test_sealing_needs_no_aiortc() -> None:
    program = (
        "import sys, sfu.client.frames, sfu.client.chat, sfu.client.people; print('aiortc' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_another_release_of_aiortc_is_refused_with_what_to_do() -> None:
    program = (
        "import importlib.metadata as m; real = m.version\n"
        "m.version = lambda name: '1.17.0' if name == 'aiortc' else real(name)\n"
        "import sfu.client.adapter"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "works with aiortc 1.16.0 and no other, but 1.17.0 is installed" in done.stderr
    assert "the extra `client`" in done.stderr
