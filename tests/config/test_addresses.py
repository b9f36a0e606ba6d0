import socket
import sys

import pytest

from sfu import addresses
from sfu.errors import LocalError
from tests.net.namespace import network

V4, V6 = socket.AF_INET, socket.AF_INET6


def _probe(v4: str | None, v6: str | None) -> addresses.Probe:
    return {V4: v4, V6: v6}.get


def test_words_stand_for_addresses_of_both_families() -> None:
    found = addresses.resolve(
        ["loopback", "default", "10.1.0.1"],
        default=_probe("10.0.0.5", "2001:db8::5"),
        loopback=_probe("127.0.0.1", "::1"),
    )
    assert found == ("127.0.0.1", "::1", "10.0.0.5", "2001:db8::5", "10.1.0.1")


def test_family_without_a_route_is_left_out() -> None:
    assert addresses.resolve(["default"], default=_probe("10.0.0.5", None)) == ("10.0.0.5",)
    assert addresses.resolve(["default"], default=_probe(None, "2001:db8::5")) == ("2001:db8::5",)


def test_each_address_is_there_once() -> None:
    found = addresses.resolve(
        ["default", "10.0.0.5", "2001:DB8:0::5"], default=_probe("10.0.0.5", "2001:db8::5")
    )
    assert found == ("10.0.0.5", "2001:db8::5")


def test_no_address_at_all_is_an_error() -> None:
    with pytest.raises(LocalError, match="this machine has no address for default"):
        addresses.resolve(["default"], default=_probe(None, None))


def test_loopback_of_this_machine() -> None:
    assert addresses.loopback_address(V4) == "127.0.0.1"


# What the kernel answers is tried in a network of its own, whose routes are known.
_CASES = {
    "both families": (
        (
            "ip addr add 10.7.0.2/24 dev d0; ip -6 addr add fd07::2/64 dev d0 nodad;"
            "ip route add default via 10.7.0.1; ip -6 route add default via fd07::1"
        ),
        "127.0.0.1 ::1 10.7.0.2 fd07::2",
    ),
    "IPv4 only": (
        "ip addr add 10.7.0.2/24 dev d0; ip route add default via 10.7.0.1",
        "127.0.0.1 ::1 10.7.0.2",
    ),
    "IPv6 only": (
        "ip -6 addr add fd07::2/64 dev d0 nodad; ip -6 route add default via fd07::1",
        "127.0.0.1 ::1 fd07::2",
    ),
    "link-local only": (
        # Until its duplicate check is over a link-local address is none to send from.
        "ip -6 addr flush dev d0; ip -6 addr add fe80::2/64 dev d0 nodad; ip -6 route add default via fe80::1 dev d0",
        "127.0.0.1 ::1",
    ),
    "an address but no default route": ("ip addr add 10.7.0.2/24 dev d0", "127.0.0.1 ::1"),
}


@pytest.mark.parametrize("case", _CASES)
def test_default_route(case: str) -> None:
    setup, expected = _CASES[case]
    show = "from sfu import addresses; print(*addresses.resolve(['loopback', 'default']))"
    prepare = "ip link add name d0 type veth peer name d1; ip link set d1 up; ip link set d0 up"
    with network("here") as (here,):
        here.run("sh", "-c", f"{prepare}; {setup}")
        assert here.run(sys.executable, "-c", show).split() == expected.split()
