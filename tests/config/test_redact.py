import json
import pickle
import subprocess
import sys

import pytest

from sfu.redact import Address, Pseudonym, Room, Secret


@pytest.mark.parametrize("render", [str, repr, "{}".format, lambda secret: f"{secret!r:>20}"])
def test_secret_does_not_print(render: object) -> None:
    assert callable(render)
    assert "hush" not in render(Secret("hush"))


def test_secret_is_not_serialised() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hush"))
    with pytest.raises(TypeError):
        json.dumps(Secret("hush"))


def test_secret_compares_by_its_text() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a"))
    assert bool(Secret("a"))
    assert not Secret("")
    assert Secret("a").reveal() == "a"


def test_pseudonym_is_the_same_for_the_same_value_only() -> None:
    assert str(Address("10.0.0.1")) == repr(Address("10.0.0.1"))
    assert str(Address("10.0.0.1")) != str(Address("10.0.0.2"))
    assert "10.0.0.1" not in str(Address("10.0.0.1"))
    assert str(Address("10.0.0.1")).startswith("address-")
    assert str(Room("10.0.0.1")).removeprefix("room-") != str(Address("10.0.0.1")).removeprefix("address-")
    assert Address("x") != Room("x")


def test_pseudonyms_follow_from_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pseudonym, "_key", b"")
    names = []
    for key in ("one", "two", "one"):
        Pseudonym.use_key(Secret(key))
        names.append(str(Room("r")))
    assert names[0] == names[2] != names[1]


def test_each_process_has_its_own_key() -> None:
    script = "from sfu.redact import Room; print(Room('r'))"
    names = {
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout
        for _ in range(2)
    }
    assert len(names) == 2
