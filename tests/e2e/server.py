"""The real server, as an operator starts it, in a process of its own on ports that the system picks."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

START_S = 60  # a loaded machine; nothing is measured here
CHECKOUT = (sys.executable, "-m", "sfu")
PAGE = Path(__file__).parent / "page"
_FETCH = "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1]).read())"


@dataclass
class Server:
    url: str
    process: asyncio.subprocess.Process
    lines: list[dict[str, object]]  # of its log
    here: Sequence[str]  # what goes before a command for it to run where the server does

    @property
    def signaling(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws"

    def at(self, host: str) -> "Server":
        """The same, as somebody sees it for whom that is its address."""
        return replace(self, url=f"http://{host}:{self.url.rpartition(':')[2]}")

    async def metrics(self) -> dict[str, float]:
        """By name with labels, as Prometheus reads them."""
        # Only the server's own machine may ask, which in a network namespace this process is not.
        url = f"http://localhost:{self.url.rpartition(':')[2]}/metrics"
        fetch = await asyncio.create_subprocess_exec(
            *self.here, sys.executable, "-c", _FETCH, url, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await fetch.communicate()
        assert fetch.returncode == 0, url
        lines = output.decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


@asynccontextmanager
async def serving(
    folder: Path,
    settings: str,
    environment: Mapping[str, str] | None = None,
    here: Sequence[str] = (),
    sfu: Sequence[str] = CHECKOUT,
) -> AsyncIterator[Server]:
    """A server with this configuration; at the end it must stop by itself upon SIGTERM. `here` goes before the command,
    as Namespace.prefix does; `sfu` is the command.
    """
    config = folder / "server.toml"
    config.write_text(settings, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *here, *sfu, "serve", "--config", str(config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "SFU_LOG__FORMAT": "json", **(environment or {})},
    )  # fmt: skip
    lines: list[dict[str, object]] = []
    try:
        async with asyncio.timeout(START_S):
            url = await _url(process, lines)
        reader = asyncio.create_task(_read(process, lines))
        yield Server(url, process, lines, here)
        process.terminate()
        async with asyncio.timeout(START_S):
            assert await process.wait() == 0, lines[-5:]
        await reader
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _url(process: asyncio.subprocess.Process, lines: list[dict[str, object]]) -> str:
    assert process.stdout
    async for line in process.stdout:
        try:
            lines.append(json.loads(line))
        except ValueError:
            raise AssertionError(f"the server did not start: {line.decode()}") from None
        if lines[-1].get("event") == "serving":
            return str(lines[-1]["url"])
    raise AssertionError(f"the server did not start: {lines}")


async def _read(process: asyncio.subprocess.Process, lines: list[dict[str, object]]) -> None:
    assert process.stdout
    lines.extend([json.loads(line) async for line in process.stdout])
