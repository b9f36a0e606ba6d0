"""Tests of native/load/send_stream.c."""

import pytest

from sfu._testing import srtp
from sfu._testing.peer import Layer, Peer
from tests.native.peer_pair import (
    AUDIO,
    CM,
    GCM_128,
    GCM_256,
    KEY_A,
    KEY_B,
    SALT_A,
    SALT_B,
    SECOND,
    VIDEO,
    VIDEO_RTX,
    B,
    Pair,
    faults,
    pair,
    publisher,
    receiver,
    recording,
)


def test_names_are_sent_until_the_other_side_has_reported() -> None:
    a, b = publisher(), receiver()
    a.add_audio(AUDIO, mid="audio-mid")
    packets: list[bytes] = []
    joined = Pair(a, b, forward=recording(packets))
    joined.run(2 * SECOND)
    # Elements are mid (1 + 9), abs-send-time (1 + 3), transport-cc (1 + 2), level (1 + 1).
    audio = [len(data) for data in packets if data[1] & 0x7F == 111]
    assert audio[0] == 12 + 4 + 20 + 80 + 16
    assert audio[-1] == 12 + 4 + 12 + 80 + 16


def opened(datagrams: list[tuple[int, tuple[str, int], bytes]]) -> list[srtp.Opened]:
    media = [data for _, _, data in datagrams if not 192 <= data[1] <= 223]
    result = srtp.Receiver(GCM_128, KEY_A[:16], SALT_A[:12]).unprotect(media)
    assert all(o.status == 0 for o in result)
    return result


def elements(packet: srtp.Opened) -> dict[int, bytes]:
    """One-byte header extensions by id (RFC 8285 section 4.2)."""
    assert packet.packet[12:14] == b"\xbe\xde"
    end = 16 + 4 * int.from_bytes(packet.packet[14:16])
    assert end == packet.header["payload_offset"]
    found, at = {}, 16
    while at < end and packet.packet[at]:
        length = (packet.packet[at] & 15) + 1
        found[packet.packet[at] >> 4] = packet.packet[at + 1 : at + 1 + length]
        at += 1 + length
    return found


def test_extensions_of_audio() -> None:
    a = publisher()
    a.add_audio(AUDIO, mid="m", level=42, voice=True)
    a.poll(0)
    a.set_audio_level(0, 127, voice=False)
    first, second = opened(a.poll(20_000) + a.poll(40_000))
    assert elements(first) == {
        4: b"m",
        2: ((20_000 << 18) // SECOND).to_bytes(3),
        3: (2).to_bytes(2),
        1: bytes([127]),
    }
    assert elements(second)[3] == (3).to_bytes(2)


def test_extensions_of_a_simulcast_layer() -> None:
    a = publisher()
    a.add_video([Layer(VIDEO, VIDEO_RTX, rid="lo"), Layer(VIDEO + 10, VIDEO + 11, rid="hi")], mid="7")
    packets = opened(a.poll(0))
    assert {(o.header["ssrc"], elements(o)[4], elements(o)[10]) for o in packets} == {
        (VIDEO, b"7", b"lo"),
        (VIDEO + 10, b"7", b"hi"),
    }
    assert all(1 not in elements(o) and 11 not in elements(o) for o in packets)


def test_without_extensions_there_is_no_block() -> None:
    a = Peer(connected=True, server=B)
    a.set_keys(GCM_128, KEY_A, SALT_A, KEY_B, SALT_B)
    a.add_audio(AUDIO, mid="m")
    (packet,) = opened(a.poll(0))
    assert not packet.header["has_extension"]
    assert packet.header["payload_offset"] == 12


def test_audio_is_not_sent_again() -> None:
    joined = pair()
    joined.run(SECOND)
    assert joined.publisher.sender_stats(AUDIO)["retransmissions"] == 0
    with pytest.raises(KeyError):
        joined.publisher.sender_stats(VIDEO_RTX)


@pytest.mark.parametrize("profile", [CM, GCM_128, GCM_256], ids=["cm", "gcm128", "gcm256"])
def test_keys_may_come_anew(profile: int) -> None:
    joined = pair()
    joined.run(SECOND - 1)
    key, salt = bytes(reversed(KEY_A)), bytes(reversed(SALT_A))
    joined.publisher.set_keys(profile, key, salt, KEY_B, SALT_B)
    joined.receiver.set_keys(profile, KEY_B, SALT_B, key, salt)
    joined.run(2 * SECOND - 1)
    video = joined.receiver.receiver_stats(VIDEO)
    assert faults(video) == {}
    assert video["frames_decoded"] == 60
    with pytest.raises(OSError, match="Invalid"):
        joined.publisher.set_keys(99, key, salt, KEY_B, SALT_B)
