"""What test_strangers.py runs within a namespace: connections to a worker's ICE-TCP port on which no check comes.

Arguments: how many a source may have, the server's address, two of one source (of one host, as far as the server can tell), and
one of another.
"""

import socket
import subprocess
import sys

from sfu._native import Workers
from tests.media.test_workers import PASSWORD, check, make_workers, read_frame, settle


def connect(workers: Workers, source: str) -> socket.socket:
    address = workers.local_address(0, 0, tcp=True)
    return socket.create_connection(address, timeout=30, source_address=(source, 0))


def is_served(client: socket.socket) -> bool:
    client.settimeout(30)
    sent = check()
    client.sendall(len(sent).to_bytes(2) + sent)
    return len(read_frame(client)) > 0


def main(most: str, server: str, *sources: str) -> None:
    prefix = "128" if ":" in server else "32"
    for address in {server, *sources}:
        subprocess.run(["ip", "address", "add", f"{address}/{prefix}", "dev", "lo"], check=True, timeout=60)
    one, same, other = sources
    workers = make_workers(count=1, addresses=[(server, 0)])
    workers.start()
    workers.transport_open(0, 5, "abcd", PASSWORD, "wxyz", PASSWORD)
    settle(workers, 0)
    distant = connect(workers, other)
    opened = [connect(workers, (one, same)[number % 2]) for number in range(int(most) + 1)]
    assert opened[0].recv(1) == b"", "the oldest is hung up on"
    # One fewer, and this one would be gone; later, and all would, as they send nothing.
    assert is_served(opened[1])
    assert is_served(distant), "who came before all of them, from elsewhere"
    workers.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
