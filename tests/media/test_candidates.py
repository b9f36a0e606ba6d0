"""Candidates are what clients can reach."""

from sfu.media.candidates import Listener, host_candidates

LISTENERS = [
    Listener("10.0.0.5", 4000, "udp"),
    Listener("2001:db8::5", 4001, "udp"),
    Listener("10.0.0.5", 4000, "tcp"),
    Listener("2001:db8::5", 4001, "tcp"),
]


def test_udp_comes_before_tcp_and_the_order_is_kept() -> None:
    made = host_candidates(list(reversed(LISTENERS)), {})
    assert [(c.protocol, c.ip) for c in made] == [
        ("udp", "2001:db8::5"),
        ("udp", "10.0.0.5"),
        ("tcp", "2001:db8::5"),
        ("tcp", "10.0.0.5"),
    ]
    assert len({c.priority for c in made}) == len({c.foundation for c in made}) == 4
    assert all(0 < c.priority < 2**31 for c in made)
    assert all(c.priority % 256 == 255 for c in made)  # component 1


def test_priority_of_the_only_socket_is_that_of_rfc_8445() -> None:
    (only,) = host_candidates(LISTENERS[:1], {})
    assert only.priority == 2130706431


def test_behind_nat_the_outer_address_is_told_instead() -> None:
    made = host_candidates(LISTENERS, {"10.0.0.5": "203.0.113.7"})
    assert {c.ip for c in made} == {"203.0.113.7", "2001:db8::5"}
    assert {c.port for c in made if c.ip == "203.0.113.7"} == {4000}


def test_without_sockets_there_are_none() -> None:
    assert host_candidates([], {}) == ()
