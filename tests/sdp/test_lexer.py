"""Lines, their bounds, and what an error shows of them."""

import pytest

from sfu.errors import Code, RemoteError
from sfu.sdp.lexer import MAX_CHARACTERS, MAX_LINE_CHARACTERS, MAX_LINES, Line, OfferError, lex, number, token


def test_lines_end_with_crlf_or_lf_and_the_last_may_lack_its_end() -> None:
    expected = [Line(1, "v", "0"), Line(2, "s", "-"), Line(4, "a", "mid:0")]
    assert lex("v=0\r\ns=-\r\n\r\na=mid:0\r\n") == expected
    assert lex("v=0\ns=-\n\na=mid:0") == expected


def test_only_line_feeds_end_lines() -> None:
    assert lex("v=0\na=x:\u2028\x0b\x85y\rz") == [Line(1, "v", "0"), Line(2, "a", "x:\u2028\x0b\x85y\rz")]


@pytest.mark.parametrize("text", ["", "\n", "s=-\n", "v=1\n", "v=\n", "m=audio 9 UDP/TLS/RTP/SAVPF 0\n"])
def test_a_description_begins_with_version_0(text: str) -> None:
    with pytest.raises(OfferError, match=r"line 1 .*begins with v=0"):
        lex(text)


@pytest.mark.parametrize("line", ["a", "=", "A=x", "y=x", " a=x", "a =x", "\x00", "{}"])
def test_a_line_has_a_type(line: str) -> None:
    with pytest.raises(OfferError, match=r"line 2 .*: a line begins with") as caught:
        lex(f"v=0\n{line}\n")
    assert caught.value.line == Line(2, "", line)


def test_bounds_say_what_is_taken() -> None:
    longest = "a=" + "x" * (MAX_LINE_CHARACTERS - 2)
    assert len(lex(f"v=0\n{longest}\n")) == 2
    with pytest.raises(
        OfferError, match=f"at most {MAX_LINE_CHARACTERS} characters, not {MAX_LINE_CHARACTERS + 1}"
    ):
        lex(f"v=0\n{longest}x\n")
    most = "v=0\n" + "a=\n" * (MAX_LINES - 2)
    assert len(lex(most)) == MAX_LINES - 1
    with pytest.raises(
        OfferError, match=rf"line {MAX_LINES} \(a=x\): fewer than {MAX_LINES} lines are taken"
    ):
        lex(most + "a=x\n")
    for begin, line in (("", 1), ("v=0\n", 2), ("v=0\n" + "\n" * (MAX_CHARACTERS - 4), MAX_CHARACTERS - 2)):
        text = begin + "v" * (MAX_CHARACTERS + 1 - len(begin))
        with pytest.raises(OfferError, match=rf"line {line} \(v+…?\): .*has {MAX_CHARACTERS + 1} characters"):
            lex(text)


def test_an_error_names_the_line_its_code_and_what_would_be_right() -> None:
    with pytest.raises(RemoteError) as caught:
        token("a b", "a mid", Line(7, "a", "mid:a b"))
    assert caught.value.code == Code.BAD_OFFER
    assert caught.value.message == (
        "line 7 (a=mid:a b): a mid consists of letters, digits and some signs, without spaces"
    )


@pytest.mark.parametrize(
    "line, shown",
    [
        (Line(1, "a", "ice-pwd:secretsecretsecretsecret"), "a=ice-pwd:…"),
        (Line(1, "a", "candidate:1 1 udp 1 198.51.100.7 9 typ host"), "a=candidate:…"),
        (Line(1, "a", "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret"), "a=crypto:…"),
        (Line(1, "a", "rtcp:9 IN IP4 198.51.100.7"), "a=rtcp:…"),
        (Line(1, "c", "IN IP4 198.51.100.7"), "c=…"),
        (Line(1, "o", "- 1 1 IN IP4 198.51.100.7"), "o=…"),
        (Line(1, "a", "x" * 200), "a=" + "x" * 98 + "…"),
        (Line(1, "a", "mid:\x1b[31m\x00"), "a=mid:\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_secrets_addresses_and_control_characters_are_not_shown(line: Line, shown: str) -> None:
    assert line.shown == shown


@pytest.mark.parametrize("text", ["", "-1", "+1", "1 ", "²", "\u0661", "0x1", "256", "99999999999"])
def test_numbers_are_decimal_and_in_range(text: str) -> None:
    assert number("255", "it", Line(1, "a", ""), 0, 255) == 255
    with pytest.raises(OfferError, match="it is a number from 0 to 255"):
        number(text, "it", Line(1, "a", text), 0, 255)
