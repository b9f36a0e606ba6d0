"""`sfu join` as people start it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def commands(link: str) -> AsyncIterator[Callable[..., Awaitable[asyncio.subprocess.Process]]]:
    """Starts `sfu join`; none outlives the test."""
    started: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str, blocks: int | None = None) -> asyncio.subprocess.Process:
        """`blocks` of 1,024 bytes are what a file may have, as if the disk were full then."""
        command = [sys.executable, "-m", "sfu", "join", link, *arguments]
        if blocks is not None:
            command = ["bash", "-c", f'ulimit -f {blocks}; exec "$@"', "bash", *command]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "200"},
        )
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
                await process.communicate()
