"""media/ssrc_latch: SSRCs find their track and layer by name or by MID and RID."""

import errno

import pytest

from sfu._testing.parts import Latch

TRACKS = [("0", []), ("video", ["q", "h", "f"])]


def _packet(**extensions: bytes) -> bytes:
    ids = {"mid": 1, "rid": 2, "repaired": 3}
    block = b"".join(bytes([ids[name] << 4 | len(text) - 1]) + text for name, text in extensions.items())
    block += bytes(-len(block) % 4)
    header = bytes([0x90, 96]) + bytes(10)
    return header + b"\xbe\xde" + (len(block) // 4).to_bytes(2) + block + b"payload"


def test_named_ssrcs_are_found() -> None:
    latch = Latch(TRACKS)
    latch.bind(11, 1, layer=2)
    latch.bind(12, 1, layer=2, is_rtx=True)
    assert latch.find(11) == (1, 2, False)
    assert latch.find(12) == (1, 2, True)
    assert latch.find(13) is None
    assert latch.media_ssrc(1, 2) == 11
    assert latch.media_ssrc(1, 1) == 0


def test_an_ssrc_is_bound_once() -> None:
    latch = Latch(TRACKS)
    latch.bind(11, 0)
    with pytest.raises(OSError, match="exists") as refused:
        latch.bind(11, 1)
    assert refused.value.errno == errno.EEXIST
    assert latch.find(11) == (0, 0, False)


def test_bindings_are_bounded() -> None:
    latch = Latch(TRACKS)
    for ssrc in range(1, 65):
        latch.bind(ssrc, 0)
    with pytest.raises(OSError, match="space") as refused:
        latch.bind(65, 0)
    assert refused.value.errno == errno.ENOSPC


def test_unbinding_forgets_one_track_only() -> None:
    latch = Latch(TRACKS)
    for ssrc, track in ((1, 0), (2, 1), (3, 0), (4, 1)):
        latch.bind(ssrc, track)
    latch.unbind(0)
    assert [latch.find(ssrc) for ssrc in (1, 2, 3, 4)] == [None, (1, 0, False), None, (1, 0, False)]


@pytest.mark.parametrize(
    "extensions, is_rtx, expected",
    [
        ({"mid": b"0"}, False, (0, 0, False)),
        ({"mid": b"0"}, True, (0, 0, True)),
        ({"mid": b"video", "rid": b"h"}, False, (1, 1, False)),
        ({"mid": b"video", "repaired": b"f"}, True, (1, 2, True)),
        ({"mid": b"video"}, False, None),  # which layer?
        ({"mid": b"video", "rid": b"h"}, True, None),  # RTX is told by the repaired RID
        ({"mid": b"video", "repaired": b"h"}, False, None),
        ({"mid": b"video", "rid": b"x"}, False, None),
        ({"mid": b"vide", "rid": b"h"}, False, None),
        ({"mid": b"video2", "rid": b"h"}, False, None),
        ({"rid": b"h"}, False, None),
        ({}, False, None),
    ],
)
def test_extensions_say_where_a_packet_belongs(
    extensions: dict[str, bytes], is_rtx: bool, expected: tuple[int, int, bool] | None
) -> None:
    assert Latch(TRACKS).match(_packet(**extensions), is_rtx) == expected
