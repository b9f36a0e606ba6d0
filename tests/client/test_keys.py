import pytest

from sfu.client import keys as keys_module
from sfu.client.keys import LinkKeys, RoomKeys, Source
from sfu.redact import SecretBytes
from tests.client.vectors import VECTORS, room_keys
from tests.vectors import make_e2ee


def test_keys_are_those_of_the_vectors() -> None:
    keys, expected = room_keys(), VECTORS["keys"]
    assert keys.room_id.hex() == expected["room_id"]
    assert keys.frames.reveal().hex() == expected["frames"]
    assert keys.profile.reveal().hex() == expected["profiles"]
    assert keys.chat.reveal().hex() == expected["chat"]


def test_kid_belongs_to_who_named_it_first() -> None:
    keys = LinkKeys(room_keys())
    assert keys.claim(b"a", 1, Source.CAMERA)
    assert not keys.claim(b"b", 1, Source.MICROPHONE)
    assert not keys.claim(b"a", 1, Source.MICROPHONE)
    assert (keys.owner(1), keys.owner(2)) == (b"a", None)
    opening = keys.opening(1)
    assert opening is not None
    assert (opening.sender, opening.source) == (b"a", Source.CAMERA)
    keys.release(b"a")
    assert keys.opening(1) is None
    assert keys.claim(b"b", 1, Source.MICROPHONE)


def test_own_kid_is_nobody_elses() -> None:
    keys = LinkKeys(room_keys())
    keys.sending(5)
    assert not keys.claim(b"a", 5, Source.CAMERA)
    assert keys.opening(5) is None


def test_claims_of_a_sender_are_bounded() -> None:
    keys = LinkKeys(room_keys())
    made = [keys.claim(b"a", kid, Source.CAMERA) for kid in range(keys_module.CLAIMS + 1)]
    assert made == [True] * keys_module.CLAIMS + [False]
    assert keys.claim(b"b", 1000, Source.CAMERA)


@pytest.mark.parametrize("source,media", [
    (Source.MICROPHONE, "audio"), (Source.SCREEN_AUDIO, "audio"), (Source.CAMERA, "video"), (Source.SCREEN, "video"),
])  # fmt: skip
def test_kind_of_m_line(source: Source, media: str) -> None:
    assert source.media == media


def test_keys_do_not_print_themselves() -> None:
    secret = SecretBytes(b"\x41" * 32)
    keys = RoomKeys(secret)
    for shown in (repr(secret), str(secret), repr(vars(keys)), repr(keys.frames)):
        assert "AAAA" not in shown
        assert "4141" not in shown


def test_vectors_are_what_their_script_makes() -> None:
    assert make_e2ee.whole() == VECTORS
