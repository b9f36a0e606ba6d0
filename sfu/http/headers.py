"""Headers of every answer, and CORS for what other origins may call.

The web client is a static bundle: nothing inline, no third party, no cookie (DESIGN.md, "Control plane"). It may connect to
whichever server the link names, hence the wide connect-src.
"""

from collections.abc import Awaitable, Callable, Collection

from aiohttp import hdrs, web

API_PREFIX = "/api/"

# Local servers speak plain HTTP; 'self' includes ws: of the same origin in all browsers that have E2EE transforms.
_CONNECT = "'self' https: wss: http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*"
CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    f"connect-src {_CONNECT}",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    # A worker's URL has to be a TrustedScriptURL: the one policy that the client may define makes it.
    "require-trusted-types-for 'script'",
    "trusted-types sfu",
))  # fmt: skip
_PERMISSIONS = (
    "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), screen-wake-lock=(self), "
    "autoplay=(self), picture-in-picture=(self), speaker-selection=(self), "
    "geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=(), browsing-topics=()"
)
_ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": _PERMISSIONS,
    "Referrer-Policy": "no-referrer",
    "Server": "sfu",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HSTS = "max-age=31536000"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def origin_allowed(origin: str | None, origins: Collection[str], host: str) -> bool:
    """Whether a page of `origin` may call us. Browsers always name it; other clients (None) have no need to lie. `host` is the
    request's own.
    """
    return (
        origin is None
        or "*" in origins
        or origin in origins
        or origin in {f"http://{host}", f"https://{host}"}
    )


def may_call(request: web.Request, origins: Collection[str]) -> bool:
    """Whether its page's origin may call us: WebSockets know no CORS, so their handler asks."""
    return origin_allowed(request.headers.get(hdrs.ORIGIN), origins, request.host)


def install(app: web.Application, *, origins: Collection[str], tls: bool) -> None:
    always = _ALWAYS | ({"Strict-Transport-Security": _HSTS} if tls else {})

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in always.items():
            response.headers[name] = value
        if request.path.startswith(API_PREFIX):
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
            _allow(request, response, origins)

    @web.middleware
    async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
        asks = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
        if asks and request.path.startswith(API_PREFIX):
            return web.Response(status=204)
        return await handler(request)

    app.on_response_prepare.append(add)
    app.middlewares.append(preflight)


def _allow(request: web.Request, response: web.StreamResponse, origins: Collection[str]) -> None:
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return
    response.headers.add(hdrs.VARY, hdrs.ORIGIN)
    if not may_call(request, origins):
        return
    # No credentials: a token is sent on purpose, in a header, and there are no cookies.
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*" if "*" in origins else origin
    if request.method == hdrs.METH_OPTIONS:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, POST, DELETE"
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "Authorization, Content-Type"
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "7200"
