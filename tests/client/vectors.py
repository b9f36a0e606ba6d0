"""tests/vectors/e2ee.json, and what its frames are opened with."""

import json
from pathlib import Path
from typing import Any

import pytest

from sfu.client.keys import LinkKeys, RoomKeys, Source
from sfu.redact import SecretBytes

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors/e2ee.json").read_text(encoding="utf-8")
)
SENDER = b"sender of frames"


def room_keys() -> RoomKeys:
    return RoomKeys(SecretBytes(bytes.fromhex(VECTORS["link"]["secret"])))


def frame_keys(*more: tuple[int, str]) -> LinkKeys:
    """With a sender who has claimed the KIDs of the vectors, and these."""
    keys = LinkKeys(room_keys())
    claims = {int(one["kid"], 16): one["source"] for one in VECTORS["sources"]} | dict(more)
    for kid, source in claims.items():
        assert keys.claim(SENDER, kid, Source(source))
    return keys


def named(vectors: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]
