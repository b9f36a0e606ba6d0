import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from sfu.http.remote import remote_of


def _remote(peer: str, forwarded: list[str], trusted: list[str]) -> str:
    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=peer)
    return remote_of(trusted)(request)


@pytest.mark.parametrize(
    "peer,forwarded,trusted,expected",
    [
        ("10.0.0.1", [], [], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1"], [], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1"], ["10.0.0.0/8"], "1.1.1.1"),
        ("10.0.0.1", [], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", ["9.9.9.9, 1.1.1.1"], ["10.0.0.0/8"], "1.1.1.1"),
        ("10.0.0.1", ["9.9.9.9, 1.1.1.1, 10.0.0.2"], ["10.0.0.0/8"], "1.1.1.1"),
        ("10.0.0.1", ["9.9.9.9", "1.1.1.1"], ["10.0.0.0/8"], "1.1.1.1"),
        ("10.0.0.1", ["1.1.1.1, nonsense"], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3"], ["10.0.0.0/8"], "10.0.0.3"),
        ("1.2.3.4", ["1.1.1.1"], ["10.0.0.0/8"], "1.2.3.4"),
        ("::1", ["2001:db8::7"], ["::1"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["1.1.1.1"], ["10.0.0.1"], "1.1.1.1"),
        ("fe80::1%eth0", [], [], "fe80::1"),
    ],
)
def test_whose_request_it_is(peer: str, forwarded: list[str], trusted: list[str], expected: str) -> None:
    assert _remote(peer, forwarded, trusted) == expected
