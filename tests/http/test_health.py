from sfu.http.health import Health
from tests.http.support import application, serving


async def test_health_until_draining() -> None:
    health = Health()
    async with serving(application(health=health)) as session:
        async with session.get("/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok"})
            assert answer.headers["Cache-Control"] == "no-store"
        health.draining = True
        async with session.get("/healthz") as answer:
            assert (answer.status, await answer.json()) == (503, {"status": "draining"})
