"""Commands that are refused, and how: a refused command changes nothing. No clients are needed for this."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from sfu._testing.engine import AUDIO, MAX_SLOTS, MAX_TRACKS, VIDEO, Engine, Handoff

NOW = 1_000_000_000
UFRAG, PASSWORD, REMOTE, REMOTE_PASSWORD = "abcd", "p" * 22, "efgh", "r" * 22
KEY16, SALT12 = bytes(range(16)), bytes(range(12))
GCM128 = 7

Refused = Callable[[Engine], object]


@pytest.fixture
def engine() -> Engine:
    """One transport (0) with a track (7) and a slot (3)."""
    made = Engine(max_transports=4, packets=256)
    made.transport_open(NOW, 0, UFRAG, PASSWORD, REMOTE, REMOTE_PASSWORD)
    made.track_add(NOW, 0, 7, VIDEO, "0", ssrcs=[1000], rtx_ssrcs=[1001])
    made.slot_add(NOW, 0, 3, VIDEO, 2000, 2001, "cname")
    return made


def payloads(engine: Engine, **changes: Any) -> None:
    settings: dict[str, Any] = {
        "mappings": [(111, 0, 0, "opaque", 48000), (96, 97, 1, "vp8", 90000)],
        "extension_ids": {"mid": 4},
        "send_extensions": (),
    }
    engine.transport_payloads(NOW, 0, **(settings | changes))


INVALID: dict[str, Refused] = {
    "unknown command": lambda e: e.command(NOW, 99, 0),
    "no command": lambda e: e.command(NOW, 0, 0),
    "transport out of range": lambda e: e.transport_open(NOW, 4, "abce", PASSWORD, REMOTE, REMOTE_PASSWORD),
    "ufrag too short": lambda e: e.transport_open(NOW, 1, "abc", PASSWORD, REMOTE, REMOTE_PASSWORD),
    "ufrag with a colon": lambda e: e.transport_open(NOW, 1, "ab:cd", PASSWORD, REMOTE, REMOTE_PASSWORD),
    "ufrag not terminated": lambda e: e.transport_open(NOW, 1, "a" * 33, PASSWORD, REMOTE, REMOTE_PASSWORD),
    "password too short": lambda e: e.transport_open(NOW, 1, "abce", "p" * 21, REMOTE, REMOTE_PASSWORD),
    "password not terminated": lambda e: e.transport_open(NOW, 1, "abce", "p" * 65, REMOTE, REMOTE_PASSWORD),
    "remote password too short": lambda e: e.transport_open(NOW, 1, "abce", PASSWORD, REMOTE, "r" * 21),
    "remote ufrag not terminated": lambda e: e.transport_open(
        NOW, 1, "abce", PASSWORD, "a" * 33, REMOTE_PASSWORD
    ),
    "restart with a bad ufrag": lambda e: e.transport_restart(NOW, 0, "a", PASSWORD, REMOTE, REMOTE_PASSWORD),
    "restart with a bad password": lambda e: e.transport_restart(
        NOW, 0, "abce", "p", REMOTE, REMOTE_PASSWORD
    ),
    "unknown SRTP profile": lambda e: e.transport_keys(NOW, 0, 2, KEY16, SALT12, KEY16, SALT12),
    "DTLS of no length": lambda e: e.transport_dtls(NOW, 0, b""),
    "DTLS too long": lambda e: e.transport_dtls(NOW, 0, b"x" * 1500, length=1501),
    "payload type over 127": lambda e: payloads(e, mappings=[(128, 0, 0, 0, 48000)]),
    "RTX payload type over 127": lambda e: payloads(e, mappings=[(96, 255, 0, 0, 48000)]),
    "codec out of range": lambda e: payloads(e, mappings=[(96, 0, 8, 1, 90000)]),
    "unknown envelope": lambda e: payloads(e, mappings=[(96, 0, 1, 5, 90000)]),
    "clock rate of 0": lambda e: payloads(e, mappings=[(96, 0, 1, 1, 0)]),
    "too many mappings": lambda e: payloads(e, count=9),
    "pacing of 0": lambda e: e.transport_pacing(NOW, 0, 0),
    "source 0": lambda e: e.track_add(NOW, 0, 0, VIDEO, "1"),
    "kind of media": lambda e: e.track_add(NOW, 0, 8, 2, "1"),
    "no layers": lambda e: e.track_add(NOW, 0, 8, VIDEO, "1", layers=0),
    "too many layers": lambda e: e.track_add(NOW, 0, 8, VIDEO, "1", layers=4),
    "mid not terminated": lambda e: e.track_add(NOW, 0, 8, VIDEO, "m" * 17),
    "rid not terminated": lambda e: e.track_add(NOW, 0, 8, VIDEO, "1", rids=["r" * 17, "b"]),
    "slot out of range": lambda e: e.slot_add(NOW, 0, MAX_SLOTS, VIDEO, 3000),
    "kind of slot": lambda e: e.slot_add(NOW, 0, 4, 2, 3000),
    "cname not terminated": lambda e: e.slot_add(NOW, 0, 4, VIDEO, 3000, 0, "c" * 32),
    "layer out of range": lambda e: e.slot_source(NOW, 0, 3, 7, 0, 3),
    "home without a hand-off": lambda e: e.slot_source(NOW, 0, 3, 9, 1, 0),
}

ABSENT: dict[str, Refused] = {
    "restart": lambda e: e.transport_restart(NOW, 1, "abce", PASSWORD, REMOTE, REMOTE_PASSWORD),
    "keys": lambda e: e.transport_keys(NOW, 1, GCM128, KEY16, SALT12, KEY16, SALT12),
    "DTLS": lambda e: e.transport_dtls(NOW, 1, b"\x16record"),
    "pacing": lambda e: e.transport_pacing(NOW, 1, 1_000_000),
    "close": lambda e: e.transport_close(NOW, 1),
    "track to no transport": lambda e: e.track_add(NOW, 1, 8, VIDEO, "1"),
    "slot of no transport": lambda e: e.slot_add(NOW, 1, 4, VIDEO, 3000),
    "source into no transport": lambda e: e.slot_source(NOW, 1, 3, 7),
    "source into no slot": lambda e: e.slot_source(NOW, 0, 4, 7),
    "remove no track": lambda e: e.track_remove(NOW, 0, 8),
}

TAKEN: dict[str, Refused] = {
    "payload type twice": lambda e: payloads(e, mappings=[(96, 0, 0, 0, 48000), (96, 0, 1, 1, 90000)]),
    "RTX payload type taken": lambda e: payloads(e, mappings=[(96, 96, 1, 1, 90000)]),
    "extension id twice": lambda e: payloads(e, extension_ids={"mid": 4, "rid": 4}),
    "transport": lambda e: e.transport_open(NOW, 0, "abce", PASSWORD, REMOTE, REMOTE_PASSWORD),
    "ufrag of another": lambda e: e.transport_open(NOW, 1, UFRAG, PASSWORD, REMOTE, REMOTE_PASSWORD),
    "source": lambda e: e.track_add(NOW, 0, 7, VIDEO, "1"),
    "slot": lambda e: e.slot_add(NOW, 0, 3, VIDEO, 3000),
    "slot's SSRC": lambda e: e.slot_add(NOW, 0, 4, VIDEO, 2000),
    "slot's SSRC as RTX": lambda e: e.slot_add(NOW, 0, 4, VIDEO, 3000, 2000),
}


def refuse(engine: Engine, attempt: Refused, code: int) -> None:
    before = engine.stats()
    with pytest.raises(OSError) as refused:
        attempt(engine)
    assert errno.errorcode.get(refused.value.errno or 0) == errno.errorcode[code]
    assert engine.stats() == before
    assert engine.poll(NOW) == []
    assert engine.next_events() == []


@pytest.mark.parametrize("what", INVALID)
def test_out_of_range_is_invalid(engine: Engine, what: str) -> None:
    refuse(engine, INVALID[what], errno.EINVAL)


@pytest.mark.parametrize("what", ABSENT)
def test_what_is_not_there(engine: Engine, what: str) -> None:
    refuse(engine, ABSENT[what], errno.ENOENT)


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_there_already(engine: Engine, what: str) -> None:
    refuse(engine, TAKEN[what], errno.EEXIST)


def test_a_refused_open_leaves_the_number_and_the_ufrag_free(engine: Engine) -> None:
    refuse(engine, INVALID["password too short"], errno.EINVAL)
    engine.transport_open(NOW, 1, "abce", PASSWORD, REMOTE, REMOTE_PASSWORD)
    assert engine.stats()["transports"] == 2


def test_a_refused_slot_leaves_its_ssrcs_free(engine: Engine) -> None:
    refuse(engine, TAKEN["slot's SSRC as RTX"], errno.EEXIST)
    engine.slot_add(NOW, 0, 4, VIDEO, 3000, 3001)


def test_tracks_and_slots_have_their_bounds(engine: Engine) -> None:
    for i in range(1, MAX_TRACKS):
        engine.track_add(NOW, 0, 100 + i, AUDIO, f"m{i}")
    with pytest.raises(OSError):
        engine.track_add(NOW, 0, 500, AUDIO, "over")
    engine.track_remove(NOW, 0, 101)
    engine.track_add(NOW, 0, 500, AUDIO, "again")


def test_a_closed_number_is_told_and_free_again(engine: Engine) -> None:
    engine.transport_close(NOW, 0)
    assert [(e.type, e.transport) for e in engine.next_events()] == [("closed", 0)]
    assert engine.stats()["transports"] == 0
    engine.transport_open(NOW, 0, UFRAG, PASSWORD, REMOTE, REMOTE_PASSWORD)
    assert engine.stats()["transports"] == 1


@pytest.mark.parametrize(
    "config",
    [
        {"index": 1},
        {"max_transports": 0},
        {"packets": 0},
        {"max_payload_bytes": 0},
        {"max_payload_bytes": 1501},
        {"pacing_bps": 0},
    ],
)
def test_an_engine_out_of_range_is_not_made(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Engine(Handoff(1) if "index" in config else None, **config)


@pytest.mark.parametrize(
    "sizes",
    [{"engines": 0}, {"engines": 65}, {"packets": 0}, {"packets": 3}, {"returns": 0}, {"controls": 100}],
)
def test_rings_of_ill_size_are_not_made(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Handoff(**({"engines": 2} | sizes))
