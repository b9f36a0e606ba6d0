"""One transport with a media plane that only takes notes: what goes down to the worker, and when."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from sfu._native import Event
from sfu.media.dtls import DtlsFailure, make_context
from sfu.media.events import (
    AudioLevel,
    Closed,
    Connected,
    Disconnected,
    Failed,
    MediaEvent,
    Secured,
    SlotFilled,
)
from sfu.media.transport import Transport
from sfu.sdp import (
    AUDIO,
    MAX_TRACKS,
    VIDEO,
    Negotiation,
    OfferedSlot,
    OfferedTrack,
    negotiate,
    parse_offer,
)
from tests.media.test_dtls import CLIENT, SERVER, Client
from tests.sdp.text import joined, session, video

CONTEXT = make_context(SERVER)


@dataclass(frozen=True)
class Settings:
    connect_timeout_s: float = 60
    dtls_grace_s: float = 0


@dataclass
class Plane:
    """What would go to a worker."""

    settings: Settings = field(default_factory=Settings)
    commands: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    sources: int = 0
    takes: bool = True

    def command(self, worker: int, name: str, *arguments: Any) -> bool:
        assert worker == 3
        assert arguments[0] == 7
        if not self.takes and name != "transport_close":
            return False
        self.commands.append((name, arguments[1:]))
        return True

    def new_source_id(self) -> int:
        self.sources += 1
        return self.sources

    def names(self) -> list[str]:
        return [name for name, _ in self.commands]

    def take_dtls(self) -> list[bytes]:
        """Datagrams to the client since the last call."""
        taken = [arguments[0] for name, arguments in self.commands if name == "transport_dtls"]
        self.commands = [command for command in self.commands if command[0] != "transport_dtls"]
        return taken


def negotiation(**changes: Any) -> Negotiation:
    made: dict[str, Any] = {
        "ufrag": "abcd",
        "password": "p" * 22,
        "fingerprint": CLIENT.fingerprint,
        "setup": "actpass",
        "tracks": (OfferedTrack("0", AUDIO, (), (11,), (0,)), OfferedTrack("1", VIDEO, ("q", "h"), (), ())),
        "slots": (OfferedSlot("2", VIDEO), OfferedSlot("3", AUDIO)),
        "payloads": ((111, 0, 0, "opaque", 48000),),
        "extension_ids": {"mid": 4},
        "send_extensions": frozenset({"transport-cc"}),
        "media": (),
    }
    return Negotiation(**{**made, **changes})


def make(plane: Plane, told: list[MediaEvent], **changes: Any) -> Transport:
    offered = negotiation(**changes)
    transport = Transport(
        plane, worker=3, index=7, candidates=(), context=CONTEXT, negotiation=offered, on_event=told.append
    )
    transport.start(offered)
    return transport


def happened(
    kind: str, *, slot: int = 0, source: int = 0, data: bytes = b"", layer: int = 0, level: int = 0
) -> Event:
    return Event(kind, 7, slot, source, (0, ("127.0.0.1", 5000)), data, layer, level)


def is_kept(transport: Transport) -> bool:
    """Whether the DTLS association is still there."""
    return transport._dtls is not None


def shake_hands(
    transport: Transport, plane: Plane, client: Client, passes: Callable[[bytes], bool] = lambda _: True
) -> None:
    to_server = client.receive()
    while to_server:
        for sent in to_server:
            transport.on_event(happened("dtls", data=sent))
        to_server = [reply for sent in plane.take_dtls() if passes(sent) for reply in client.receive(sent)]


async def test_keys_go_down_before_the_last_flight() -> None:
    plane, told, client = Plane(), list[MediaEvent](), Client()
    transport = make(plane, told)
    to_server = client.receive()
    while not client.done:
        for sent in to_server:
            transport.on_event(happened("dtls", data=sent))
        if "transport_keys" in plane.names():
            last = plane.names().index("transport_keys")
            assert plane.names()[last:] == ["transport_keys", "transport_dtls"]
        to_server = [reply for sent in plane.take_dtls() for reply in client.receive(sent)]
    (keys,) = [arguments for name, arguments in plane.commands if name == "transport_keys"]
    sent_with, received_with = client.keys()
    assert keys == (7, received_with[:16], received_with[16:], sent_with[:16], sent_with[16:])
    assert told == []
    transport.close()


async def test_another_certificate_gets_no_keys() -> None:
    plane, told = Plane(), list[MediaEvent]()
    transport = make(plane, told, fingerprint=SERVER.fingerprint)
    shake_hands(transport, plane, Client())
    assert told == [Failed(DtlsFailure.FINGERPRINT)]
    assert plane.names() == ["transport_open"]
    transport.close()
    assert plane.names() == ["transport_open", "transport_close"]


async def test_a_lost_flight_is_sent_again_by_the_timer() -> None:
    plane, told, client = Plane(), list[MediaEvent](), Client()
    transport = make(plane, told)
    (hello,) = client.receive()
    transport.on_event(happened("dtls", data=hello))
    lost = plane.take_dtls()
    assert lost
    deadline = time.monotonic() + 20
    while not (again := plane.take_dtls()):  # OpenSSL waits a second
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    assert [len(datagram) for datagram in again] == [len(datagram) for datagram in lost]
    to_server = [reply for sent in again for reply in client.receive(sent)]
    for sent in to_server:
        transport.on_event(happened("dtls", data=sent))
    assert "transport_keys" in plane.names()
    transport.close()


async def test_the_association_goes_after_the_first_packet_and_a_grace() -> None:
    plane, told, client = Plane(), list[MediaEvent](), Client()
    transport = make(plane, told)
    shake_hands(transport, plane, client)
    assert is_kept(transport)
    transport.on_event(happened("secured"))
    await asyncio.sleep(0.01)
    assert not is_kept(transport)
    client.connection.shutdown()  # nobody is left to hear it
    for sent in client.output():
        transport.on_event(happened("dtls", data=sent))
    assert told == [Secured()]
    transport.close()
    assert plane.take_dtls() == []


async def test_the_peers_good_bye_is_told_and_ours_is_said() -> None:
    plane, told, client = Plane(), list[MediaEvent](), Client()
    transport = make(plane, told)
    shake_hands(transport, plane, client)
    client.connection.shutdown()
    for sent in client.output():
        transport.on_event(happened("dtls", data=sent))
    assert told == [Failed("peer")]

    plane, told, client = Plane(), [], Client()
    transport = make(plane, told)
    shake_hands(transport, plane, client)
    transport.close()
    assert plane.names()[-2:] == ["transport_dtls", "transport_close"]


async def test_nothing_is_told_between_close_and_closed() -> None:
    plane, told = Plane(), list[MediaEvent]()
    transport = make(plane, told)
    transport.on_event(happened("connected"))
    transport.on_event(happened("disconnected"))
    transport.on_event(happened("slot_filled", slot=4, source=9, layer=2))
    transport.on_event(happened("audio_level", source=9, level=31))
    transport.close()
    transport.on_event(happened("connected"))
    transport.on_event(happened("audio_level", source=9, level=30))
    transport.on_event(happened("dtls", data=Client().receive()[0]))
    transport.on_event(happened("closed"))
    assert told == [Connected(), Disconnected(), SlotFilled(4, 9, 2), AudioLevel(9, 31), Closed()]
    assert plane.take_dtls() == []


async def test_a_worker_that_takes_no_more_fails_the_transport_and_is_asked_no_more() -> None:
    plane, told = Plane(), list[MediaEvent]()
    transport = make(plane, told)
    plane.takes = False
    offered = negotiation()
    transport.apply(offered, transport.assign_ssrcs(offered))
    assert told == []  # the owner is in the midst of something
    await asyncio.sleep(0)
    assert told == [Failed("overloaded")]
    plane.takes = True
    transport.fill(0, None)
    transport.close()
    assert plane.names() == ["transport_open", "transport_close"]
    await asyncio.sleep(0)
    assert len(told) == 1


async def test_an_offer_becomes_commands() -> None:
    plane, told = Plane(), list[MediaEvent]()
    transport = make(plane, told)
    offered = negotiation()
    ssrcs = transport.assign_ssrcs(offered)
    assert ssrcs["3"][1] == 0  # audio has no RTX
    transport.apply(offered, ssrcs)
    transport.fill(0, transport.sources["1"], max_layer=1)
    transport.fill(0, None)
    assert plane.commands == [
        ("transport_open", (transport.ufrag, transport.password, "abcd", offered.password)),
        ("transport_payloads", (offered.payloads, offered.extension_ids, offered.send_extensions)),
        ("track_add", (1, AUDIO, "0", (), (11,), (0,))),
        ("track_add", (2, VIDEO, "1", ("q", "h"), (), ())),
        ("slot_add", (0, VIDEO, *ssrcs["2"], transport.cname)),
        ("slot_add", (1, AUDIO, *ssrcs["3"], transport.cname)),
        ("slot_source", (0, 2, 3, 1)),
        ("slot_source", (0, 0, 0, 0)),
    ]
    assert transport.sources["1"].layers == 2
    transport.close()


async def test_a_track_that_stops_keeps_its_source_for_when_it_sends_again() -> None:
    plane, told = Plane(), list[MediaEvent]()
    transport = make(plane, told)

    def apply(*directions: str) -> None:
        lines = [video(str(mid), direction) for mid, direction in enumerate(directions)]
        bundle = " ".join(map(str, range(len(lines))))
        offered = negotiate(parse_offer(joined(session(bundle), *lines)), ["VP8"])
        transport.apply(offered, {})

    apply("sendonly", "sendonly")
    sources = dict(transport.sources)
    apply("sendonly", "inactive")
    apply("sendonly", "sendonly")
    assert transport.sources == sources
    assert plane.names().count("track_add") == 2
    assert "track_remove" not in plane.names()
    apply("inactive", *["sendonly"] * MAX_TRACKS)  # the worker has room for no more
    assert plane.names().count("track_remove") == 1
    assert len(transport.sources) == MAX_TRACKS
    transport.close()


@pytest.mark.parametrize("taken", [1, 500])
async def test_ssrcs_of_slots_differ_from_all_others(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(
        [0, 11, taken, taken, 501, 502]
    )  # none of the first is free: zero, the client's own, twice the same
    monkeypatch.setattr("sfu.media.transport.secrets.randbits", lambda _: next(numbers))
    transport = make(Plane(), [])
    ssrcs = transport.assign_ssrcs(negotiation())
    assert sorted(ssrc for pair in ssrcs.values() for ssrc in pair) == [0, taken, 501, 502]
    transport.close()
