"""The Python client through the real server, end-to-end encrypted."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from aiortc import rtcrtpreceiver, rtcrtpsender

from sfu.client import adapter, events
from sfu.client.conference import Conference
from sfu.client.envelope import Codec
from sfu.client.frames import Count, FrameOpener, Opened
from sfu.client.keys import LinkKeys, RoomKeys, Source
from sfu.client.people import Person
from sfu.client.record import Recorder
from sfu.client.sealed import MessageCount
from sfu.client.session import Told
from sfu.client.tracks import TestPattern, Tone, identity_of
from sfu.e2ee.link import Link
from sfu.errors import LocalError
from sfu.signaling.messages import SlotInfo, Slots
from tests.e2e.command import commands
from tests.e2e.listening import PATIENCE_S, Diary, cut, heard, loudest, samples, seen, somebody, until
from tests.e2e.server import Server, serving
from tests.e2e.tap import opus_frames, pcap_packets, vp8_frames
from tests.e2e.udp_proxy import lossy

SETTINGS = """
[http]
port = 0
[media]
addresses = ["127.0.0.1"]
workers = 2
fill = 1
packets = 8192
[trace]
enabled = true
[server]
drain_s = 1
"""
SLOTS = 4
FRAME_MS = 1000 / 30


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, SETTINGS) as running:
        yield running


@pytest.fixture
def link(server: Server) -> Link:
    return Link.make(server.url + "/")


async def _publish(conference: Conference, identity: int, hertz: float) -> None:
    await conference.publish(TestPattern(identity))
    await conference.publish(Tone(hertz))


async def test_two_see_and_hear_each_other(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        pytest.fail("aiortc encodes or decodes by itself: then frames go in clear")

    monkeypatch.setattr(rtcrtpsender, "get_encoder", refuse)
    monkeypatch.setattr(rtcrtpreceiver, "get_decoder", refuse)
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        await _publish(ana, 3, 440)
        await _publish(bob, 11, 880)
        ana_seen, bob_seen = await somebody(bob, "Ana"), await somebody(ana, "Bob")
        assert await seen(bob, ana_seen) == [3] * 10
        assert await seen(ana, bob_seen) == [11] * 10
        assert await heard(bob, ana_seen) == pytest.approx(440, abs=10)
        assert await heard(ana, bob_seen) == pytest.approx(880, abs=10)
        assert ana_seen.heard
        assert ana.counts == bob.counts == {}


async def test_who_joins_late_has_a_picture_and_who_leaves_is_gone(link: Link) -> None:
    async with Conference.join(link, name="Ana", slots=SLOTS) as ana:
        await _publish(ana, 5, 440)
        async with Conference.join(link, name="Bob", slots=SLOTS) as bob:
            await bob.publish(TestPattern(1))
            assert await seen(bob, await somebody(bob, "Ana"), 3) == [5] * 3
            watching = asyncio.create_task(_watch(ana, await somebody(ana, "Bob")))
            listening = asyncio.create_task(bob.chat.receive())
        # Who watched or listened is not left waiting.
        async with asyncio.timeout(PATIENCE_S):
            await watching
            with pytest.raises(LocalError, match="is over"):
                await listening
        async with Conference.join(link, name="Cyd", slots=SLOTS) as cyd:
            assert await seen(cyd, await somebody(cyd, "Ana"), 3) == [5] * 3
            assert [person.name for person in cyd.people] == ["Ana"]
        await until(lambda: not ana.people, lambda: ana.people)


async def _watch(conference: Conference, person: Person) -> None:
    async for _ in conference.frames(person, Source.CAMERA):
        pass


async def test_wrong_secret_shows_nothing_and_says_why(link: Link) -> None:
    wrong = Conference.join(Link.make(link.page), name="Eve", slots=SLOTS)
    wrong._room = link.room_id  # by its own secret it would be another one
    async with Conference.join(link, name="Ana", slots=SLOTS) as ana, wrong as eve:
        diary, frames = Diary(eve), list[object]()
        eve.add_sink(lambda _, opened: frames.append(opened))
        await _publish(ana, 3, 440)
        await ana.chat.send("not for Eve")
        await until(
            lambda: bool(diary.of(events.NoKey)) and bool(diary.of(events.Unreadable)), lambda: diary.events
        )
        assert eve.people == ()
        assert frames == []
        assert not eve.chat.lines
        assert eve.counts[Count.NO_KEY] > 0
        assert eve.counts[MessageCount.FORGED] >= 2
        assert set(eve.counts) == {Count.NO_KEY, MessageCount.FORGED}
        # And the other way round: what Eve says is nobody's.
        assert ana.people == ()
    await diary.close()


async def test_chat_comes_in_order_once_over_a_cut_connection(link: Link) -> None:
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        await somebody(bob, "Ana")
        for number in range(5):
            await ana.chat.send(f"line {number}")
        cut(ana)
        cut(bob)
        for number in range(5, 15):
            await ana.chat.send(f"line {number}")
        async with asyncio.timeout(PATIENCE_S):
            lines = [await bob.chat.receive() for _ in range(15)]
        assert [line.text for line in lines] == [f"line {number}" for number in range(15)]
        assert not any(line.missing for line in lines)
        assert {line.sender for line in lines} == {ana.sender}
        await bob.chat.send("and back")
        async with asyncio.timeout(PATIENCE_S):
            assert (await ana.chat.receive()).text == "and back"


async def test_media_flows_on_while_signalling_resumes(link: Link) -> None:
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        diary = Diary(bob)
        await _publish(ana, 6, 440)
        person = await somebody(bob, "Ana")
        await seen(bob, person, 3)
        cut(bob)
        assert await seen(bob, person, 15) == [6] * 15
        await ana.set_name("Anna")
        await until(lambda: person.name == "Anna", lambda: person)
        assert not diary.of(events.Interrupted)
        assert not diary.of(events.Left)
    await diary.close()


async def test_session_that_is_gone_is_joined_anew_and_all_goes_on(link: Link) -> None:
    """The server knows Bob's session no more: he joins again as the same sender, with the same sources. For a while there
    are two participants who are him; the last one counts.
    """
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        of_ana, of_bob = Diary(ana), Diary(bob)
        await ana.publish(TestPattern(6))
        await bob.publish(TestPattern(9))
        ana_seen, bob_seen = await somebody(bob, "Ana"), await somebody(ana, "Bob")
        await asyncio.gather(seen(bob, ana_seen, 3), seen(ana, bob_seen, 3))
        sources, participant = bob_seen.profile.sources, bob.participant
        bob._signaling._session._token = "of nobody"  # noqa: S105
        cut(bob)
        await until(lambda: bool(of_bob.of(events.Interrupted)), lambda: of_bob.events)
        assert bob.participant != participant
        await until(lambda: bob_seen.participant == bob.participant, lambda: bob_seen)
        assert bob_seen.profile.sources == sources
        assert bob.people == (ana_seen,)
        assert ana.people == (bob_seen,)
        assert await seen(bob, ana_seen, 10) == [6] * 10
        assert await seen(ana, bob_seen, 10) == [9] * 10
        assert not of_bob.of(events.Left)
        assert not of_ana.of(events.Left)
    await of_ana.close()
    await of_bob.close()


async def test_lost_transport_is_replaced(link: Link) -> None:
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        await ana.publish(TestPattern(6))
        await bob.publish(TestPattern(9))
        ana_seen, bob_seen = await somebody(bob, "Ana"), await somebody(ana, "Bob")
        await asyncio.gather(seen(bob, ana_seen, 3), seen(ana, bob_seen, 3))
        before = bob._media.transport
        assert before is not None
        # What a network that has changed does to it, seen from below.
        await before._slots[0].transport.transport.stop()
        await until(lambda: bob._media.transport not in {before, None}, lambda: bob._media.transport)
        assert await seen(bob, ana_seen, 10) == [6] * 10
        assert await seen(ana, bob_seen, 10) == [9] * 10
        assert bob_seen.sender == bob.sender
        assert bob.counts == {}


async def test_server_that_lost_its_side_is_offered_another_connection(link: Link) -> None:
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        await bob.publish(TestPattern(9))
        person = await somebody(ana, "Bob")
        await seen(ana, person, 3)
        before = bob._media.transport
        assert before is not None
        before.number = 99  # the answer will be of another
        await bob.publish(Tone(500))
        await until(lambda: bob._media.transport not in {before, None}, lambda: bob._media.transport)
        assert await seen(ana, person, 10) == [9] * 10
        assert await heard(ana, person) == pytest.approx(500, abs=10)
        assert ana.counts == {}


async def test_mute_is_seen_and_nothing_is_sent(link: Link) -> None:
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        await _publish(ana, 3, 440)
        person = await somebody(bob, "Ana")
        await heard(bob, person, 15)
        frames = dict.fromkeys(Source, 0)

        def count(_: Person, opened: Opened) -> None:
            frames[opened.source] += 1

        await ana.mute(Source.MICROPHONE)
        await until(lambda: _muted(person) == {Source.MICROPHONE}, lambda: person)
        await seen(bob, person, 5)  # what was on its way is through
        bob.add_sink(count)
        await seen(bob, person, 20)
        assert frames[Source.MICROPHONE] == 0
        assert frames[Source.CAMERA] > 0
        kids = {state.source: state.kid for state in person.profile.sources}
        await ana.mute(Source.MICROPHONE, muted=False)
        await heard(bob, person, 15)
        assert _muted(person) == set()
        assert {state.source: state.kid for state in person.profile.sources} == kids
        # The counter went on: nothing was taken for a replay.
        assert bob.counts == {}


def _muted(person: Person) -> set[Source]:
    return {state.source for state in person.profile.sources if state.muted}


async def test_another_track_of_a_source_keeps_its_key_and_counter(link: Link) -> None:
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        await ana.publish(TestPattern(3))
        person = await somebody(bob, "Ana")
        await seen(bob, person, 5)
        (before,) = person.profile.sources
        await ana.publish(TestPattern(12))
        await until(lambda: person.profile.n > 2, lambda: person)

        async def shown() -> None:
            while (await seen(bob, person, 1)) != [12]:
                pass

        async with asyncio.timeout(PATIENCE_S):
            await shown()
        assert person.profile.sources == (before,)
        assert bob.counts == {}


async def test_server_that_lies_about_a_slot_puts_no_face_under_another_name(link: Link) -> None:
    """What a lying server would say is said to Bob's client by the test, all the time."""
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Cyd", slots=SLOTS) as cyd,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        diary = Diary(bob)
        await ana.publish(TestPattern(3))
        ana_seen, cyd_seen = await somebody(bob, "Ana"), await somebody(bob, "Cyd")
        await seen(bob, ana_seen, 3)
        named: set[tuple[str, int]] = set()

        def lie(person: Person, opened: Opened) -> None:
            named.add((person.name, opened.kid))
            slots = [SlotInfo(slot=slot, participant=cyd.participant, track=1) for slot in range(2 * SLOTS)]
            bob._on_happening(Told(Slots(slots=slots)))

        bob.add_sink(lie)
        await until(lambda: bool(diary.of(events.WrongSender)), lambda: diary.events)
        assert await seen(bob, ana_seen, 5) == [3] * 5
        assert not cyd_seen.heard
        assert named == {("Ana", ana_seen.profile.sources[0].kid)}
        told = diary.of(events.WrongSender)
        assert [event.person for event in told if isinstance(event, events.WrongSender)] == [ana_seen]
        assert bob.counts == {"wrong_sender": 1}
    await diary.close()


async def test_recording_client_is_shown_and_its_files_decode(link: Link, tmp_path: Path) -> None:
    failures: list[BaseException] = []
    async with Conference.join(link, name="../Ana é", slots=SLOTS) as ana:
        await _publish(ana, 7, 600)
        async with Conference.join(link, name="Rec", slots=SLOTS, recording=True) as recording:
            recorder = Recorder(tmp_path / "out", recording.want_key_frame, failures.append)
            recording.add_sink(recorder)
            assert (await somebody(ana, "Rec")).recording
            await until(
                lambda: sorted(one.frames >= 40 for one in recorder.recordings.values()) == [True, True],
                lambda: recorder.recordings,
            )
        recorder.close()
    assert not failures
    stem = f"ana-{ana.sender[:4].hex()}"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{stem}-camera.webm",
        f"{stem}-microphone.webm",
    ]
    assert {identity_of(frame) for frame in _video(tmp_path / "out" / f"{stem}-camera.webm")} == {7}
    assert _tone(tmp_path / "out" / f"{stem}-microphone.webm") == pytest.approx(600, abs=10)


def _video(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def _tone(path: Path) -> float:
    with av.open(str(path)) as container:
        return loudest(np.concatenate([samples(frame) for frame in container.decode(audio=0)][10:]))


async def test_server_taps_what_only_the_right_key_opens(server: Server, link: Link, tmp_path: Path) -> None:
    pcap = tmp_path / "tap.pcap"
    async with (
        Conference.join(link, name="Ana", slots=SLOTS) as ana,
        Conference.join(link, name="Bob", slots=SLOTS) as bob,
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sfu", "trace", f"{link.room_id}/{ana.participant}", "--server", server.url,
            "--pcap", str(pcap), "--seconds", "4", stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await _publish(ana, 3, 440)
        person = await somebody(bob, "Ana")
        await seen(bob, person, 20)
        assert await process.wait() == 0
        sources = person.profile.sources
    packets = pcap_packets(pcap)
    sound, pictures = opus_frames(packets, 96), vp8_frames(packets, 97)
    assert len(sound) > 20
    assert len(pictures) > 5
    for codec, media, frames in ((Codec.OPUS, "audio", sound), (Codec.VP8, "video", pictures)):
        unique = list(dict.fromkeys(frames))
        for secret, count in ((link.secret, len(unique)), (Link.make().secret, 0)):
            keys = LinkKeys(RoomKeys(secret))
            for state in sources:
                keys.claim(ana.sender, state.kid, state.source)
            opener = FrameOpener(keys)
            opened = [opener.open(codec, media, frame, 0) for frame in unique]
            # The tap may begin after the key frame: what follows it is authentic, and not to be shown.
            assert sum(one is not None for one in opened) + opener.counts[Count.NO_KEY_FRAME] == count
            assert opener.counts[Count.FORGED] == len(unique) - count


async def test_video_keeps_playing_over_two_percent_of_loss(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between Ana and the server, both ways: what she sends and what she is sent."""
    unchanged = adapter.candidates_everywhere
    async with Conference.join(link, name="Bob", slots=SLOTS) as bob, lossy(seed=22) as proxy:
        monkeypatch.setattr(adapter, "candidates_everywhere", lambda answer: unchanged(proxy.through(answer)))
        async with Conference.join(link, name="Ana", slots=SLOTS) as ana:
            await ana.publish(TestPattern(3, width=640, height=360, fps=30))
            monkeypatch.setattr(adapter, "candidates_everywhere", unchanged)
            await bob.publish(TestPattern(9, width=640, height=360, fps=30))
            ana_seen, bob_seen = await somebody(bob, "Ana"), await somebody(ana, "Bob")
            await asyncio.gather(seen(bob, ana_seen, 5), seen(ana, bob_seen, 5))
            assert min(proxy.passed.values()) > 0
            proxy.loss = 0.02

            def enough(pictures: int) -> bool:
                return pictures >= 250 and min(proxy.dropped.values()) >= 8

            came = await asyncio.gather(_come(bob, ana_seen, ana, enough), _come(ana, bob_seen, bob, enough))
            proxy.loss = 0.0
    for pictures in came:
        begin = pictures[0]
        shown_ms = pictures[-1].time_ms - begin.time_ms
        assert len(pictures) > shown_ms / FRAME_MS * 0.85, "pictures are left out"
        # One that is not retransmitted holds up all behind it: aiortc gives up when 512 packets wait.
        behind = [
            picture.sent - begin.sent - (picture.time_ms - begin.time_ms) / FRAME_MS for picture in pictures
        ]
        assert max(behind) < 256, "pictures wait for what is lost"


class _Picture(NamedTuple):
    time_ms: int  # of its capture
    sent: int  # how many its sender had sent when it was shown


async def _come(
    conference: Conference, person: Person, sender: Conference, enough: Callable[[int], bool]
) -> list[_Picture]:
    playback = conference.frames(person, Source.CAMERA)
    pictures: list[_Picture] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for frame in playback:
                assert frame.pts is not None
                pictures.append(_Picture(frame.pts, sender._publishing.senders[Source.CAMERA].frames))
                if enough(len(pictures)):
                    break
    finally:
        await playback.close()
    return pictures


async def test_command_joins_plays_records_and_leaves(link: Link, tmp_path: Path) -> None:
    """One process records, another sends a pattern for a while, a third plays what was recorded."""
    folder = tmp_path / "out"
    async with Conference.join(link, name="Ana", slots=SLOTS) as ana, commands(link.reveal()) as command:
        recorder = await command("--name", "Rec", "--record", str(folder))
        assert (await somebody(ana, "Rec")).recording
        sender = await command("--name", "Bob", "--test-pattern")
        bob = await somebody(ana, "Bob")
        await seen(ana, bob, 30)
        sender.send_signal(signal.SIGINT)
        assert await sender.wait() == 0
        await until(lambda: bob not in ana.people, lambda: ana.people)

        (played,) = folder.glob("bob-*-camera.webm")
        player = await command("--name", "Cyd", "--play", str(played))
        assert await seen(ana, await somebody(ana, "Cyd"), 5)
        async with asyncio.timeout(PATIENCE_S):
            assert await player.wait() == 0
        recorder.send_signal(signal.SIGTERM)
        out, _ = await recorder.communicate()
        assert recorder.returncode == 0
    said = out.decode()
    for words in ("Bob is there", "Bob has left", str(played), "cyd-"):
        assert words in said
    assert len(_video(played)) > 10


async def test_command_stops_when_the_disk_is_full(link: Link, tmp_path: Path) -> None:
    async with Conference.join(link, name="Ana", slots=SLOTS) as ana, commands(link.reveal()) as command:
        recorder = await command("--name", "Rec", "--record", str(tmp_path / "out"), blocks=8)
        await somebody(ana, "Rec")
        await _publish(ana, 3, 440)
        async with asyncio.timeout(PATIENCE_S):
            out, _ = await recorder.communicate()
        assert recorder.returncode == 2
        assert "cannot be written" in out.decode()
        await until(lambda: not ana.people, lambda: ana.people)
