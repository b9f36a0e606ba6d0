"""`/healthz`: whether to send people here."""

from aiohttp import hdrs, web


class Health:
    """What is told to whoever balances load: 200 while new people are welcome, 503 once the server drains."""

    def __init__(self) -> None:
        self.draining = False

    def install(self, app: web.Application) -> None:
        app.router.add_get("/healthz", self._get)

    async def _get(self, _request: web.Request) -> web.Response:
        state, status = ("draining", 503) if self.draining else ("ok", 200)
        return web.json_response({"status": state}, status=status, headers={hdrs.CACHE_CONTROL: "no-store"})
