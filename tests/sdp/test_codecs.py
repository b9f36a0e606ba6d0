"""Which payload types are which codec, and the fmtp that is answered."""

import pytest

from sfu.sdp.codecs import AUDIO, CODECS, VIDEO, Codec, parse_fmtp

_BY_NAME = {codec.name: codec for codec in CODECS}


def _answered(name: str, fmtp: str) -> str | None:
    codec: Codec = _BY_NAME[name]
    parameters = parse_fmtp(fmtp)
    return codec.answer_fmtp(parameters) if codec.matches(parameters) else None


def test_the_table_is_the_engines_numbering() -> None:
    assert [(codec.name, codec.kind, codec.envelope) for codec in CODECS] == [
        ("opus", AUDIO, "opaque"),
        ("VP8", VIDEO, "vp8"),
        ("VP9", VIDEO, "vp9"),
        ("H264", VIDEO, "h264"),
        ("AV1", VIDEO, "av1"),
    ]


def test_fmtp_is_read_without_regard_to_case_spaces_and_repetition() -> None:
    assert parse_fmtp(" Profile-ID = 0 ;x; ;=1;profile-id=2;a=b=c") == {
        "profile-id": "0",
        "x": "",
        "a": "b=c",
    }
    assert parse_fmtp("") == {}


def test_opus_is_answered_with_fec_and_without_dtx() -> None:
    assert (
        _answered("opus", "maxplaybackrate=48000;stereo=1;usedtx=1") == "minptime=10;useinbandfec=1;usedtx=0"
    )


@pytest.mark.parametrize(
    "fmtp, answer", [("", ""), ("profile-id=0", "profile-id=0"), ("max-fs=12288;max-fr=60", "")]
)
def test_vp9_profile_0(fmtp: str, answer: str) -> None:
    assert _answered("VP9", fmtp) == answer


@pytest.mark.parametrize("profile", ["1", "2", "3", "x", ""])
def test_no_other_profile_of_vp9(profile: str) -> None:
    assert _answered("VP9", f"profile-id={profile}") is None


@pytest.mark.parametrize("identifier", ["42e01f", "42E01F", "42c00d", "42e034", "4d8015", "58c01f", "58f01f"])
def test_constrained_baseline_of_h264_however_it_is_written(identifier: str) -> None:
    fmtp = f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={identifier}"
    assert _answered("H264", fmtp) == fmtp.lower()
    without = f"packetization-mode=1;profile-level-id={identifier}"
    assert _answered("H264", without) == without.lower()


@pytest.mark.parametrize(
    "identifier",
    [
        "42001f",
        "4d001f",
        "640c1f",
        "640032",
        "58801f",
        "42411f",
        "424f1f",
        "4d811f",
        "58c11f",
        "42e01",
        "42e01fa",
        "",
        "x",
    ],
)
def test_no_other_profile_of_h264(identifier: str) -> None:
    assert _answered("H264", f"packetization-mode=1;profile-level-id={identifier}") is None


@pytest.mark.parametrize("mode", ["packetization-mode=0;", ""])
def test_h264_comes_in_packetization_mode_1(mode: str) -> None:
    assert _answered("H264", f"{mode}profile-level-id=42e01f") is None


@pytest.mark.parametrize(
    "fmtp, answer",
    [
        ("level-idx=5;profile=0;tier=0", "level-idx=5;profile=0;tier=0"),
        ("profile=0", "profile=0"),
        ("", ""),
        ("level-idx=5\r\x00;tier=x", ""),
        ("profile=1", None),
        ("profile=2", None),
    ],
)
def test_av1_main_profile(fmtp: str, answer: str | None) -> None:
    assert _answered("AV1", fmtp) == answer
