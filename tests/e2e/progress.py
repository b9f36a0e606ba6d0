"""Waiting for media to flow: counters that go on, with no time measured."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import pytest

PATIENCE_S = 120  # for a machine that is loaded
FRAMES = 30


class Client(Protocol):
    participant: int

    async def progress(self) -> dict[int, dict[str, int]]: ...
    async def leave(self) -> None: ...


async def until(holds: Callable[[], Awaitable[bool]], state: Callable[[], Awaitable[object]]) -> None:
    """Waits until it holds; a test that waits in vain fails with the state."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await holds():  # noqa: ASYNC110  a browser's counters raise no event
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"no progress: {await state()}")


async def all_decode_all(clients: Sequence[Client]) -> None:
    """Frames and sound of everybody go on coming in at everybody else."""
    before = [await client.progress() for client in clients]

    async def progress() -> bool:
        for client, earlier in zip(clients, before, strict=True):
            now = await client.progress()
            for other in clients:
                if other is client:
                    continue
                for kind in ("audio", "video"):
                    gained = now.get(other.participant, {}).get(kind, 0)
                    gained -= earlier.get(other.participant, {}).get(kind, 0)
                    if gained < FRAMES:
                        return False
        return True

    async def state() -> object:
        return {client.participant: await client.progress() for client in clients}

    await until(progress, state)
