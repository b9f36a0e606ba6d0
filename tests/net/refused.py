"""What test_refused.py runs within a namespace: a worker whose kernel does not take all that it sends.

Arguments: the family's addresses of the server, of one client who will be cut off, and of one who stays. Prints, in JSON, what
each transport's trace told of refusals, and the lengths of what the one who stays was sent.
"""

import json
import socket
import subprocess
import sys
import time

from aioice import stun

from sfu._native import Event, Workers
from sfu.media.trace import records
from tests.media.test_workers import PASSWORD, answer, check, make_workers

MTU_BYTES = 1300
SHORT, LONG = bytes([22]) * 200, bytes([22]) * 1400
CUT_OFF, STAYS = 0, 1


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=60)


def join(workers: Workers, transport: int, address: str) -> socket.socket:
    """A client whose check has been answered, and who has answered the server's."""
    ufrag = f"abc{transport}"
    workers.transport_open(0, transport, ufrag, PASSWORD, "wxyz", PASSWORD)
    workers.transport_trace(0, transport, "events")
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(0.5)
    client.bind((address, 0))
    client.connect(workers.local_address(0, 0))
    for _ in range(40):
        client.send(check(username=f"{ufrag}:wxyz"))
        try:
            while stun.parse_message(data := client.recv(2000)).message_class is not stun.Class.REQUEST:
                pass
        except TimeoutError:
            continue  # the command has not come yet
        client.send(answer(data))
        return client
    raise AssertionError("no check of the server's")


def refusals(workers: Workers) -> set[tuple[int, int, int]]:
    """(transport, datagrams, errno), when there are some of both. What is too long is sent until it is refused: before the
    client's answer has been read the server sends no more than a few bytes.
    """
    found: set[tuple[int, int, int]] = set()
    end = time.monotonic() + 30
    while {transport for transport, *_ in found} != {CUT_OFF, STAYS}:
        assert time.monotonic() < end, found
        workers.transport_dtls(0, STAYS, LONG)
        time.sleep(0.05)
        for _, event in workers.drain():
            if isinstance(event, Event) and event.type == "trace":
                told = [record for record in records(event.data) if record.what == "send_refused"]
                found |= {(event.transport, record.number, record.id) for record in told}
    return found


def lengths(client: socket.socket, count: int) -> list[int]:
    """Of the DTLS records that come."""
    found: list[int] = []
    client.settimeout(30)
    while len(found) < count:
        data = client.recv(2000)
        if data[0] == SHORT[0]:
            found.append(len(data))
    return found


def main(server: str, cut_off: str, stays: str) -> None:
    whole = "128" if ":" in server else "32"
    for address in (server, cut_off, stays):
        ip("address", "add", f"{address}/{whole}", "dev", "lo")
    workers = make_workers(count=1, addresses=[(server, 0)])
    workers.start()
    gone, client = join(workers, CUT_OFF, cut_off), join(workers, STAYS, stays)
    gone.close()
    ip("address", "del", f"{cut_off}/{whole}", "dev", "lo")
    ip("link", "set", "lo", "mtu", str(MTU_BYTES))
    workers.transport_dtls(0, CUT_OFF, SHORT)
    told = sorted(refusals(workers))
    for _ in range(2):
        workers.transport_dtls(0, STAYS, SHORT)
    sys.stdout.write(json.dumps({"refused": told, "received": lengths(client, 2)}))
    workers.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
