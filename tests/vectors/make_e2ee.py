"""Writes tests/vectors/e2ee.json: what sfu/e2ee/PROTOCOL.md says, by an implementation of its own.

It imports nothing of sfu, so that the clients in Python and TypeScript are held against a third reading of the text.
Run it from anywhere; it draws no randomness, and writes the same file each time.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET = bytes(range(0x40, 0x60))
SENDER = bytes(range(0xA0, 0xB0))
TIME_MS = 1_795_539_600_123
KIDS = {
    "microphone": 0x0123456789ABCDEF,
    "camera": 0xFEDCBA9876543210,
    "screen": 0x00FF00FF00FF00FF,
    "screen_audio": 0x8000000000000000,
}
MEDIA = {"microphone": "audio", "camera": "video", "screen": "video", "screen_audio": "audio"}
CODECS = {"OPUS": 0, "VP9": 0, "VP8": 1}

Vector = dict[str, Any]


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return expand(hmac.digest(salt or bytes(32), secret, "sha256"), info, length)


def expand(extracted: bytes, info: bytes, length: int) -> bytes:
    done, block, number = b"", b"", 1
    while len(done) < length:
        block = hmac.digest(extracted, block + info + bytes([number]), "sha256")
        done, number = done + block, number + 1
    return done[:length]


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# ---- link ----


APART = 0x80
SHARE = bytes(range(0xE0, 0xC0, -1))


def fragment(
    version: int = 0, suite: int = 1, flags: int = 0, owner: bytes = bytes(16), secret: bytes = SECRET
) -> str:
    body = bytes([version, suite, flags]) + secret + owner
    return base64url(body + hashlib.sha256(body).digest()[:4])


def key_of(share: bytes, owner: bytes = bytes(16)) -> bytes:
    """Of the whole link, split with this share."""
    body = bytes([0, 1, 0]) + SECRET + owner
    return bytes(a ^ b for a, b in zip(SECRET, share, strict=True)) + hashlib.sha256(body).digest()[:4]


def apart() -> Vector:
    """Links without their key."""
    page = "https://page.example.org/#"
    owner = bytes(range(16))
    link = fragment(flags=APART, secret=SHARE)
    key = key_of(SHARE)
    fits = base64url(key)
    refused = {
        "no key": (link, "", "key_wrong"),
        "no base64url": (link, fits[:-1] + "*", "key_wrong"),
        "padded": (link, fits + "=", "key_wrong"),
        "cut": (link, fits[:-1], "key_wrong"),
        "longer": (link, base64url(key + b"\x00"), "key_wrong"),
        "without its check": (link, base64url(key[:32]), "key_wrong"),
        "one bit": (link, base64url(bytes([key[0] ^ 1]) + key[1:]), "key_wrong"),
        "one bit of the check": (link, base64url(key[:-1] + bytes([key[-1] ^ 0x80])), "key_wrong"),
        "of another split": (link, base64url(key_of(bytes(32))), "key_wrong"),
        "of another owner": (link, base64url(key_of(SHARE, owner)), "key_wrong"),
        "a link that has its key": (fragment(), base64url(key_of(bytes(32))), "key_wrong"),
        "a link that is cut": (link[:-1], fits, "link_cut"),
        "another suite": (fragment(suite=2, flags=APART, secret=SHARE), fits, "link_suite"),
        "another flag": (fragment(flags=APART | 1, secret=SHARE), fits, "link_flags"),
        "another version": (fragment(version=1, flags=APART, secret=SHARE), fits, "link_version"),
    }
    return {
        "share": SHARE.hex(),
        "joined": [
            {"link": page + link, "key": fits, "whole": page + fragment()},
            {
                "link": f"{page}{link}@sfu.example.org:8443",
                "key": fits,
                "whole": f"{page}{fragment()}@sfu.example.org:8443",
            },
            {
                "link": page + fragment(flags=APART, secret=SHARE, owner=owner),
                "key": base64url(key_of(SHARE, owner)),
                "whole": page + fragment(owner=owner),
            },
            {
                "link": page + fragment(flags=APART, secret=bytes(32)),
                "key": base64url(key_of(bytes(32))),
                "whole": page + fragment(),
            },
        ],
        "refused": [
            {"name": name, "link": page + link, "key": key, "code": code}
            for name, (link, key, code) in refused.items()
        ],
    }


def links() -> Vector:
    good = fragment()
    data = base64.urlsafe_b64decode(good + "==")
    wrong_check = base64url(data[:-1] + bytes([data[-1] ^ 1]))
    not_canonical = good[:-1] + chr(ord(good[-1]) + 1)  # other bits behind the last byte
    refused = {
        "version": (fragment(version=1), "link_version"),
        "version, cut": (fragment(version=2)[:30], "link_version"),
        "suite 0": (fragment(suite=0), "link_suite"),
        "suite 2": (fragment(suite=2), "link_suite"),
        "flag approve": (fragment(flags=1), "link_flags"),
        "flag quiet": (fragment(flags=2), "link_flags"),
        "unknown flag": (fragment(flags=0x40), "link_flags"),
        "apart, without a key": (fragment(flags=APART), "link_apart"),
        "apart and another flag": (fragment(flags=APART | 2), "link_flags"),
        "apart, cut": (fragment(flags=APART)[:-2], "link_cut"),
        "suite and flag": (fragment(suite=2, flags=1), "link_suite"),
        "nothing": ("", "link_cut"),
        "one character missing": (good[:-1], "link_cut"),
        "two characters missing": (good[:-2], "link_cut"),
        "half": (good[: len(good) // 2], "link_cut"),
        "longer": (good + "AAAA", "link_cut"),
        "check": (wrong_check, "link_cut"),
        "mistyped suite": (base64url(data[:1] + b"\x02" + data[2:]), "link_cut"),
        "not canonical": (not_canonical, "link_cut"),
        "padded": (good + "==", "link_cut"),
        "other alphabet": ("+" + good[1:], "link_cut"),
        "no host behind @": (good + "@", "link_cut"),
        "a path behind @": (good + "@sfu.example.org/x", "link_cut"),
    }
    assert not_canonical != good
    return {
        "secret": SECRET.hex(),
        "room": base64url(ROOM_ID),
        "accepted": [
            {"link": f"https://sfu.example.org/#{good}", "server": "https://sfu.example.org"},
            {"link": f"http://127.0.0.1:8080/#{good}", "server": "http://127.0.0.1:8080"},
            {
                "link": f"https://page.example.org/a/b?c#{good}@sfu.example.org",
                "server": "https://sfu.example.org",
            },
            {
                "link": f"https://page.example.org/#{good}@sfu.example.org:8443",
                "server": "https://sfu.example.org:8443",
            },
            {"link": f"https://page.example.org/#{good}@127.0.0.1:8080", "server": "http://127.0.0.1:8080"},
            {"link": f"https://page.example.org/#{good}@localhost:8080", "server": "http://localhost:8080"},
            {"link": f"https://page.example.org/#{good}@[::1]:8080", "server": "http://[::1]:8080"},
            {
                "link": f"https://sfu.example.org/#{fragment(owner=bytes(range(16)))}",
                "server": "https://sfu.example.org",
            },
        ],
        "refused": [
            {"name": name, "link": f"https://sfu.example.org/#{text}", "code": code}
            for name, (text, code) in refused.items()
        ],
    }


# ---- keys ----

ROOM_ID = hkdf(SECRET, b"", b"sfu/0 room", 16)
FRAMES = hkdf(SECRET, b"", b"sfu/0 sframe", 32)
PROFILES = hkdf(SECRET, b"", b"sfu/0 profile", 32)
CHAT = hkdf(SECRET, b"", b"sfu/0 chat", 32)


def kid_key(kid: int) -> tuple[bytes, bytes]:
    secret = hmac.digest(b"\x00" * 32, FRAMES, "sha256")
    tail = kid.to_bytes(8, "big") + (4).to_bytes(2, "big")
    return (
        expand(secret, b"SFrame 1.0 Secret key " + tail, 16),
        expand(secret, b"SFrame 1.0 Secret salt " + tail, 12),
    )


def keys() -> Vector:
    kids = [*KIDS.values(), 0, 7, 8, 255, 256, (1 << 64) - 1]
    return {
        "room_id": ROOM_ID.hex(),
        "frames": FRAMES.hex(),
        "profiles": PROFILES.hex(),
        "chat": CHAT.hex(),
        "kids": [
            {"kid": f"{kid:016x}", "key": key.hex(), "salt": salt.hex()}
            for kid in kids
            for key, salt in [kid_key(kid)]
        ],
    }


# ---- frames ----


def number(value: int) -> tuple[int, bytes]:
    if value < 8:
        return value, b""
    data = value.to_bytes(8, "big").lstrip(b"\x00")
    return 8 + len(data) - 1, data


def header(kid: int, counter: int) -> bytes:
    (k, kid_bytes), (c, counter_bytes) = number(kid), number(counter)
    return bytes([k << 4 | c]) + kid_bytes + counter_bytes


def sframe(
    kid: int, counter: int, codec: str, clear: bytes, plaintext: bytes, head: bytes | None = None
) -> bytes:
    key, salt = kid_key(kid)
    nonce = (int.from_bytes(salt, "big") ^ counter).to_bytes(12, "big")
    head = header(kid, counter) if head is None else head
    metadata = bytes([0, CODECS[codec]]) + clear
    return clear + head + AESGCM(key).encrypt(nonce, plaintext, head + metadata)


def inner(frame: bytes, padding: int | None = None) -> bytes:
    time = TIME_MS.to_bytes(6, "big")
    if padding is None:
        return b"\x01" + time + frame
    return b"\x03" + time + padding.to_bytes(2, "big") + frame + bytes(padding)


def is_key(codec: str, frame: bytes) -> bool:
    """Of those in FRAME, written out."""
    keys = {"OPUS": range(256), "VP8": [0x50], "VP9": [0x82, 0xA2, 0x92, 0xB1]}
    return frame[0] in keys[codec]


def clear_of(codec: str, frame: bytes) -> bytes:
    if codec != "VP8":
        return b""
    return b"\x11" if frame[0] & 1 else b"\x10"


# The first bytes of what encoders make; VP8's lowest bit is 0 in a key frame (RFC 6386 section 9.1). VP9's uncompressed header
# (bitstream specification, section 6.2) begins with 2 bits of marker, 2 of profile, 1 more with profile 3, then
# show_existing_frame and frame_type, which are 0 in a key frame.
FRAME = {
    "OPUS": bytes([0xFC]) + bytes(range(40)),
    "VP9": bytes([0x82]) + bytes(range(60)),
    "VP9 delta": bytes([0x86]) + bytes(range(30)),
    "VP9 shows what was": bytes([0x8A]),
    "VP9 profile 1": bytes([0xA2]) + bytes(range(30)),
    "VP9 profile 2": bytes([0x92]) + bytes(range(30)),
    "VP9 profile 3": bytes([0xB1]) + bytes(range(30)),
    "VP9 profile 3 delta": bytes([0xB3]) + bytes(range(30)),
    "VP9 profile 3 shows what was": bytes([0xB4]),
    "VP9 without its marker": bytes([0x42]) + bytes(range(30)),
    "VP8": bytes([0x50, 0x42, 0x00, 0x9D, 0x01, 0x2A]) + bytes(range(80)),
    "VP8 delta": bytes([0x51, 0x02, 0x00]) + bytes(range(50)),
}
COUNTERS = [0, 1, 7, 8, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 56) - 1, 1 << 56, (1 << 64) - 2]


def frames() -> list[Vector]:
    made: list[Vector] = []

    def add(
        name: str, source: str, codec: str, kid: int, counter: int, frame: bytes, padding: int | None = None
    ) -> None:
        sealed = sframe(kid, counter, codec, clear_of(codec, frame), inner(frame, padding))
        made.append({
            "name": name, "source": source, "media": MEDIA[source], "codec": codec, "kid": f"{kid:016x}",
            "counter": str(counter), "time_ms": TIME_MS, "padding": padding, "frame": frame.hex(), "sealed": sealed.hex(),
            "is_key": is_key(codec, frame),
        })  # fmt: skip

    for source, kid in KIDS.items():
        for codec in ("OPUS",) if MEDIA[source] == "audio" else ("VP8", "VP9"):
            add(f"{source}, {codec}", source, codec, kid, 3, FRAME[codec])
    add("delta frame", "camera", "VP8", KIDS["camera"], 4, FRAME["VP8 delta"])
    for offset, name in enumerate(name for name in FRAME if name.startswith("VP9 ")):
        add(name, "camera", "VP9", KIDS["camera"], 30 + offset, FRAME[name])
    for counter in COUNTERS:
        add(f"counter {counter}", "microphone", "OPUS", KIDS["microphone"], counter, FRAME["OPUS"])
    for kid in (0, 7, 8, 255, 256, 65535, 65536, (1 << 56) - 1, 1 << 56, (1 << 64) - 1):
        add(f"KID {kid:x}", "microphone", "OPUS", kid, 9, FRAME["OPUS"])
    add("one byte", "microphone", "OPUS", KIDS["microphone"], 20, b"\xfc")
    add("no padding, field there", "microphone", "OPUS", KIDS["microphone"], 21, FRAME["OPUS"], 0)
    add("padding of 100", "camera", "VP8", KIDS["camera"], 22, FRAME["VP8"], 100)
    return made


def invalid_frames() -> list[Vector]:
    """All of them from KIDs that a profile names, unless `owner` is null."""
    kid, counter = KIDS["microphone"], 5
    good = sframe(kid, counter, "OPUS", b"", inner(FRAME["OPUS"]))
    vp8 = sframe(KIDS["camera"], counter, "VP8", b"\x10", inner(FRAME["VP8"]))
    found: list[Vector] = []

    def add(name: str, sealed: bytes, count: str | None, source: str = "microphone", **more: object) -> None:
        codec = "OPUS" if MEDIA[source] == "audio" else "VP8"
        found.append({
            "name": name, "source": source, "media": MEDIA[source], "codec": codec, "sealed": sealed.hex(),
            "count": count, **more,
        })  # fmt: skip

    def plaintext(name: str, data: bytes, count: str = "malformed") -> None:
        add(name, sframe(kid, counter, "OPUS", b"", data), count)

    add("empty", b"", None)
    for length in range(1, 9):
        add(f"cut after {length}", good[:length], "malformed")
    for length in (9, 10, 11, 25, 26, len(good) - 1):
        add(f"cut after {length}", good[:length], "forged")
    add("longer", good + b"\x00", "forged")
    for name, at in (("ciphertext", 12), ("tag", len(good) - 1)):
        changed = bytearray(good)
        changed[at] ^= 1
        add(f"changed {name}", bytes(changed), "forged")
    changed = bytearray(good)
    changed[0] ^= 1
    add("changed counter", bytes(changed), "forged")
    long_counter = bytes([0xF8]) + kid.to_bytes(8, "big") + bytes([counter])
    add(
        "counter not in its shortest form",
        sframe(kid, counter, "OPUS", b"", inner(b"x"), long_counter),
        "malformed",
    )
    leading_zero = bytes([0xF9]) + kid.to_bytes(8, "big") + bytes([0, 200])
    add("counter with a zero before", sframe(kid, 200, "OPUS", b"", inner(b"x"), leading_zero), "malformed")
    long_kid = bytes([0xF0 | counter]) + bytes(8)
    add("KID not in its shortest form", sframe(0, counter, "OPUS", b"", inner(b"x"), long_kid), "malformed")
    add("VP8, another first byte", b"\x12" + vp8[1:], "malformed", "camera")
    add("VP8, its first byte alone", b"\x10", "malformed", "camera")
    add("VP8, key frame called delta", b"\x11" + vp8[1:], "forged", "camera")
    add("VP8, without its first byte", vp8[1:], "malformed", "camera")
    add("opus on an m-line of VP8", good, "malformed", "camera")
    add("microphone in a video slot", sframe(kid, counter, "VP8", b"\x10", inner(FRAME["VP8"])), "wrong_kind", "camera",
        owner="microphone")  # fmt: skip
    add("camera in an audio slot", sframe(KIDS["camera"], 6, "OPUS", b"", inner(FRAME["OPUS"])), "wrong_kind",
        owner="camera")  # fmt: skip
    add(
        "KID of nobody",
        sframe(0x1111111111111111, 0, "OPUS", b"", inner(FRAME["OPUS"])),
        "no_key",
        owner=None,
    )
    add("metadata version", _with_metadata(kid, counter, b"\x01\x00"), "forged")
    add("metadata of another envelope", _with_metadata(kid, counter, b"\x00\x01"), "forged")
    plaintext("nothing within", b"")
    plaintext("time cut short", inner(b"")[:6])
    plaintext("no frame within", inner(b""))
    plaintext("padding field cut short", b"\x03" + TIME_MS.to_bytes(6, "big") + b"\x00")
    plaintext(
        "padding longer than what is there", b"\x03" + TIME_MS.to_bytes(6, "big") + b"\x00\x04" + bytes(3)
    )
    plaintext("padding and no frame", b"\x03" + TIME_MS.to_bytes(6, "big") + b"\x00\x03" + bytes(3))
    for flag in (0x04, 0x08, 0x10, 0x20, 0x40, 0x80):
        plaintext(
            f"flag {flag:02x}", bytes([0x01 | flag]) + TIME_MS.to_bytes(6, "big") + FRAME["OPUS"], "newer"
        )
    return found


def _with_metadata(kid: int, counter: int, metadata: bytes) -> bytes:
    key, salt = kid_key(kid)
    nonce = (int.from_bytes(salt, "big") ^ counter).to_bytes(12, "big")
    head = header(kid, counter)
    return head + AESGCM(key).encrypt(nonce, inner(FRAME["OPUS"]), head + metadata)


def replay() -> list[Vector]:
    """Counters in the order in which frames of one KID come, each with what becomes of it."""
    accepted, dropped = None, "replayed"
    steps = [
        (5, accepted), (5, dropped), (4, accepted), (0, accepted), (0, dropped), (1023, accepted), (1, accepted),
        (1024, accepted), (0, dropped), (2, accepted), (1025, accepted), (2, dropped), (1, dropped), (3, accepted),
        (5000, accepted), (3977, accepted), (3976, dropped), (3977, dropped), ((1 << 64) - 2, accepted), (5000, dropped),
        ((1 << 64) - 1026, dropped), ((1 << 64) - 1025, accepted), ((1 << 64) - 1025, dropped), ((1 << 64) - 2, dropped),
    ]  # fmt: skip
    return [{"counter": str(counter), "count": count} for counter, count in steps]


def pictures() -> list[Vector]:
    """Frames of two KIDs in the order in which they come on one m-line, each with what becomes of it."""
    accepted, dropped = None, "no_key_frame"
    steps = {
        "VP8": [
            ("camera", "VP8 delta", dropped), ("camera", "VP8", accepted), ("camera", "VP8 delta", accepted),
            ("screen", "VP8 delta", dropped), ("screen", "VP8 delta", dropped), ("camera", "VP8 delta", accepted),
            ("screen", "VP8", accepted), ("screen", "VP8 delta", accepted), ("camera", "VP8 delta", dropped),
            ("screen", "VP8 delta", accepted), ("camera", "VP8", accepted), ("screen", "VP8 delta", dropped),
            ("camera", "VP8 delta", accepted), ("camera", "VP8", accepted),
        ],
        "VP9": [
            ("screen", "VP9 shows what was", dropped), ("screen", "VP9", accepted), ("screen", "VP9 delta", accepted),
            ("camera", "VP9 delta", dropped), ("camera", "VP9 shows what was", dropped), ("screen", "VP9 delta", accepted),
            ("camera", "VP9", accepted), ("camera", "VP9 shows what was", accepted), ("screen", "VP9 delta", dropped),
        ],
    }  # fmt: skip
    found: list[Vector] = []
    for codec, of_codec in steps.items():
        made: list[Vector] = []
        for counter, (source, name, count) in enumerate(of_codec):
            frame = FRAME[name]
            sealed = sframe(KIDS[source], counter, codec, clear_of(codec, frame), inner(frame))
            made.append({"source": source, "sealed": sealed.hex(), "count": count})
        found.append({"codec": codec, "steps": made})
    return found


# ---- sealed messages ----

PROFILE, CHAT_KIND = 1, 3
SALT = bytes(range(24))


def seal_plaintext(kind: int, plaintext: bytes, salt: bytes = SALT, **change: Any) -> bytes:
    key = change.get("key", PROFILES if kind == PROFILE else CHAT)
    derived = hkdf(key, salt, b"sfu/0 seal", 44)
    aad = b"sfu/0" + bytes([change.get("aad_kind", kind)]) + change.get("room", ROOM_ID)
    return (
        bytes([change.get("version", 0)]) + salt + AESGCM(derived[:32]).encrypt(derived[32:], plaintext, aad)
    )


def pad(data: bytes) -> bytes:
    plaintext = len(data).to_bytes(2, "big") + data
    return plaintext + bytes(-len(plaintext) % 256)


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def profile_of(**change: Any) -> Vector:
    sources = [
        {"kid": f"{kid:016x}", "kind": source, "muted": source == "camera"} for source, kid in KIDS.items()
    ]
    whole = {
        "sender": base64url(SENDER), "n": 1, "at": TIME_MS, "name": "Ana Łukasiewicz 🎧", "sources": sources,
        "recording": False,
    }  # fmt: skip
    return {name: value for name, value in {**whole, **change}.items() if value is not ...}


def line_of(**change: Any) -> Vector:
    whole = {"sender": base64url(SENDER), "n": 1, "at": TIME_MS, "text": "Hello,\n\tworld ✋"}
    return {name: value for name, value in {**whole, **change}.items() if value is not ...}


def message(name: str, kind: int, value: object) -> Vector:
    text = compact(value)
    return {
        "name": name, "json": text, "value": value, "salt": SALT.hex(),
        "sealed": seal_plaintext(kind, pad(text.encode())).hex(),
    }  # fmt: skip


def profiles() -> list[Vector]:
    return [
        message("whole", PROFILE, profile_of()),
        message("no name, no source, recording", PROFILE, profile_of(name="", sources=[], recording=True)),
        message("unknown fields", PROFILE, profile_of(later={"x": [1]}, n=2)),
        message("longest name", PROFILE, profile_of(name="\U0001f3a7" * 64, n=(1 << 53) - 1)),
        message("eight sources", PROFILE, profile_of(sources=_sources(8))),
    ]


def _sources(count: int) -> list[Vector]:
    return [{"kid": f"{number:016x}", "kind": "microphone", "muted": False} for number in range(count)]


def chat() -> list[Vector]:
    return [
        message("whole", CHAT_KIND, line_of()),
        message("one character", CHAT_KIND, line_of(text="x", n=2)),
        message("longest", CHAT_KIND, line_of(text="\U0001f3a7" * 2000, n=3)),
        message("unknown fields", CHAT_KIND, line_of(later=1, n=4)),
        message("direction controls", CHAT_KIND, line_of(text="\u202egnp.exe", n=5)),
    ]


def invalid_messages(kind: int, of: Any, bad: dict[str, Vector]) -> list[Vector]:
    good_text = compact(of()).encode()
    good = seal_plaintext(kind, pad(good_text))
    other = CHAT_KIND if kind == PROFILE else PROFILE
    bound = 3840 if kind == PROFILE else 8192
    changed = bytearray(good)
    changed[30] ^= 1
    found = {
        "empty": (b"", "message_forged"),
        "version and salt alone": (good[:25], "message_forged"),
        "cut": (good[:-1], "message_forged"),
        "shorter than a tag": (good[:40], "message_forged"),
        "changed": (bytes(changed), "message_forged"),
        "version 1": (b"\x01" + good[1:], "message_forged"),
        "another room": (seal_plaintext(kind, pad(good_text), room=bytes(16)), "message_forged"),
        "additional data of the other kind": (
            seal_plaintext(kind, pad(good_text), aad_kind=other), "message_forged"),
        "key of the other kind": (
            seal_plaintext(kind, pad(good_text), key=CHAT if kind == PROFILE else PROFILES), "message_forged"),
        "over its bound": (
            seal_plaintext(kind, pad(good_text) + bytes(bound - len(pad(good_text)) + 256)), "message_malformed"),
        "no length": (seal_plaintext(kind, b"\x00"), "message_malformed"),
        "length beyond the end": (seal_plaintext(kind, b"\x01\x00" + bytes(254)), "message_malformed"),
        "not JSON": (seal_plaintext(kind, pad(b"{")), "message_malformed"),
        "JSON, then more": (seal_plaintext(kind, pad(good_text + b"x")), "message_malformed"),
        "not UTF-8": (seal_plaintext(kind, pad(b'{"x":"\xff"}')), "message_malformed"),
        "a list": (seal_plaintext(kind, pad(b"[]")), "message_malformed"),
        "nested deeply": (seal_plaintext(kind, pad(b'{"x":' + b"[" * 3000)), "message_malformed"),
    }  # fmt: skip
    found |= {
        name: (seal_plaintext(kind, pad(compact(value).encode())), "message_malformed")
        for name, value in bad.items()
    }
    return [{"name": name, "sealed": sealed.hex(), "count": count} for name, (sealed, count) in found.items()]


def bad_senders(of: Any) -> dict[str, Vector]:
    text = base64url(SENDER)
    return {
        "sender cut": of(sender=text[:-1]),
        "sender padded": of(sender=text + "=="),
        "sender not canonical": of(sender=text[:-1] + "x"),
        "sender of another alphabet": of(sender="+" + text[1:]),
        "n of 0": of(n=0),
        "n of 2^53": of(n=1 << 53),
        "n a text": of(n="1"),
        "n true": of(n=True),
        "at negative": of(at=-1),
    } | {f"no {name}": of(**{name: ...}) for name in of()}


def bad_profiles() -> dict[str, Vector]:
    source = {"kid": "00000000000000ff", "kind": "camera", "muted": False}
    controls = [
        "\x00",
        "\n",
        "\x1f",
        "\x7f",
        "\x80",
        "\x9f",
        "\u061c",
        "\u200e",
        "\u200f",
        "\u202a",
        "\u202e",
        "\u2066",
        "\u2069",
    ]
    return {
        **bad_senders(profile_of),
        **{f"name with U+{ord(char):04X}": profile_of(name=f"a{char}b") for char in controls},
        "name of 65": profile_of(name="x" * 65),
        "name a number": profile_of(name=1),
        "nine sources": profile_of(sources=_sources(9)),
        "one KID twice": profile_of(sources=[source, source]),
        "KID of 15 digits": profile_of(sources=[{**source, "kid": "0" * 15}]),
        "KID of 17 digits": profile_of(sources=[{**source, "kid": "0" * 17}]),
        "KID in capitals": profile_of(sources=[{**source, "kid": "00000000000000FF"}]),
        "KID a number": profile_of(sources=[{**source, "kid": 255}]),
        "source of another kind": profile_of(sources=[{**source, "kind": "kitchen"}]),
        "source without muted": profile_of(sources=[{"kid": source["kid"], "kind": "camera"}]),
        "muted a number": profile_of(sources=[{**source, "muted": 0}]),
        "recording a text": profile_of(recording="no"),
        "recording null": profile_of(recording=None),
    }  # fmt: skip


def bad_lines() -> dict[str, Vector]:
    return {
        **bad_senders(line_of),
        **{f"text with U+{ord(char):04X}": line_of(text=f"a{char}b") for char in ("\x00", "\r", "\x1f", "\x7f", "\x85")},
        "no text in it": line_of(text=""),
        "text of 2,001": line_of(text="x" * 2001),
        "text a number": line_of(text=1),
    }  # fmt: skip


def whole() -> Vector:
    return {
        "about": "Made by tests/vectors/make_e2ee.py from sfu/e2ee/PROTOCOL.md. Bytes are hexadecimal, counters decimal text.",
        "link": links(),
        "apart": apart(),
        "keys": keys(),
        "sources": [{"source": source, "kid": f"{kid:016x}"} for source, kid in KIDS.items()],
        "frames": frames(),
        "frames_invalid": invalid_frames(),
        "replay": replay(),
        "pictures": pictures(),
        "profiles": profiles(),
        "profiles_invalid": invalid_messages(PROFILE, profile_of, bad_profiles()),
        "chat": chat(),
        "chat_invalid": invalid_messages(CHAT_KIND, line_of, bad_lines()),
    }


if __name__ == "__main__":
    text = json.dumps(whole(), indent=1) + "\n"
    Path(__file__).with_name("e2ee.json").write_text(text, encoding="utf-8")
