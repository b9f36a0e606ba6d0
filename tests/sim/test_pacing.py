"""Sending at a fixed rate: bursts are spread, audio does not wait, runs are bounded, receivers take turns."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import pytest

from sfu._testing.engine import MAX_RUN, MAX_RUN_BYTES, TURN_PACKETS
from sfu.media.trace import records
from tests.sim.checks import Rtp, Tap, assert_no_faults, assert_whole
from tests.sim.clockwork import MS, SECOND
from tests.sim.world import World

BURST_US = 5 * MS


def messages(sent: list[Rtp]) -> list[list[Rtp]]:
    """The runs: datagrams of one message, in order."""
    groups = itertools.groupby(sent, key=lambda p: (p.at_us, p.engine, p.datagram.message, p.datagram.remote))
    runs = [list(group) for _, group in groups]
    split = []
    for run in runs:  # a message of the next poll at the same instant has the same key
        for packet in run:
            if packet.datagram.segment == 0:
                split.append([packet])
            else:
                split[-1].append(packet)
    return split


def test_a_key_frame_is_spread_and_audio_passes_it() -> None:
    rate_bps = 2_000_000
    with World(1, engines=1, pacing_bps=rate_bps) as world:
        publisher, receiver = world.client(), world.client()
        camera = world.publish_video(publisher, bitrate_bps=800_000, key_size_percent=2000, key_interval=60)
        video = world.subscribe(receiver, publisher, camera)
        audio = world.subscribe(receiver, publisher, world.publish_audio(publisher))
        tap = Tap(world)
        world.run_for(10 * SECOND)
        assert_whole(receiver, video, frames=280)
        assert_whole(receiver, audio, frames=480)
        # A key frame of 67 kB takes 270 ms at this rate.
        assert receiver.received(video)["longest_delay_us"] > 200 * MS
        assert receiver.received(audio)["longest_delay_us"] <= 2 * world.conditions.delay_us + MS
        sent = tap.rtp(video.ssrc)
        burst = rate_bps // 8 * BURST_US // SECOND
        for window_us in (20 * MS, 100 * MS):
            for start in range(0, len(sent), 7):
                inside = [p for p in sent[start : start + 200] if p.at_us < sent[start].at_us + window_us]
                total = sum(len(p.datagram.data) for p in inside)
                assert total <= rate_bps // 8 * window_us // SECOND + burst + 1232


@pytest.mark.parametrize("rate_bps", [1_000_000, 10_000_000, 100_000_000, 1_000_000_000])
def test_runs_are_bounded(rate_bps: int) -> None:
    with World(2, engines=1, pacing_bps=rate_bps, packets=16384) as world:
        publisher, receiver = world.client(), world.client()
        bitrate = min(rate_bps // 3, 50_000_000)
        camera = world.publish_video(publisher, bitrate_bps=bitrate, key_size_percent=200)
        slot = world.subscribe(receiver, publisher, camera)
        tap = Tap(world)
        world.run_for(2 * SECOND)
        assert_no_faults(receiver, slot)
        assert receiver.received(slot)["frames_decoded"] > 50
        runs = messages(tap.rtp())
        limit = max(rate_bps // 8 * BURST_US // SECOND, 1280) + 1232
        for run in runs:
            sizes = [len(p.datagram.data) for p in run]
            assert len(run) == run[0].datagram.segments <= MAX_RUN
            assert sum(sizes) <= min(MAX_RUN_BYTES, limit)
            # What UDP_SEGMENT can cut: equal sizes, the last may be shorter.
            assert set(sizes[:-1]) <= {sizes[0]}
            assert sizes[-1] <= sizes[0]
            assert max(sizes) <= 1232
        if rate_bps >= 100_000_000:
            assert max(map(len, runs)) == min(
                MAX_RUN, MAX_RUN_BYTES // max(len(p.datagram.data) for p in runs[-1])
            )
        stats = world.engines[0].stats()
        assert stats["messages_sent"] == len(runs) == sum(stats["run_lengths"])
        assert stats["packets_sent"] == sum(map(len, runs))
        assert stats["bytes_sent"] == sum(len(p.datagram.data) for run in runs for p in run)
        bounds = [1, 2, 4, 8, 16, 32, 64]
        counted = Counter(next(i for i, most in enumerate(bounds) if len(run) <= most) for run in runs)
        assert stats["run_lengths"] == [counted[i] for i in range(7)]


def test_a_queue_that_passes_its_bound_is_flushed_and_a_key_frame_asked_for() -> None:
    with World(3, engines=1, pacing_bps=400_000) as world:
        publisher, slow, quick = world.client(), world.client(), world.client()
        camera = world.publish_video(publisher, bitrate_bps=1_000_000, key_size_percent=200)
        video = world.subscribe(slow, publisher, camera)
        audio = world.subscribe(slow, publisher, world.publish_audio(publisher))
        world.engines[0].transport_pacing(world.now_us, quick.transport, 20_000_000)
        whole = world.subscribe(quick, publisher, camera)
        longest = 0
        for _ in range(1000):
            world.run_for(10 * MS)
            longest = max(longest, world.engines[0].transport_stats(slow.transport)["queue_bytes"])
        assert world.engines[0].stats()["queue_flushed"] > 3
        assert publisher.peer.sender_stats(camera.layers[0].ssrc)["key_frame_requests"] > 3
        assert longest <= 400_000 // 8 + 1300, "what the rate sends in a second"
        assert_no_faults(slow, video)
        received = slow.received(video)
        assert received["missing"] == 0, "numbers that were not sent are taken back"
        assert received["frames_decoded"] > 50
        assert received["decoded_us"] > world.now_us - SECOND
        assert slow.received(audio)["longest_delay_us"] <= 2 * world.conditions.delay_us + MS
        assert_whole(slow, audio, frames=480)
        assert_whole(quick, whole, frames=280)


def test_receivers_take_turns() -> None:
    """Work of one turn is bounded, so that with many receivers some are last; not always the same."""
    with World(4, engines=1, packets=16384, pacing_bps=200_000_000, max_transports=128) as world:
        publisher = world.client()
        camera = world.publish_video(publisher, bitrate_bps=2_000_000)
        receivers = [world.client() for _ in range(60)]
        slots = [world.subscribe(r, publisher, camera) for r in receivers]
        tap = Tap(world)
        world.run_for(4 * SECOND)
        for receiver, slot in zip(receivers, slots, strict=True):
            assert_whole(receiver, slot, frames=110)
        turns = defaultdict(list)
        for packet in tap.rtp():
            turns[packet.at_us].append(packet.ssrc)
        first = Counter(ssrcs[0] for ssrcs in turns.values() if len(set(ssrcs)) == len(receivers))
        last = Counter(ssrcs[-1] for ssrcs in turns.values() if len(set(ssrcs)) == len(receivers))
        assert first.total() > 100
        for counted in (first, last):
            assert len(counted) > 10
            assert max(counted.values()) < counted.total() / 4


def test_work_in_one_turn_is_bounded() -> None:
    with World(5, engines=1, packets=16384, pacing_bps=1_000_000_000, max_transports=128) as world:
        publisher = world.client()
        camera = world.publish_video(publisher, bitrate_bps=10_000_000)
        for _ in range(40):
            world.subscribe(world.client(), publisher, camera)
        engine = world.engines[0]
        most = 0
        poll = engine.poll
        sizes: list[int] = []

        class Watched:
            """The engine, with an eye on how much one poll makes."""

            def __getattr__(self, name: str) -> object:
                return getattr(engine, name)

            def poll(self, now_us: int) -> object:
                made = poll(now_us)
                sizes.append(sum(128 <= d.data[0] <= 191 for d in made))
                return made

        world.engines[0] = Watched()  # type: ignore[call-overload]
        world.run_for(SECOND)
        world.engines[0] = engine
        most = max(sizes)
        assert TURN_PACKETS / 2 < most <= TURN_PACKETS + 64, "and the RTCP beside them"


def test_audio_goes_before_video_that_waits() -> None:
    with World(6, engines=1, pacing_bps=700_000) as world:
        publisher, receiver = world.client(), world.client()
        video = world.subscribe(receiver, publisher, world.publish_video(publisher, key_size_percent=1000))
        audio = world.subscribe(receiver, publisher, world.publish_audio(publisher))
        tap = Tap(world)
        world.run_for(3 * SECOND)
        at_once = defaultdict(list)
        for packet in tap.rtp(video.ssrc, audio.ssrc):
            at_once[packet.at_us].append(packet.ssrc)
        mixed = [ssrcs for ssrcs in at_once.values() if len(set(ssrcs)) == 2]
        for ssrcs in mixed:
            assert ssrcs[: ssrcs.count(audio.ssrc)] == [audio.ssrc] * ssrcs.count(audio.ssrc)
        assert receiver.received(audio)["longest_delay_us"] <= 2 * world.conditions.delay_us + MS


def test_the_rate_may_change_on_the_way() -> None:
    with World(7, engines=1, pacing_bps=5_000_000) as world:
        publisher, receiver = world.client(), world.client()
        slot = world.subscribe(receiver, publisher, world.publish_video(publisher, bitrate_bps=1_000_000))
        for rate_bps in (1_500_000, 50_000_000, 1_200_000, 5_000_000):
            world.run_for(SECOND)
            world.engines[0].transport_pacing(world.now_us, receiver.transport, rate_bps)
        world.run_for(SECOND)
        assert_whole(receiver, slot, frames=140)


def test_what_the_kernel_refuses_is_charged_to_its_receiver() -> None:
    """It has been paid for, and another's budget and count are as they were."""
    with World(8, engines=1) as world:
        one, other = world.client(), world.client()
        world.run_for(SECOND)
        engine = world.engines[0]
        engine.transport_trace(world.now_us, one.transport, "events")
        engine.on_refused(world.now_us, one.transport, 12, 101)
        engine.on_refused(world.now_us, one.transport, 1, 90)
        refused = [engine.transport_stats(client.transport)["send_refused"] for client in (one, other)]
        assert refused == [13, 0]
        traced = engine.next_trace()
        assert traced is not None
        told = [(r.number, r.id) for r in records(traced[1]) if r.what == "send_refused"]
        assert told == [(12, 101), (1, 90)]
        world.close(one)
        world.run_for(MS)
        engine.on_refused(world.now_us, one.transport, 1, 101)  # it had waited for a full socket
