"""The one place that knows aiortc from inside. One release of it is supported, and checked.

    source → encoder → seal → VP8 descriptor and packets → aiortc's RTP and SRTP
    aiortc's jitter buffer → here, still sealed → FrameOpener → decoder or file

aiortc would encode and send in one step, and decode in a thread of the receiver's. Both are put out of action before
anything is negotiated: `_next_encoded_frame` of a sender, and the queue to the decoder of a receiver. There is no way
by which a frame that this module has not sealed comes to a packet.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol, cast

import aioice.ice
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.codecs import get_capabilities
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcrtpsender import RTCEncodedFrame
from aiortc.rtp import compute_audio_level_dbov
from av import AudioFrame, VideoFrame

from sfu.client.encoders import Encoder, Opus, Vp8
from sfu.client.envelope import Codec
from sfu.errors import LocalError

AIORTC_VERSION = "1.16.0"
# The server takes and sends datagrams of 1,232 bytes at most; RTP header, extensions and SRTP need some of that.
PAYLOAD_BYTES = 1100
CONNECT_S = 30.0
_MIME_TYPES = {"audio": ("audio/opus",), "video": ("video/VP8", "video/rtx")}
_CODECS = {"VP8": Codec.VP8, "OPUS": Codec.OPUS}

if version("aiortc") != AIORTC_VERSION:
    raise ImportError(
        f"sfu.client works with aiortc {AIORTC_VERSION} and no other, but {version('aiortc')} is installed; "
        "the extra `client` names the right one"
    )

# ---- addresses ----

_with_loopback: ContextVar[bool] = ContextVar("with_loopback", default=False)
_host_addresses = aioice.ice.get_host_addresses


def _addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """aioice leaves loopback out; a server on this machine may have nothing else."""
    found = _host_addresses(use_ipv4=use_ipv4, use_ipv6=use_ipv6)
    return ["127.0.0.1", *found] if _with_loopback.get() and use_ipv4 else found


aioice.ice.get_host_addresses = _addresses


@contextmanager
def _loopback(wanted: bool) -> Iterator[None]:
    token = _with_loopback.set(wanted)
    try:
        yield
    finally:
        _with_loopback.reset(token)


# ---- sending ----


class FrameSource(Protocol):
    """What is published: its next frame when it is due, None when there are no more."""

    @property
    def media(self) -> str: ...
    async def recv(self) -> AudioFrame | VideoFrame | None: ...


@dataclass(frozen=True)
class Sealing:
    """What a sender asks of its owner. `seal` may raise: then nothing is sent any more, and `on_error` is told; it is
    told too of a source that raises, which only ends that source.
    """

    seal: Callable[[Codec, bytes, int], bytes]
    now_ms: Callable[[], float]
    on_error: Callable[[BaseException], None]
    on_end: Callable[[], None]


class _Silent(MediaStreamTrack):
    """Makes aiortc start a sender. Whoever reads it would be reading frames that nobody sealed."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    async def recv(self) -> Any:
        raise MediaStreamError


class Sender:
    """One sendonly m-line. Its source may change, end, and come back; the RTP clock follows the wall's."""

    def __init__(self, transceiver: RTCRtpTransceiver, sealing: Sealing) -> None:
        self.kind: str = transceiver.kind
        self.muted = False
        self.dead = False
        self._rtc = cast("Any", transceiver.sender)
        self._sealing = sealing
        self._encoder: Encoder = Vp8() if self.kind == "video" else Opus()
        self._source: FrameSource | None = None
        self._changed = asyncio.Event()
        self._ready: deque[RTCEncodedFrame] = deque()
        self._key_frame = False
        self._picture_id = 0
        self._began_ms = sealing.now_ms()
        self._offset: int | None = None  # of the source's clock to the wall's, in the RTP clock
        self._last = -1
        self.frames = 0

        # From here on aiortc's own encoder is not reached.
        self._rtc._next_encoded_frame = self._next_encoded_frame
        self._rtc._send_keyframe = self.request_key_frame
        if isinstance(self._encoder, Vp8):
            # The receivers' bit rate estimate (REMB) goes there.
            self._rtc._RTCRtpSender__encoder = self._encoder.aiortc

    def set_source(self, source: FrameSource | None) -> None:
        self._source = source
        self._offset = None
        self._key_frame = True
        self._changed.set()

    def request_key_frame(self) -> None:
        self._key_frame = True

    async def _next_encoded_frame(self, codec: Any) -> RTCEncodedFrame:
        """What aiortc's sender loop asks for. Whatever goes wrong here ends the loop, and nothing more is sent."""
        try:
            self._check(codec)
            while not self._ready:
                await self._advance()
            self.frames += 1
            return self._ready.popleft()
        except (asyncio.CancelledError, MediaStreamError):
            raise
        except Exception as error:
            self.dead = True
            self._sealing.on_error(error)
            raise MediaStreamError from error

    def _check(self, codec: Any) -> None:
        if _codec_of(codec) is not self._encoder.codec:
            raise LocalError(f"the server asks for {codec.mimeType}, which this client does not seal")

    async def _advance(self) -> None:
        source = self._source
        if source is None:
            self._changed.clear()
            await self._changed.wait()
            return
        frame = await self._read(source)
        if frame is None:
            return
        if self.muted:
            self._key_frame = True
            return
        key_frame, self._key_frame = self._key_frame, False
        loop = asyncio.get_running_loop()
        encoded = await loop.run_in_executor(None, self._encoder.encode, frame, key_frame)
        level = compute_audio_level_dbov(frame) if isinstance(frame, AudioFrame) else None
        for data, timestamp in encoded:
            self._seal(data, timestamp, level)

    async def _read(self, source: FrameSource) -> AudioFrame | VideoFrame | None:
        """None when another source has taken its place, or it has come to its end."""
        self._changed.clear()
        reading = asyncio.ensure_future(source.recv())
        changing = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({reading, changing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            changing.cancel()
            await asyncio.gather(reading, changing, return_exceptions=True)
        if source is not self._source or reading.cancelled():
            return None
        error = reading.exception()
        if error is None and (frame := reading.result()) is not None:
            return frame
        self._source = None
        self._sealing.on_end() if error is None else self._sealing.on_error(error)
        return None

    def _seal(self, data: bytes, timestamp: int, level: int | None) -> None:
        rate = self._encoder.clock_rate
        if self._offset is None:
            elapsed = int((self._sealing.now_ms() - self._began_ms) * rate / 1000)
            self._offset = max(elapsed, self._last + 1) - timestamp
        self._last = max(timestamp + self._offset, self._last + 1)
        time_ms = int(self._began_ms + self._last * 1000 / rate)
        sealed = self._sealing.seal(self._encoder.codec, data, time_ms)
        payloads = [sealed] if self.kind == "audio" else self._packets(sealed)
        self._ready.append(RTCEncodedFrame(payloads, self._last % (1 << 32), level))  # type: ignore[arg-type]

    def _packets(self, sealed: bytes) -> list[bytes]:
        """RFC 7741: a picture id in each, the start bit in the first."""
        head = bytes(VpxPayloadDescriptor(partition_start=1, partition_id=0, picture_id=self._picture_id))
        rest = bytes(VpxPayloadDescriptor(partition_start=0, partition_id=0, picture_id=self._picture_id))
        self._picture_id = (self._picture_id + 1) % (1 << 15)
        size = PAYLOAD_BYTES - len(head)
        pieces = [sealed[begin : begin + size] for begin in range(0, len(sealed), size)]
        return [(rest if number else head) + piece for number, piece in enumerate(pieces)]


# ---- receiving ----


@dataclass(frozen=True)
class Line:
    """A slot's m-line."""

    slot: int
    media: str


class _Inlet:
    """In the place of the queue to aiortc's decoder thread, which waits here until its receiver stops."""

    def __init__(self, take: Callable[[Any, bytes], None]) -> None:
        self._take = take
        self._ended = threading.Event()

    def put(self, item: Any) -> None:
        if item is None:
            self._ended.set()
            return
        codec, frame = item
        self._take(codec, frame.data)

    def get(self) -> None:
        self._ended.wait()


class Transport:
    """One RTCPeerConnection with the server. `on_frame` gets sealed frames; `on_lost` is called once if media ends."""

    def __init__(
        self,
        on_frame: Callable[[Codec, Line, bytes], None],
        on_lost: Callable[[], None],
        *,
        loopback: bool = False,
    ) -> None:
        self.number: int | None = None  # by the server's count
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._loopback = loopback
        self._slots: list[Any] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._connected = asyncio.Event()
        self._closed = False
        self._pc.on("connectionstatechange", self._on_state)

    @property
    def slots(self) -> int:
        return len(self._slots)

    def add_slots(self, pairs: int, extra_audio: int = 0) -> None:
        """recvonly m-lines, video and audio in turn, then those for sound alone."""
        for kind in ["video", "audio"] * pairs + ["audio"] * extra_audio:
            transceiver = self._pc.addTransceiver(kind, direction="recvonly")
            self._prefer(transceiver)
            line = Line(len(self._slots), kind)
            receiver = cast("Any", transceiver.receiver)
            receiver._RTCRtpReceiver__decoder_queue = _Inlet(partial(self._take, line))
            receiver.receive = partial(_receive_with_rtx, receiver, receiver.receive)
            self._slots.append(receiver)

    def add_sender(self, kind: str, sealing: Sealing) -> Sender:
        """A sendonly m-line, silent until it is given a source."""
        transceiver = self._pc.addTransceiver(_Silent(kind), direction="sendonly")
        sender = Sender(transceiver, sealing)
        self._prefer(transceiver)
        return sender

    async def offer(self) -> str:
        with _loopback(self._loopback):
            await self._pc.setLocalDescription(await self._pc.createOffer())
        description = self._pc.localDescription
        assert description is not None
        return str(description.sdp)

    async def accept(self, answer: str) -> None:
        await self._pc.setRemoteDescription(RTCSessionDescription(candidates_everywhere(answer), "answer"))

    async def wait_connected(self) -> None:
        """Raises LocalError if the server's media address cannot be reached."""
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._connected.wait()
        except TimeoutError:
            pass
        if self._pc.connectionState != "connected":
            raise LocalError("media cannot reach the server: is UDP let through?")

    def request_key_frame(self, line: Line) -> None:
        """From whoever is in the slot."""
        receiver = self._slots[line.slot]
        sources = receiver.getSynchronizationSources()
        if sources and not self._closed:
            newest = max(sources, key=lambda source: source.timestamp)
            self._spawn(receiver._send_rtcp_pli(newest.source))

    async def loss(self) -> tuple[int, int]:
        """Packets received and lost since the beginning, over all slots."""
        received = lost = 0
        for receiver in self._slots:
            for stats in (await receiver.getStats()).values():
                if stats.type == "inbound-rtp":
                    received += stats.packetsReceived
                    lost += stats.packetsLost
        return received, max(0, lost)

    async def close(self) -> None:
        self._closed = True
        await self._pc.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # The ends of decoder threads come through the loop.
        for _ in range(3):
            await asyncio.sleep(0)

    def _take(self, line: Line, codec: Any, data: bytes) -> None:
        kind = _codec_of(codec)
        if kind is not None and not self._closed:
            self._on_frame(kind, line, data)

    def _on_state(self) -> None:
        state = self._pc.connectionState
        if state == "connected":
            self._connected.set()
        elif state in {"failed", "closed"} and not self._closed:
            self._connected.set()
            self._on_lost()

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _prefer(transceiver: RTCRtpTransceiver) -> None:
        wanted = _MIME_TYPES[transceiver.kind]
        capabilities = get_capabilities(transceiver.kind).codecs
        transceiver.setCodecPreferences([codec for codec in capabilities if codec.mimeType in wanted])


async def _receive_with_rtx(
    receiver: Any, receive: Callable[[Any], Awaitable[None]], parameters: Any
) -> None:
    """aiortc's router knows the SSRCs of media only: among several slots it would drop each retransmission."""
    await receive(parameters)
    table = receiver.transport._rtp_router.ssrc_table
    for encoding in parameters.encodings:
        if encoding.rtx:
            table[encoding.rtx.ssrc] = receiver


def candidates_everywhere(answer: str) -> str:
    """aiortc takes the candidates of the last m-line of a bundle, the server names them in the first: all get them."""
    head, *media = answer.split("\r\nm=")
    lines = [
        line for line in media[0].split("\r\n") if line.startswith(("a=candidate", "a=end-of-candidates"))
    ]
    rest = [section.rstrip("\r\n") + "\r\n" + "\r\n".join(lines) for section in media[1:]]
    return "\r\nm=".join([head, media[0].rstrip("\r\n"), *rest]) + "\r\n"


def _codec_of(codec: Any) -> Codec | None:
    return _CODECS.get(codec.mimeType.partition("/")[2].upper())
