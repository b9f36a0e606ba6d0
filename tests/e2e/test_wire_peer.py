"""The load client through the real server: two of them, over two workers, with all that they receive verified."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from sfu._testing.peer import Layer, Peer
from sfu.media.certificate import Certificate, make_certificate
from sfu.media.dtls import DtlsAssociation, DtlsRole, DtlsState, make_context
from tests.e2e.progress import until
from tests.e2e.server import Server, serving
from tests.e2e.wire_peer import WirePeer, now_us
from tests.sdp import text
from tests.signaling.conference import Client
from tests.sim.checks import FAULTS
from tests.sim.feedback import ArrivalsTold, transport_number

ROOM = "load-clients-on-the-wire-00001"
SETTINGS = """
[http]
port = 0
[media]
addresses = ["127.0.0.1"]
workers = 2
fill = 1
packets = 8192
"""
SENT_EXTENSIONS = {"audio-level": 1, "abs-send-time": 2, "transport-cc": 3, "mid": 4}
RECEIVED_EXTENSIONS = {
    kind: SENT_EXTENSIONS[kind] for kind in ("audio-level", "abs-send-time", "transport-cc")
}
COMMON = (
    "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
)
AUDIO = (*COMMON, "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=rtcp-fb:111 transport-cc")
VIDEO = (*COMMON, "a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 transport-cc")
ENOUGH = 60  # frames, packets
SOME = 10


class Watched:
    """A peer, when it sent what, and what it is told of that."""

    def __init__(self, peer: Peer) -> None:
        self.sent_us: dict[int, int] = {}  # by transport-wide number
        self.next_deadline_us = peer.next_deadline_us
        self.stats = peer.stats
        self._peer = peer
        self._arrivals: ArrivalsTold | None = None

    @property
    def arrived_us(self) -> dict[int, int]:
        """By transport-wide number, on the server's clock."""
        told = self._arrivals.told if self._arrivals else []
        return {status.sequence: status.arrival_us for status in told if status.received}

    def on_datagram(self, now_us: int, local: int, address: tuple[str, int], data: bytes) -> None:
        if self._arrivals:
            self._arrivals.on_datagram(data)
        self._peer.on_datagram(now_us, local, address, data)

    def poll(self, now_us: int) -> list[tuple[int, tuple[str, int], bytes]]:
        polled = self._peer.poll(now_us)
        for _, _, data in polled:
            number = transport_number(data, SENT_EXTENSIONS["transport-cc"])
            if number is not None:
                self.sent_us[number] = now_us
        return polled

    def set_keys(
        self, profile: int, local_key: bytes, local_salt: bytes, remote_key: bytes, remote_salt: bytes
    ) -> None:
        self._arrivals = ArrivalsTold(profile, remote_key, remote_salt)
        self._peer.set_keys(profile, local_key, local_salt, remote_key, remote_salt)


@dataclass
class Member:
    """One participant: what it is by signalling, and on the wire."""

    signaling: Client
    peer: Peer
    watched: Watched
    wire: WirePeer
    audio_stream: int  # names of what it sends
    video_stream: int
    audio_slot: int  # SSRCs of what it receives
    video_slot: int


def make_offer(ufrag: str, password: str, certificate: Certificate) -> str:
    """A microphone, a camera, and room for one other participant."""
    algorithm, digest = certificate.fingerprint
    association = (
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        f"a=fingerprint:{algorithm} {digest}",
        "a=setup:active",
    )

    def media(kind: str, mid: str, direction: str) -> list[str]:
        head, codec, lines = (
            ("audio 9 UDP/TLS/RTP/SAVPF 111", text.OPUS, AUDIO)
            if kind == "audio"
            else ("video 9 UDP/TLS/RTP/SAVPF 96 97", text.VP8, VIDEO)
        )
        return text.media(head, mid, direction, *codec, *lines, association=association)

    return text.joined(
        text.session("0 1 2 3"),
        media("audio", "0", "sendonly"),
        media("video", "1", "sendonly"),
        media("video", "2", "recvonly"),
        media("audio", "3", "recvonly"),
    )


def first(pattern: str, answer: str) -> tuple[str, ...]:
    found = re.search(pattern, answer)
    assert found, f"no {pattern} in {answer}"
    return found.groups()


def section(answer: str, mid: str) -> str:
    return next(part for part in answer.split("\r\nm=") if f"a=mid:{mid}\r\n" in part)


@asynccontextmanager
async def joining(http: aiohttp.ClientSession, server: Server, stream: int) -> AsyncIterator[Member]:
    """In the room, and connecting. What it sends is called `stream` and `stream` + 1."""
    signaling = await (await Client.connect(http, server.signaling)).enter(ROOM)
    ufrag, password = secrets.token_hex(4), secrets.token_hex(12)
    certificate = make_certificate()
    answered = await signaling.ask("offer", sdp=make_offer(ufrag, password, certificate))
    assert answered["type"] == "answer", answered
    answer = answered["sdp"]
    (remote_ufrag,), (remote_password,) = (
        first(r"a=ice-ufrag:(\S+)", answer),
        first(r"a=ice-pwd:(\S+)", answer),
    )
    ip, port = first(r"a=candidate:\S+ 1 udp \S+ (\S+) (\d+) typ host", answer)
    algorithm, digest = first(r"a=fingerprint:(\S+) (\S+)", answer)
    video_slot, rtx_slot = map(int, first(r"a=ssrc-group:FID (\d+) (\d+)", section(answer, "2")))
    (audio_slot,) = map(int, first(r"a=ssrc:(\d+)", section(answer, "3")))
    address = (ip, int(port))
    peer = Peer(
        seed=stream,
        local_ufrag=ufrag,
        local_password=password,
        remote_ufrag=remote_ufrag,
        remote_password=remote_password,
        server=address,
        start_us=now_us(),
        send_extensions=SENT_EXTENSIONS,
        receive_extensions=RECEIVED_EXTENSIONS,
    )
    # The offer names no SSRCs: the server learns them from the mid.
    peer.add_audio(stream, stream=stream, mid="0")
    peer.add_video([Layer(stream + 1, stream + 2, stream + 1, bitrate_bps=300_000)], mid="1")
    peer.expect_stream(video_slot, video=True, payload_type=96, rtx_ssrc=rtx_slot, rtx_payload_type=97)
    peer.expect_stream(audio_slot, video=False, payload_type=111)
    dtls = DtlsAssociation(make_context(certificate, DtlsRole.CLIENT), (algorithm, digest), DtlsRole.CLIENT)
    watched = Watched(peer)
    async with WirePeer(watched, dtls, address) as wire:
        yield Member(signaling, peer, watched, wire, stream, stream + 1, audio_slot, video_slot)
        await signaling.ask("leave")


async def hears_and_sees(member: Member, other: Member) -> bool:
    """Whether enough has come of what the other sends, and each kind of report."""
    await member.signaling.ask("roster")  # reads on the way what the server has to say
    video, audio = (member.peer.receiver_stats(ssrc) for ssrc in (member.video_slot, member.audio_slot))
    stats = member.peer.stats()
    return (
        video["frames_decoded"] >= ENOUGH
        and audio["packets"] >= ENOUGH
        and (video["stream"], audio["stream"]) == (other.video_stream, other.audio_stream)
        and min(video["sender_reports"], audio["sender_reports"], stats["rtt_us"]) > 0
        and stats["transport_received"] >= ENOUGH
    )


async def seen_by(member: Member) -> object:
    stats = [member.peer.receiver_stats(ssrc) for ssrc in (member.video_slot, member.audio_slot)]
    return member.wire.dtls.state, member.peer.stats(), *stats


def assert_no_faults(member: Member) -> None:
    for ssrc in (member.video_slot, member.audio_slot):
        received = member.peer.receiver_stats(ssrc)
        assert not {name: value for name, value in received.items() if name in FAULTS and value}
    stats = member.peer.stats()
    assert (stats["foreign"], stats["unexpected"]) == (0, 0)
    assert (stats["malformed"], stats["unauthentic"], stats["replayed"]) == (0, 0, 0)
    assert stats["transport_unknown"] == 0


async def test_two_load_clients_over_two_workers(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        one, two = [await stack.enter_async_context(joining(http, server, stream)) for stream in (1000, 2000)]
        for member, other in ((one, two), (two, one)):
            await until(partial(hears_and_sees, member, other), partial(seen_by, member))
        metrics = await server.metrics()
        assert [metrics[f'sfu_worker_transports{{worker="{worker}"}}'] for worker in "01"] == [1, 1]
        for member in (one, two):
            assert member.wire.dtls.state is DtlsState.SECURED
            assert_no_faults(member)


async def held_up(server: Server, watched: Watched) -> list[int]:
    """The numbers of packets that came while the server stood still, which was for less than half a second: what is older
    than one when it is read counts as a clock that was set.
    """
    while True:
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            os.waitid(os.P_PID, server.process.pid, os.WSTOPPED | os.WNOWAIT)  # noqa: ASYNC222  it is at once
            stopped_us = now_us()
            while sum(at > stopped_us for at in watched.sent_us.values()) < SOME:  # noqa: ASYNC110  packets raise no event
                await asyncio.sleep(0.01)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        if now_us() - stopped_us < 500_000:
            return [number for number, at in watched.sent_us.items() if at > stopped_us]


async def test_arrivals_are_told_as_the_kernel_saw_them(tmp_path: Path) -> None:
    """While the server stands still packets go on coming; when it reads them all at once, it knows when they came."""
    async with (
        serving(tmp_path, SETTINGS) as server,
        aiohttp.ClientSession() as http,
        joining(http, server, 1000) as member,
    ):
        watched = member.watched

        async def told(numbers: set[int]) -> bool:
            return numbers <= watched.arrived_us.keys()

        await until(partial(told, {1}), partial(seen_by, member))
        held = await held_up(server, watched)
        await until(partial(told, set(held)), partial(seen_by, member))
        first, last = held[0], held[-1]
        sent_us = watched.sent_us[last] - watched.sent_us[first]
        assert sent_us > 0
        assert watched.arrived_us[last] - watched.arrived_us[first] > sent_us / 2
