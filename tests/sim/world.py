"""Several engines and their clients in one thread, in virtual time, from one seed: any run replays to the byte.

The world is what surrounds them: the clock, the links between each client and its engine, the wake-ups between engines, and the
control plane's part (transports, keys after a check, tracks and slots). Nothing happens between two deadlines, so the clock
jumps from one to the next.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from sfu._testing.engine import AUDIO, NEVER, VIDEO, Datagram, Engine, Event, Handoff
from sfu._testing.peer import Layer, Peer
from tests.sim.netem import Conditions, Link

if TYPE_CHECKING:
    from sfu._testing.peer import ReceiverStats

MS = 1000
SECOND = 1_000_000
START_US = 1_000_000_000  # the clock's first value: no reader may take 0 for "now"

OPUS, VP8 = 0, 1  # codec numbers of the room
AEAD_AES_128_GCM = 0x0007
EXTENSION_IDS = {
    "audio-level": 1,
    "abs-send-time": 2,
    "transport-cc": 3,
    "mid": 4,
    "rid": 10,
    "repaired-rid": 11,
}
# For those who ask for them.
EXTRA_IDS = {"orientation": 12, "abs-capture-time": 13, "playout-delay": 5, "color-space": 6}
SEND_EXTENSIONS = ("audio-level", "abs-send-time", "transport-cc")
# What one instant may take before it counts as a loop that never ends.
MAX_ROUNDS = 10_000

Address = tuple[str, int]
GOOD = Conditions(delay_us=10 * MS)


@dataclass(frozen=True)
class Payloads:
    """Payload types as one browser numbers them."""

    opus: int = 111
    vp8: int = 96
    rtx: int = 97


CHROMIUM = Payloads()
FIREFOX = Payloads(opus=109, vp8=120, rtx=124)


@dataclass
class Path:
    """One network of a client: an address of its own and a link each way."""

    address: Address
    up: Link[tuple[int, Address, bytes]]
    down: Link[tuple[int, Address, bytes]]


@dataclass
class Track:
    """What a client publishes."""

    source: int  # id among all engines
    kind: int
    mid: str
    layers: list[Layer]
    index: int = -1  # in the peer


@dataclass
class Slot:
    """A place in a client's session."""

    number: int
    kind: int
    ssrc: int
    rtx_ssrc: int


@dataclass
class Client:
    """A load client, its networks and what the control plane knows of it."""

    name: str
    engine: int
    transport: int
    peer: Peer
    paths: list[Path]
    payloads: Payloads
    local_ufrag: str  # of the server's end
    local_password: str
    remote_ufrag: str
    remote_password: str
    keys: tuple[bytes, bytes, bytes, bytes]  # server's key and salt, client's key and salt
    socket: int = 0  # of its engine, that it reaches
    tracks: list[Track] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    events: list[tuple[int, Event]] = field(default_factory=list)
    keyed: bool = False
    silent: bool = False  # sends nothing more, and hears nothing
    open: bool = True

    def happened(self, kind: str) -> list[int]:
        """When events of a kind came."""
        return [at for at, event in self.events if event.type == kind]

    def received(self, slot: Slot) -> ReceiverStats:
        return self.peer.receiver_stats(slot.ssrc)

    def audio(self, number: int = 0) -> Track:
        return [track for track in self.tracks if track.kind == AUDIO][number]

    def video(self, number: int = 0) -> Track:
        return [track for track in self.tracks if track.kind == VIDEO][number]


class World:
    """Engines joined by one hand-off, clients behind links, and the clock. Use as a context: leaving it checks that every
    transport closes and every packet body comes home."""

    def __init__(
        self,
        seed: int,
        engines: int = 3,
        *,
        packets: int = 4096,
        pacing_bps: int = 20_000_000,
        max_transports: int = 64,
        ring_packets: int = 1024,
        ring_returns: int = 1024,
        ring_controls: int = 256,
        conditions: Conditions = GOOD,
        dtls_us: int = 30 * MS,
        turn_us: int = 0,
    ) -> None:
        self.random = random.Random(seed)
        self.now_us = START_US
        self.conditions = conditions
        self.dtls_us = dtls_us  # from the first check to keys on both sides
        self.turn_us = turn_us  # workers that are busy: engines read their sockets once in so long, and arrival is earlier
        self.links = Handoff(engines, packets=ring_packets, returns=ring_returns, controls=ring_controls)
        self.engines = [
            Engine(
                self.links,
                index=i,
                max_transports=max_transports,
                packets=packets,
                pacing_bps=pacing_bps,
                seed=(self.random.getrandbits(64), self.random.getrandbits(64)),
            )
            for i in range(engines)
        ]
        self.clients: list[Client] = []
        self.strays: list[tuple[int, int, Datagram]] = []  # sent to an address of no client
        self.on_sent: list[Callable[[int, int, Datagram], None]] = []  # (now, engine, datagram)
        self.on_arrival: list[Callable[[int, int, Address, bytes], None]] = []  # at an engine
        self.asleep: set[int] = set()  # engines that do not look at their rings: a worker that is late
        self._hash = hashlib.sha256()
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._timer_count = 0
        self._next_source = 1
        self._pending_handoff: set[int] = set()
        self._injected: dict[int, list[tuple[bytes, int, Address, int]]] = defaultdict(list)
        self._unread: dict[int, list[tuple[bytes, int, Address, int]]] = defaultdict(list)
        self._by_address: dict[Address, tuple[Client, Path]] = {}
        self._touched = set(range(engines))

    # ---- the control plane ----

    def server_address(self, engine: int) -> Address:
        return f"10.0.0.{engine + 1}", 4000 + engine

    def client(
        self,
        engine: int = 0,
        *,
        name: str = "",
        payloads: Payloads = CHROMIUM,
        up: Conditions | None = None,
        down: Conditions | None = None,
        observations: int = 0,
        extra: Collection[str] | Mapping[str, int] = (),
        socket: int = 0,
        **settings: Any,
    ) -> Client:
        """A client with one network and an open transport; keys follow its first check. `extra` names header extensions that
        it sends and takes, with ids of its own or those of EXTRA_IDS; `settings` are the peer's.
        """
        ids = extra if isinstance(extra, Mapping) else EXTRA_IDS
        extension_ids = EXTENSION_IDS | {kind: ids[kind] for kind in extra}
        send_extensions = (*SEND_EXTENSIONS, *extra)
        number = len(self.clients)
        taken = {client.transport for client in self.clients if client.engine == engine and client.open}
        transport = next(i for i in range(len(taken) + 1) if i not in taken)
        local_ufrag, remote_ufrag = self._text(8), self._text(8)
        local_password, remote_password = self._text(24), self._text(24)
        path = self._path(number, 0, up or self.conditions, down or self.conditions)
        peer = Peer(
            seed=self.random.getrandbits(64),
            local_ufrag=remote_ufrag,
            local_password=remote_password,
            remote_ufrag=local_ufrag,
            remote_password=local_password,
            server=self.server_address(engine),
            start_us=self.now_us,
            send_extensions=extension_ids,
            receive_extensions={kind: extension_ids[kind] for kind in send_extensions},
            observations=observations,
            **settings,
        )
        keys = (
            self.random.randbytes(16),
            self.random.randbytes(12),
            self.random.randbytes(16),
            self.random.randbytes(12),
        )
        client = Client(
            name=name or f"client{number}",
            engine=engine,
            transport=transport,
            peer=peer,
            paths=[path],
            payloads=payloads,
            local_ufrag=local_ufrag,
            local_password=local_password,
            remote_ufrag=remote_ufrag,
            remote_password=remote_password,
            keys=keys,
            socket=socket,
        )
        self.clients.append(client)
        self._by_address[path.address] = (client, path)
        self.engines[engine].transport_open(
            self.now_us, transport, local_ufrag, local_password, remote_ufrag, remote_password
        )
        self.engines[engine].transport_payloads(
            self.now_us,
            transport,
            [
                (payloads.opus, 0, OPUS, "opaque", 48000),
                (payloads.vp8, payloads.rtx, VP8, "vp8", 90000),
            ],
            extension_ids,
            send_extensions,
        )
        self._touch(engine)
        return client

    def publish_audio(self, client: Client, **settings: Any) -> Track:
        """A microphone; `settings` are the peer's."""
        track = self._track(client, AUDIO, 1)
        track.index = client.peer.add_audio(
            track.layers[0].ssrc,
            stream=track.layers[0].stream,
            mid=track.mid,
            payload_type=client.payloads.opus,
            **settings,
        )
        self._add_track(client, track, named=True)
        return track

    def publish_video(
        self,
        client: Client,
        *,
        layers: int = 1,
        bitrate_bps: int = 500_000,
        first_sequence: int | None = None,
        first_timestamp: int | None = None,
        named: bool = True,
        **settings: Any,
    ) -> Track:
        """A camera; `settings` are the peer's. Each further layer has twice the bit rate. Unless `named`, the engine is not told
        the SSRCs and learns them from mid and rid.
        """
        track = self._track(client, VIDEO, layers, bitrate_bps, first_sequence, first_timestamp)
        track.index = client.peer.add_video(
            track.layers,
            mid=track.mid,
            payload_type=client.payloads.vp8,
            rtx_payload_type=client.payloads.rtx,
            **settings,
        )
        self._add_track(client, track, named=named)
        return track

    def _track(
        self,
        client: Client,
        kind: int,
        layers: int,
        bitrate_bps: int = 0,
        first_sequence: int | None = None,
        first_timestamp: int | None = None,
    ) -> Track:
        source = self._next_source
        self._next_source += 1
        made = [
            Layer(
                ssrc=self._ssrc(),
                rtx_ssrc=self._ssrc() if kind == VIDEO else 0,
                stream=source * 10 + i,
                rid="lmh"[i] if layers > 1 else "",
                bitrate_bps=bitrate_bps << i,
                first_sequence=self.random.getrandbits(16) if first_sequence is None else first_sequence,
                first_timestamp=self.random.getrandbits(32) if first_timestamp is None else first_timestamp,
            )
            for i in range(layers)
        ]
        return Track(source, kind, f"{len(client.tracks)}", made)

    def _add_track(self, client: Client, track: Track, *, named: bool) -> None:
        self.engines[client.engine].track_add(
            self.now_us,
            client.transport,
            track.source,
            track.kind,
            track.mid,
            [layer.rid for layer in track.layers],
            [layer.ssrc for layer in track.layers] if named else (),
            [layer.rtx_ssrc for layer in track.layers] if named else (),
        )
        client.tracks.append(track)
        self._touch(client.engine)

    def unpublish(self, client: Client, track: Track) -> None:
        """Takes the track from the engine; the client goes on sending, as one that has not heard of it yet."""
        self.engines[client.engine].track_remove(self.now_us, client.transport, track.source)
        self._touch(client.engine)

    def slot(self, client: Client, kind: int) -> Slot:
        """Room for one more stream in a client's session."""
        slot = Slot(len(client.slots), kind, self._ssrc(), self._ssrc() if kind == VIDEO else 0)
        self.engines[client.engine].slot_add(
            self.now_us, client.transport, slot.number, kind, slot.ssrc, slot.rtx_ssrc, client.name
        )
        client.slots.append(slot)
        client.peer.expect_stream(
            slot.ssrc,
            video=kind == VIDEO,
            payload_type=client.payloads.vp8 if kind == VIDEO else client.payloads.opus,
            rtx_ssrc=slot.rtx_ssrc,
            rtx_payload_type=client.payloads.rtx if kind == VIDEO else 0,
        )
        self._touch(client.engine)
        return slot

    def fill(self, receiver: Client, slot: Slot, publisher: Client, track: Track, layer: int = 0) -> None:
        """Shows a track in a slot, in that layer or the highest below it that is sent."""
        self.engines[receiver.engine].slot_source(
            self.now_us, receiver.transport, slot.number, track.source, publisher.engine, layer
        )
        self._touch(receiver.engine)

    def fill_early(self, receiver: Client, slot: Slot, home: int, source: int = 0) -> None:
        """Shows a source that its engine may not know yet: the next one that is published, unless one is named."""
        self.engines[receiver.engine].slot_source(
            self.now_us, receiver.transport, slot.number, source or self._next_source, home, 0
        )
        self._touch(receiver.engine)

    def skip_source(self) -> None:
        """The next source is never published: its engine refuses it, or its client leaves at once."""
        self._next_source += 1

    def empty(self, receiver: Client, slot: Slot) -> None:
        self.engines[receiver.engine].slot_source(self.now_us, receiver.transport, slot.number, 0)
        self._touch(receiver.engine)

    def subscribe(self, receiver: Client, publisher: Client, track: Track, layer: int = 0) -> Slot:
        """A new slot that shows a layer of a track."""
        slot = self.slot(receiver, track.kind)
        self.fill(receiver, slot, publisher, track, layer)
        return slot

    def client_at(self, address: Address) -> Client | None:
        """Whose address it is."""
        found = self._by_address.get(address)
        return found[0] if found else None

    def restart_ice(self, client: Client) -> None:
        """New credentials for both ends. The peer knows nothing of it: tests send checks with the new ones themselves."""
        client.local_ufrag, client.remote_ufrag = self._text(8), self._text(8)
        client.local_password, client.remote_password = self._text(24), self._text(24)
        self.engines[client.engine].transport_restart(
            self.now_us,
            client.transport,
            client.local_ufrag,
            client.local_password,
            client.remote_ufrag,
            client.remote_password,
        )
        self._touch(client.engine)

    def move(self, client: Client, *, up: Conditions | None = None, down: Conditions | None = None) -> Path:
        """The client changes to another network."""
        path = self._path(
            self.clients.index(client), len(client.paths), up or self.conditions, down or self.conditions
        )
        client.paths.append(path)
        self._by_address[path.address] = (client, path)
        client.peer.set_path(self.now_us, len(client.paths) - 1, self.server_address(client.engine))
        return path

    def close(self, client: Client) -> None:
        """Closes the transport; the client falls silent."""
        client.silent = True
        self.engines[client.engine].transport_close(self.now_us, client.transport)
        self._touch(client.engine)

    def secure(self, client: Client) -> None:
        """What DTLS ends with: keys on both sides."""
        server_key, server_salt, client_key, client_salt = client.keys
        client.keyed = True
        self.engines[client.engine].transport_keys(
            self.now_us,
            client.transport,
            AEAD_AES_128_GCM,
            server_key,
            server_salt,
            client_key,
            client_salt,
        )
        client.peer.set_keys(AEAD_AES_128_GCM, client_key, client_salt, server_key, server_salt)
        self._touch(client.engine)

    # ---- time ----

    def at(self, when_us: int, action: Callable[[], None]) -> None:
        """Has something done at a moment of the virtual clock."""
        self._timer_count += 1
        heapq.heappush(self._timers, (max(when_us, self.now_us), self._timer_count, action))

    def after(self, delay_us: int, action: Callable[[], None]) -> None:
        self.at(self.now_us + delay_us, action)

    def run_for(self, duration_us: int) -> None:
        """Lets virtual time pass."""
        end_us = self.now_us + duration_us
        while (deadline := self.next_deadline_us()) <= end_us:
            self._step(deadline)
        self.now_us = end_us

    def run_until(self, predicate: Callable[[], bool], limit_us: int = 10 * SECOND) -> int:
        """Runs to the first instant at which the predicate holds and returns it; fails at the limit."""
        end_us = self.now_us + limit_us
        while not predicate():
            deadline = self.next_deadline_us()
            assert deadline <= end_us, f"not within {limit_us} µs of virtual time"
            self._step(deadline)
        return self.now_us

    def run_until_shows(self, receiver: Client, slot: Slot, track: Track, layer: int = 0) -> int:
        """Runs until the receiver has decoded a frame of that layer in the slot."""
        return self.run_until(lambda: receiver.received(slot)["stream"] == track.layers[layer].stream)

    def next_deadline_us(self) -> int:
        """When something happens next."""
        if self._touched or self._injected:
            return self.now_us
        deadline = self._timers[0][0] if self._timers else NEVER
        if self._unread:
            deadline = min(deadline, self.now_us - self.now_us % self.turn_us + self.turn_us)
        for engine in self.engines:
            deadline = min(deadline, engine.next_deadline_us())
        for client in self.clients:
            if not client.silent:
                deadline = min(deadline, client.peer.next_deadline_us())
            for path in client.paths:
                deadline = min(deadline, path.up.next_deadline_us(), path.down.next_deadline_us())
        return max(deadline, self.now_us)

    def inject(self, engine: int, data: bytes, remote: Address, local: int = 0) -> None:
        """A datagram that reaches an engine at the next instant, from wherever its sender says."""
        self._injected[engine].append((data, local, remote, self.now_us))

    def wake(self, engine: int) -> None:
        """Ends the sleep of an engine."""
        self.asleep.discard(engine)
        self._pending_handoff.add(engine)
        self._touch(engine)

    def trace(self) -> str:
        """A hash of every datagram that arrived anywhere, with its time."""
        return self._hash.hexdigest()

    # ---- leaving ----

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self._tear_down()

    def _tear_down(self) -> None:
        """Lets the engines go in the order that they need."""
        for engine in self.engines:
            engine.shut_down(self.now_us)
        for _ in range(8):
            for engine in self.engines:
                engine.on_handoff(self.now_us)

    def finish(self) -> None:
        """Closes all transports and checks that the engines hold nothing any longer."""
        for engine in list(self.asleep):
            self.wake(engine)
        for client in self.clients:
            if client.open and not client.happened("closed"):
                self.close(client)
        self.run_for(3 * SECOND)
        for index, closed in enumerate(self.engines):
            stats = closed.stats()
            assert stats["transports"] == 0, f"engine {index} still has transports"
            assert stats["departures_queued"] == 0, f"engine {index} still has departures"
            missing = stats["packets_total"] - stats["packets_free"]
            assert missing == 0, f"{missing} packet bodies of engine {index} did not come home"
        for client in self.clients:
            assert not client.open, f"{client.name}: no event told that its transport is closed"

    # ---- the loop ----

    def _step(self, now_us: int) -> None:
        assert now_us >= self.now_us, "time went backwards"
        self.now_us = now_us
        for _ in range(MAX_ROUNDS):
            if not self._round():
                return
        raise AssertionError(f"the same instant never ends: {self._why_busy()}")

    def _round(self) -> bool:
        """One pass over all that is due now. False when nothing was."""
        busy = False
        while self._timers and self._timers[0][0] <= self.now_us:
            heapq.heappop(self._timers)[2]()
            busy = True
        busy |= self._deliver()
        busy |= self._hand_over()
        for index, engine in enumerate(self.engines):
            if index in self._touched or engine.next_deadline_us() <= self.now_us:
                self._touched.discard(index)
                self._flush_engine(index)
                busy = True
        for client in self.clients:
            if not client.silent and client.peer.next_deadline_us() <= self.now_us:
                self._flush_client(client)
                busy = True
        return busy

    def _why_busy(self) -> str:
        engines = [i for i, engine in enumerate(self.engines) if engine.next_deadline_us() <= self.now_us]
        peers = [c.name for c in self.clients if not c.silent and c.peer.next_deadline_us() <= self.now_us]
        return f"engines {engines} and peers {peers} have a deadline that does not pass"

    def _deliver(self) -> bool:
        """What the links have for this instant: one batch for each engine, one after another for the clients."""
        batches = self._injected
        self._injected = defaultdict(list)
        heard = False
        for client in self.clients:
            for path in client.paths:
                for local, remote, data in path.up.receive(self.now_us):
                    batches[client.engine].append((data, local, remote, self.now_us))
                for local, remote, data in path.down.receive(self.now_us):
                    if not client.silent:
                        self._note(b"client", data)
                        client.peer.on_datagram(self.now_us, local, remote, data)
                        heard = True
        for index, batch in sorted(batches.items()):
            for data, _, remote, _ in batch:
                self._note(b"engine", data)
                for listener in self.on_arrival:
                    listener(self.now_us, index, remote, data)
            self._unread[index] += batch
        read = self._read_sockets()
        if heard:
            for client in self.clients:
                if not client.silent and client.peer.next_deadline_us() <= self.now_us:
                    self._flush_client(client)
        return heard or read or bool(batches)

    def _read_sockets(self) -> bool:
        """Gives the engines what their sockets hold, if it is their turn."""
        if not self._unread or (self.turn_us and self.now_us % self.turn_us):
            return False
        unread, self._unread = self._unread, defaultdict(list)
        for index, batch in sorted(unread.items()):
            self.engines[index].on_datagrams(self.now_us, batch)
            self._touched.add(index)
        return True

    def _hand_over(self) -> bool:
        """Wakes the engines into whose rings something was put."""
        due = self._pending_handoff - self.asleep
        self._pending_handoff -= due
        for index in sorted(due):
            self.engines[index].on_handoff(self.now_us)
            self._touched.add(index)
        return bool(due)

    def _flush_engine(self, index: int) -> None:
        engine = self.engines[index]
        while datagrams := engine.poll(self.now_us):
            for datagram in datagrams:
                for listener in self.on_sent:
                    listener(self.now_us, index, datagram)
                found = self._by_address.get(datagram.remote)
                if found is None:
                    self.strays.append((self.now_us, index, datagram))
                    continue
                client, path = found
                local = client.paths.index(path)
                path.down.send(
                    self.now_us, (local, self.server_address(index), datagram.data), len(datagram.data)
                )
        self._pending_handoff |= set(engine.take_wakeups())
        for event in engine.next_events():
            self._on_event(index, event)

    def _flush_client(self, client: Client) -> None:
        for local, remote, data in client.peer.poll(self.now_us):
            assert remote == self.server_address(client.engine)
            path = client.paths[local]
            path.up.send(self.now_us, (client.socket, path.address, data), len(data))

    def _on_event(self, index: int, event: Event) -> None:
        client = next(
            c for c in self.clients if c.engine == index and c.transport == event.transport and c.open
        )
        client.events.append((self.now_us, event))
        if event.type == "connected" and not client.keyed:
            client.keyed = True
            self.after(self.dtls_us, lambda: self._secure_if_open(client))
        elif event.type == "closed":
            client.open = False

    def _secure_if_open(self, client: Client) -> None:
        if client.open and not client.silent:
            self.secure(client)

    # ---- pieces ----

    def _touch(self, engine: int) -> None:
        self._touched.add(engine)

    def _note(self, who: bytes, data: bytes) -> None:
        self._hash.update(b"%s %d %d " % (who, self.now_us, len(data)))
        self._hash.update(data)

    def _text(self, length: int) -> str:
        return "".join(
            self.random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=length)
        )

    def _ssrc(self) -> int:
        return self.random.randrange(1, 1 << 32)

    def _path(self, number: int, network: int, up: Conditions, down: Conditions) -> Path:
        address = (f"198.{18 + network}.{number // 250}.{number % 250 + 1}", 50_000 + number)
        return Path(address, Link(self.random.getrandbits(64), up), Link(self.random.getrandbits(64), down))
