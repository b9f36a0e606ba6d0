"""Who may see what is the operator's business."""

import ipaddress
import secrets

from aiohttp import hdrs, web

from sfu.redact import Secret


class Access:
    """Those with the token, or, where none is set, this machine only."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def require(self, request: web.Request, *, by_name: bool = True) -> None:
        """Raises 401 or 403. Without `by_name` this machine has to be called by its address or localhost, and by no page:
        a name of somebody else's can come to mean this machine (DNS rebinding), and then their page may read.
        """
        if self._token:
            given = request.headers.get(hdrs.AUTHORIZATION, "").removeprefix("Bearer ")
            if not secrets.compare_digest(given.encode(errors="replace"), self._token.reveal().encode()):
                raise web.HTTPUnauthorized(headers={hdrs.WWW_AUTHENTICATE: "Bearer"})
        elif not _is_here(request) or not (by_name or _is_called_by_address(request)):
            raise web.HTTPForbidden


def _is_here(request: web.Request) -> bool:
    # Behind a proxy on this machine everybody seems to be here; the proxy says so in one of these.
    if hdrs.FORWARDED in request.headers or hdrs.X_FORWARDED_FOR in request.headers:
        return False
    return request.remote is not None and ipaddress.ip_address(request.remote.partition("%")[0]).is_loopback


def _is_called_by_address(request: web.Request) -> bool:
    if hdrs.ORIGIN in request.headers:
        return False
    host = request.url.host or ""
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
