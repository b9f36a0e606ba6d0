"""Several engines and their clients in one thread, in virtual time, from one seed: any run replays to the byte.

The world is what surrounds them: the clock and the links (`Clockwork`), and the control plane's part: transports, keys after a
check, tracks and slots.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from typing import Any, Self

from sfu._testing.engine import AUDIO, VIDEO, Engine, Event, Handoff
from sfu._testing.peer import Layer, Peer
from tests.sim.client import CHROMIUM, Client, Path, Payloads, Slot, Track
from tests.sim.clockwork import MS, SECOND, Clockwork, server_address
from tests.sim.netem import Conditions, Link

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

GOOD = Conditions(delay_us=10 * MS)


class World(Clockwork):
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
        self.conditions = conditions
        self.dtls_us = dtls_us  # from the first check to keys on both sides
        self.links = Handoff(engines, packets=ring_packets, returns=ring_returns, controls=ring_controls)
        made = [
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
        super().__init__(made, turn_us)
        self._next_source = 1

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
            server=server_address(engine),
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
        self.add_path(client, path)
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
        self.touch(engine)
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
        self.touch(client.engine)

    def unpublish(self, client: Client, track: Track) -> None:
        """Takes the track from the engine; the client goes on sending, as one that has not heard of it yet."""
        self.engines[client.engine].track_remove(self.now_us, client.transport, track.source)
        self.touch(client.engine)

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
        self.touch(client.engine)
        return slot

    def fill(self, receiver: Client, slot: Slot, publisher: Client, track: Track, layer: int = 0) -> None:
        """Shows a track in a slot, in that layer or the highest below it that is sent."""
        self.engines[receiver.engine].slot_source(
            self.now_us, receiver.transport, slot.number, track.source, publisher.engine, layer
        )
        self.touch(receiver.engine)

    def fill_early(self, receiver: Client, slot: Slot, home: int, source: int = 0) -> None:
        """Shows a source that its engine may not know yet: the next one that is published, unless one is named."""
        self.engines[receiver.engine].slot_source(
            self.now_us, receiver.transport, slot.number, source or self._next_source, home, 0
        )
        self.touch(receiver.engine)

    def skip_source(self) -> None:
        """The next source is never published: its engine refuses it, or its client leaves at once."""
        self._next_source += 1

    def empty(self, receiver: Client, slot: Slot) -> None:
        self.engines[receiver.engine].slot_source(self.now_us, receiver.transport, slot.number, 0)
        self.touch(receiver.engine)

    def subscribe(self, receiver: Client, publisher: Client, track: Track, layer: int = 0) -> Slot:
        """A new slot that shows a layer of a track."""
        slot = self.slot(receiver, track.kind)
        self.fill(receiver, slot, publisher, track, layer)
        return slot

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
        self.touch(client.engine)

    def move(self, client: Client, *, up: Conditions | None = None, down: Conditions | None = None) -> Path:
        """The client changes to another network."""
        path = self._path(
            self.clients.index(client), len(client.paths), up or self.conditions, down or self.conditions
        )
        client.paths.append(path)
        self.add_path(client, path)
        client.peer.set_path(self.now_us, len(client.paths) - 1, server_address(client.engine))
        return path

    def close(self, client: Client) -> None:
        """Closes the transport; the client falls silent."""
        client.silent = True
        self.engines[client.engine].transport_close(self.now_us, client.transport)
        self.touch(client.engine)

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
        self.touch(client.engine)

    def _happened(self, client: Client, event: Event) -> None:
        if event.type == "connected" and not client.keyed:  # its first check has come through: DTLS begins
            client.keyed = True
            self.after(self.dtls_us, lambda: self._secure_if_open(client))

    def _secure_if_open(self, client: Client) -> None:
        if client.open and not client.silent:
            self.secure(client)

    def run_until_shows(self, receiver: Client, slot: Slot, track: Track, layer: int = 0) -> int:
        """Runs until the receiver has decoded a frame of that layer in the slot."""
        return self.run_until(lambda: receiver.received(slot)["stream"] == track.layers[layer].stream)

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

    def _text(self, length: int) -> str:
        return "".join(
            self.random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=length)
        )

    def _ssrc(self) -> int:
        return self.random.randrange(1, 1 << 32)

    def _path(self, number: int, network: int, up: Conditions, down: Conditions) -> Path:
        address = (f"198.{18 + network}.{number // 250}.{number % 250 + 1}", 50_000 + number)
        return Path(address, Link(self.random.getrandbits(64), up), Link(self.random.getrandbits(64), down))
