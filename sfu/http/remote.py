"""Whose request it is, also behind a proxy."""

import ipaddress
from collections.abc import Callable, Iterable

from aiohttp import hdrs, web

Remote = Callable[[web.Request], str]


def remote_of(trusted_proxies: Iterable[str]) -> Remote:
    """A function that gives the address of a request's sender.

    X-Forwarded-For is believed from the right, as long as those who wrote it are trusted: what stands further left
    could have been written by anyone.
    """
    trusted = [ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies]

    def is_trusted(address: str) -> bool:
        ip = ipaddress.ip_address(address)
        return any(ip in network for network in trusted)

    def remote(request: web.Request) -> str:
        address = _plain(request.remote or "") or "0.0.0.0"  # noqa: S104  stands for "unknown", nothing binds to it
        chain = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, [])).split(",")
        while is_trusted(address) and chain:
            behind = _plain(chain.pop())
            if behind is None:
                break
            address = behind
        return address

    return remote


def _plain(text: str) -> str | None:
    try:
        ip = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)
