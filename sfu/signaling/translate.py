"""From the model's terms to the protocol's, and back."""

from collections.abc import Sequence

from sfu.model import intents, room
from sfu.model.track import Kind, Track
from sfu.model.view import Wish
from sfu.signaling import messages
from sfu.signaling.messages import Outgoing


def event_message(event: intents.Event) -> Outgoing:
    match event:
        case intents.ParticipantJoined(participant):
            return messages.ParticipantJoined(participant=participant)
        case intents.ParticipantLeft(participant, is_lost):
            return messages.ParticipantLeft(participant=participant, reason="lost" if is_lost else "left")
        case intents.ParticipantAway(participant, away):
            return messages.ParticipantAway(participant=participant, away=away)
        case intents.ParticipantCount(count):
            return messages.ParticipantCount(count=count)
        case intents.TrackAdded(track):
            info = track_info(track)
            return messages.TrackAdded(participant=track.participant, track=info.track, kind=info.kind)
        case intents.TrackRemoved(track):
            return messages.TrackRemoved(participant=track.participant, track=track.id)
        case intents.SlotsChanged(slots):
            return messages.Slots(
                slots=[
                    messages.SlotInfo(slot=slot.slot, participant=slot.participant, track=slot.track)
                    for slot in slots
                ]
            )
        case intents.SpeakersChanged(speakers):
            return messages.Speakers(
                speakers=[
                    messages.Speaker(participant=speaker.participant, level=speaker.level)
                    for speaker in speakers
                ]
            )


def track_info(track: Track) -> messages.TrackInfo:
    return messages.TrackInfo(track=track.id, kind="video" if track.kind is Kind.VIDEO else "audio")


def roster_page(roster: room.Roster) -> messages.RosterPage:
    return messages.RosterPage(
        participants=[
            messages.Present(
                participant=who, tracks=[track_info(track) for track in tracks], away=who in roster.away
            )
            for who, tracks in roster.participants
        ],
        total=roster.total,
        next=roster.next,
    )


def wishes(slots: Sequence[messages.ViewSlot]) -> list[Wish]:
    return [
        Wish(
            slot=slot.slot,
            participant=None if slot.participant == "auto" else slot.participant,
            nth=slot.nth,
            max_height=slot.max_height,
            priority=slot.priority,
        )
        for slot in slots
    ]
