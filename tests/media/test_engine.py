"""MediaPlane on real loopback sockets, with aiortc as client: ICE, DTLS, and media from one worker to another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import aioice.ice
import aiortc.codecs.vpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from av import VideoFrame

from sfu.errors import LocalError
from sfu.media.dtls import DtlsFailure
from sfu.media.engine import BACKLOG_MAX, MediaPlane, MediaSettings
from sfu.media.events import Closed, Connected, Failed, MediaEvent, Secured, SlotFilled
from sfu.media.transport import Transport
from sfu.sdp import Local, Negotiation, build_answer, negotiate, parse_offer

T = TypeVar("T")
CODECS = ("opus", "VP8")
SETTINGS = MediaSettings(
    workers=2, addresses=(("127.0.0.1", 0),), socket_buffer_bytes=1 << 20, max_transports=16, packets=2048
)


@pytest.fixture(params=["127.0.0.1"])
def address(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda *_, **__: [address])
    # The server never sends more than 1,232 bytes of UDP payload, so it takes no more of a packet either.
    monkeypatch.setattr(aiortc.codecs.vpx, "PACKET_MAX", 1100)


@pytest.fixture
async def plane(address: str) -> AsyncIterator[MediaPlane]:
    async with MediaPlane.start(replace(SETTINGS, addresses=((address, 0),))) as made:
        yield made


class Events:
    """What a transport has told so far."""

    def __init__(self) -> None:
        self.seen: list[MediaEvent] = []
        self._changed = asyncio.Event()

    def __call__(self, event: MediaEvent) -> None:
        self.seen.append(event)
        self._changed.set()

    async def until(self, wanted: MediaEvent) -> None:
        async def wait() -> None:
            while wanted not in self.seen:
                self._changed.clear()
                await self._changed.wait()

        try:
            await within(wait())
        except TimeoutError:
            raise AssertionError(f"no {wanted} but {self.seen}") from None


async def within(work: Awaitable[T], seconds: float = 30) -> T:
    return await asyncio.wait_for(work, seconds)


@pytest.fixture
async def make_peer() -> AsyncIterator[Callable[[], RTCPeerConnection]]:
    made: list[RTCPeerConnection] = []

    def make() -> RTCPeerConnection:
        made.append(RTCPeerConnection(RTCConfiguration(iceServers=[])))
        return made[-1]

    yield make
    for peer in made:
        await peer.close()


async def make_offer(peer: RTCPeerConnection) -> str:
    await peer.setLocalDescription(await peer.createOffer())
    return str(peer.localDescription.sdp)


def read_offer(text: str) -> Negotiation:
    return negotiate(parse_offer(text), CODECS)


async def join(
    plane: MediaPlane,
    peer: RTCPeerConnection,
    events: Events,
    worker: int,
    *,
    change: Callable[[Negotiation], Negotiation] = lambda offered: offered,
    wait: bool = True,
) -> Transport:
    """Offer and answer; with `wait` until the transport is connected."""
    offer = await make_offer(peer)
    negotiation = change(read_offer(offer))
    transport = plane.open(negotiation, events, worker=worker)
    ssrcs = transport.assign_ssrcs(negotiation)
    transport.apply(negotiation, ssrcs)
    local = Local(
        ufrag=transport.ufrag,
        password=transport.password,
        fingerprint=plane.certificate.fingerprint,
        candidates=transport.candidates,
        slot_ssrcs=ssrcs,
        cname=transport.cname,
        session_id=1,
        session_version=1,
    )
    answer = build_answer(parse_offer(offer), negotiation, local)
    await peer.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
    if wait:
        await events.until(Connected())
    return transport


def receive_tracks(peer: RTCPeerConnection) -> dict[str, MediaStreamTrack]:
    received: dict[str, MediaStreamTrack] = {}
    peer.on("track", lambda track: received.__setitem__(track.kind, track))
    return received


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"], indirect=True)
async def test_media_goes_from_one_worker_to_another(
    plane: MediaPlane, make_peer: Callable[[], RTCPeerConnection]
) -> None:
    publisher, viewer = make_peer(), make_peer()
    publisher.addTransceiver(AudioStreamTrack(), direction="sendonly")
    publisher.addTransceiver(VideoStreamTrack(), direction="sendonly")
    viewer.addTransceiver("audio", direction="recvonly")
    viewer.addTransceiver("video", direction="recvonly")
    tracks = receive_tracks(viewer)
    told, told_viewer = Events(), Events()
    published = await join(plane, publisher, told, worker=0)
    viewing = await join(plane, viewer, told_viewer, worker=1)
    audio, video = (published.sources[mid] for mid in ("0", "1"))
    assert (audio.kind, video.kind, audio.worker) == (0, 1, 0)
    viewing.fill(0, audio)
    viewing.fill(1, video)
    await told.until(Secured())
    await told_viewer.until(SlotFilled(1, video.id))
    await told_viewer.until(SlotFilled(0, audio.id))
    for _ in range(30):
        frame = await within(tracks["video"].recv())
        assert isinstance(frame, VideoFrame)
        assert (frame.width, frame.height) == (640, 480)
    for _ in range(50):
        await within(tracks["audio"].recv())

    viewing.fill(1, None)
    await told_viewer.until(SlotFilled(1, 0))
    published.close()
    await told.until(Closed())
    viewing.close()
    await told_viewer.until(Closed())
    assert plane.load(0) == plane.load(1) == 0
    assert plane.refusals == 0


async def test_a_wrong_fingerprint_is_refused_and_gets_no_keys(
    plane: MediaPlane, make_peer: Callable[[], RTCPeerConnection]
) -> None:
    peer, told = make_peer(), Events()
    peer.addTransceiver(AudioStreamTrack(), direction="sendonly")

    def lie(offered: Negotiation) -> Negotiation:
        return replace(offered, fingerprint=("sha-256", ":".join(["00"] * 32)))

    transport = await join(plane, peer, told, worker=0, change=lie)
    await told.until(Failed(DtlsFailure.FINGERPRINT))
    assert Secured() not in told.seen
    assert peer.connectionState != "connected"
    transport.close()
    await told.until(Closed())


async def test_who_never_comes_times_out(make_peer: Callable[[], RTCPeerConnection]) -> None:
    async with MediaPlane.start(replace(SETTINGS, connect_timeout_s=0.05)) as plane:
        told = Events()
        peer = make_peer()
        peer.addTransceiver("audio", direction="recvonly")
        transport = plane.open(read_offer(await make_offer(peer)), told)
        await told.until(Failed("timeout"))
        transport.close()
        transport.close()
        await told.until(Closed())
        assert told.seen == [Failed("timeout"), Closed()]


async def test_numbers_are_used_again_after_closed(
    plane: MediaPlane, make_peer: Callable[[], RTCPeerConnection]
) -> None:
    peer = make_peer()
    peer.addTransceiver("audio", direction="recvonly")
    negotiation = read_offer(await make_offer(peer))
    for _ in range(3):  # more than there are numbers
        told = [Events() for _ in range(SETTINGS.max_transports)]
        opened = [plane.open(negotiation, events, worker=1) for events in told]
        assert len({transport.ufrag for transport in opened}) == len(opened)
        with pytest.raises(LocalError, match="all 16 transports"):
            plane.open(negotiation, Events(), worker=1)
        last = Events()
        assert plane.open(negotiation, last).worker == 0
        for transport in opened:
            transport.close()
        for events in told:
            await events.until(Closed())
        next(iter(plane._transports[0].values())).close()
        await last.until(Closed())
    assert plane.refusals == 0


async def test_commands_wait_in_order_while_the_ring_is_full(
    plane: MediaPlane, make_peer: Callable[[], RTCPeerConnection]
) -> None:
    peer = make_peer()
    peer.addTransceiver("audio", direction="recvonly")
    told = Events()
    transport = plane.open(read_offer(await make_offer(peer)), told, worker=0)
    for bps in range(1, 5000):  # ten times what the ring holds
        plane.command(0, "transport_pacing", transport.index, bps)
    transport.close()
    await told.until(Closed())
    assert plane.refusals == 0


async def test_commands_beyond_the_bound_are_not_taken_but_everything_ends(
    plane: MediaPlane, make_peer: Callable[[], RTCPeerConnection]
) -> None:
    peer = make_peer()
    peer.addTransceiver("audio", direction="recvonly")
    offer, told = read_offer(await make_offer(peer)), Events()
    transport = plane.open(offer, told, worker=0)
    taken = 0
    while plane.command(0, "transport_pacing", transport.index, 1_000_000):
        taken += 1
    assert taken >= BACKLOG_MAX
    with pytest.raises(LocalError, match="does not keep up"):
        plane.open(offer, told, worker=0)
    transport.fill(0, None)
    await told.until(Failed("overloaded"))
    transport.close()
    await told.until(Closed())
    assert plane.load(0) == 0
    assert plane.refusals == 0


async def test_offers_change_what_is_published(
    plane: MediaPlane, make_peer: Callable[[], RTCPeerConnection]
) -> None:
    peer = make_peer()
    peer.addTransceiver(AudioStreamTrack(), direction="sendonly")
    peer.addTransceiver("video", direction="recvonly")
    offered = read_offer(await make_offer(peer))
    told = Events()
    transport = plane.open(offered, told)
    first = transport.assign_ssrcs(offered)
    transport.apply(offered, first)
    source = transport.sources["0"]

    grown = replace(offered, slots=(*offered.slots, replace(offered.slots[0], mid="9")))
    ssrcs = transport.assign_ssrcs(grown)
    assert ssrcs["1"] == first["1"]
    assert len({ssrc for pair in ssrcs.values() for ssrc in pair}) == 4
    transport.apply(grown, ssrcs)
    assert transport.sources["0"] is source

    transport.apply(replace(grown, tracks=()), ssrcs)
    assert transport.sources == {}
    transport.apply(grown, ssrcs)
    assert transport.sources["0"].id > source.id

    before = (transport.ufrag, transport.password)
    transport.restart(replace(offered, ufrag="anew"))
    assert before != (transport.ufrag, transport.password)
    with pytest.raises(AssertionError, match="certificate"):
        transport.restart(replace(offered, fingerprint=("sha-256", "00")))
    transport.close()
    await told.until(Closed())
    assert plane.refusals == 0


async def test_an_address_that_is_taken_is_named(plane: MediaPlane) -> None:
    (taken, *_) = plane._candidates[0]
    with pytest.raises(LocalError, match=r"127\.0\.0\.1.*(?i:in use)"):
        MediaPlane.start(replace(SETTINGS, addresses=((taken.ip, taken.port),)))


async def test_a_snapshot_counts(plane: MediaPlane) -> None:
    async def all_have_counted() -> None:
        while plane.snapshot().total("packets_total") < 2 * SETTINGS.packets:  # noqa: ASYNC110  they tell nobody
            await asyncio.sleep(0.01)

    await within(all_have_counted())
    snapshot = plane.snapshot()
    assert len(snapshot.workers) == len(snapshot.run_lengths) == 2
    assert snapshot.total("datagrams_received") == 0
    assert snapshot.total("packets_free") == snapshot.total("packets_total") == 2 * SETTINGS.packets
    assert all(size > 0 for size in plane.buffer_bytes())


async def test_stopping_with_transports_open_ends_silently(
    make_peer: Callable[[], RTCPeerConnection],
) -> None:
    peer, told = make_peer(), Events()
    peer.addTransceiver("audio", direction="recvonly")
    plane = MediaPlane.start(SETTINGS)
    plane.open(read_offer(await make_offer(peer)), told)
    plane.stop()
    plane.stop()
    await asyncio.sleep(0)
    assert told.seen == []


async def test_a_room_stays_on_its_worker_until_that_is_filled(
    make_peer: Callable[[], RTCPeerConnection],
) -> None:
    peer = make_peer()
    peer.addTransceiver("audio", direction="recvonly")
    offered = read_offer(await make_offer(peer))
    async with MediaPlane.start(replace(SETTINGS, fill=2)) as plane:
        told = [Events() for _ in range(3)]
        opened = [plane.open(offered, events, room="one") for events in told]
        assert [transport.worker for transport in opened] == [0, 0, 1]
        assert plane.open(offered, Events(), room="two").worker == 1
        opened[0].close()
        await told[0].until(Closed())
        assert plane.open(offered, Events(), room="one").worker == 0
    async with MediaPlane.start(replace(SETTINGS, fill=1000)) as plane:
        workers = [
            plane.open(offered, Events(), room="one").worker for _ in range(2 * SETTINGS.max_transports)
        ]
        assert workers == sorted(workers), "no further than there are places"
