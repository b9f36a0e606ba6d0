from collections.abc import Iterable

import pytest

from sfu.http.metrics import Figure, Metrics
from sfu.redact import Secret
from tests.http.support import application, nothing, serving


async def test_figures_are_taken_when_asked() -> None:
    asked = 0

    def snapshot() -> Iterable[Figure]:
        nonlocal asked
        asked += 1
        yield Figure("sfu_packets", "Packets.", "counter", "worker", {"0": asked, "1": 7})
        yield Figure("sfu_rooms", "Rooms.", "gauge", "", {"": 3})

    async with serving(application(metrics=Metrics(snapshot, Secret("")))) as session:
        assert asked == 0
        for count in (1, 2):
            async with session.get("/metrics") as answer:
                assert answer.status == 200
                assert answer.headers["Content-Type"].startswith("text/plain; version=")
                lines = (await answer.text()).splitlines()
            assert f'sfu_packets_total{{worker="0"}} {count}.0' in lines
            assert 'sfu_packets_total{worker="1"} 7.0' in lines
            assert "# TYPE sfu_packets_total counter" in lines
            assert "# HELP sfu_rooms Rooms." in lines
            assert "sfu_rooms 3.0" in lines
            assert any(line.startswith("sfu_process_resident_memory_bytes ") for line in lines)


async def test_two_servers_in_one_process_have_their_own() -> None:
    first, second = (
        Metrics(lambda: [Figure("sfu_x", "X.", "gauge", "", {"": 1})], Secret("")) for _ in range(2)
    )
    for metrics in (first, second):
        async with serving(application(metrics=metrics)) as session, session.get("/metrics") as answer:
            assert "sfu_x 1.0" in await answer.text()


@pytest.mark.parametrize(
    "authorization,status",
    [("Bearer hush", 200), ("Bearer wrong", 401), ("Bearer ", 401), ("Bearer h\u00fcsh", 401), ("", 401)],
)
async def test_token(authorization: str, status: int) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    app = application(metrics=Metrics(nothing, Secret("hush")))
    async with serving(app) as session, session.get("/metrics", headers=headers) as answer:
        assert answer.status == status
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
async def test_without_a_token_nobody_reads_through_a_proxy(header: str) -> None:
    async with (
        serving(application()) as session,
        session.get("/metrics", headers={header: "127.0.0.1"}) as answer,
    ):
        assert answer.status == 403
