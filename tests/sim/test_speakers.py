"""What the engines say of who speaks."""

from tests.sim.client import Client
from tests.sim.clockwork import SECOND
from tests.sim.world import World

SILENCE = 127


def levels(client: Client) -> list[tuple[int, int]]:
    return [(event.source, event.level) for _, event in client.events if event.type == "audio_level"]


def test_who_speaks_and_who_has_fallen_silent_is_told_by_their_engine() -> None:
    with World(3, engines=2) as world:
        speaker, quiet = world.client(0), world.client(1)
        loud = world.publish_audio(speaker, level=25)
        world.publish_audio(quiet, level=SILENCE)
        world.run_for(3 * SECOND)
        told = levels(speaker)
        # At once while the filter rises, then each second; both numbers are upper bounds of what is said at a constant level.
        assert 3 <= len(told) <= 6
        assert told[-1] == (loud.source, 25)
        assert levels(quiet) == []

        speaker.peer.set_audio_level(loud.index, SILENCE, voice=False)
        world.run_for(3 * SECOND)
        since = levels(speaker)[len(told) :]
        assert since[-1] == (loud.source, SILENCE)
        assert since.count((loud.source, SILENCE)) == 1


def test_a_track_that_has_gone_is_told_of_no_more() -> None:
    with World(4, engines=1) as world:
        speaker = world.client()
        track = world.publish_audio(speaker, level=25)
        world.run_for(SECOND)
        before = levels(speaker)
        assert before
        world.unpublish(speaker, track)
        world.run_for(2 * SECOND)
        assert levels(speaker) == before
