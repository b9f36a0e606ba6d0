import asyncio

import pytest

from sfu.errors import LocalError
from sfu.http.server import Server
from tests.http.support import application


async def test_taken_port_is_told_in_a_sentence() -> None:
    first = Server(application(), "127.0.0.1", 0, None)
    await first.start()
    try:
        second = Server(application(), "127.0.0.1", first.port, None)
        with pytest.raises(LocalError, match=rf"http: 127\.0\.0\.1:{first.port} is taken by another program"):
            await second.start()
    finally:
        await first.stop()


async def test_address_of_another_machine() -> None:
    server = Server(application(), "203.0.113.1", 0, None)
    with pytest.raises(LocalError, match="is not an address of this machine"):
        await server.start()


async def test_url_of_ipv6() -> None:
    server = Server(application(), "::1", 0, None)
    try:
        await server.start()
    except LocalError:
        pytest.skip("this machine has no IPv6")
    try:
        assert server.url == f"http://[::1]:{server.port}"
    finally:
        await server.stop()


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: a", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"],
    ids=["nothing", "half a request", "one request"],
)
async def test_who_says_nothing_more_is_hung_up_on(beginning: bytes) -> None:
    server = Server(application(), "127.0.0.1", 0, None, idle_s=0.1)
    await server.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(beginning)
        await asyncio.wait_for(reader.read(), 20.0)  # to the end
        writer.close()
        await writer.wait_closed()
    finally:
        await server.stop()
