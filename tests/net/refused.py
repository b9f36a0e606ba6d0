"""What test_refused.py runs within a namespace: a worker whose kernel does not take all that it sends.

Arguments: the family's addresses of the server, of one client who will be cut off, and of one who stays. Prints, in JSON, what
each transport's trace told of refusals, and the lengths of what the one who stays was sent.
"""

import json
import socket
import subprocess
import sys
import time

from sfu._native import Event, Workers
from sfu.media.trace import records
from tests.media.test_workers import PASSWORD, check, make_workers

MTU_BYTES = 1300
SHORT, LONG = bytes([22]) * 1200, bytes([22]) * 1400
CUT_OFF, STAYS = 0, 1


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=60)


def join(workers: Workers, transport: int, address: str) -> socket.socket:
    """A client whose check has been answered."""
    ufrag = f"abc{transport}"
    workers.transport_open(0, transport, ufrag, PASSWORD, "wxyz")
    workers.transport_trace(0, transport, "events")
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(0.5)
    client.bind((address, 0))
    client.connect(workers.local_address(0, 0))
    for _ in range(40):
        client.send(check(username=f"{ufrag}:wxyz"))
        try:
            client.recv(2000)
        except TimeoutError:
            continue  # the command has not come yet
        return client
    raise AssertionError("no answer")


def refusals(workers: Workers, count: int) -> list[tuple[int, int, int]]:
    """(transport, datagrams, errno) of so many records."""
    found: list[tuple[int, int, int]] = []
    end = time.monotonic() + 30
    while len(found) < count:
        assert time.monotonic() < end, found
        for _, event in workers.drain():
            if isinstance(event, Event) and event.type == "trace":
                told = [record for record in records(event.data) if record.what == "send_refused"]
                found += [(event.transport, record.number, record.id) for record in told]
        time.sleep(0.01)
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
    for transport, data in ((STAYS, SHORT), (CUT_OFF, SHORT), (STAYS, LONG), (STAYS, SHORT)):
        workers.transport_dtls(0, transport, data)
    sys.stdout.write(json.dumps({"refused": refusals(workers, 2), "received": lengths(client, 2)}))
    workers.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
