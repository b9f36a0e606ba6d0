"""What test_full.py runs within a namespace: a socket whose network stands still, and then goes on.

Prints, in JSON, how many messages waited meanwhile, how many the counters say were lost, and the numbers that arrived.
"""

import json
import select
import socket
import subprocess
import sys

from sfu._testing.udp import UdpSocket

MESSAGES, MORE, BYTES = 200, 2000, 500
# What waits in the queue counts against the socket's buffer, which holds less.
STUCK = ("rate", "8kbit", "burst", "2k", "limit", "64m")
FREE = ("rate", "1gbit", "burst", "1m", "limit", "64m")
PATIENCE_S = 30


def shape(verb: str, *shaping: str) -> None:
    subprocess.run(
        ["tc", "qdisc", verb, "dev", "lo", "root", "handle", "1:", "tbf", *shaping], check=True, timeout=60
    )


def main() -> None:
    shape("add", *STUCK)
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    receiver.settimeout(PATIENCE_S)
    receiver.bind(("127.0.0.1", 0))
    to = receiver.getsockname()
    sender = UdpSocket(buffer_bytes=16384)
    messages = [(to, number.to_bytes(4) + bytes(BYTES - 4), 0) for number in range(MESSAGES + MORE)]
    sender.send(messages[: MESSAGES // 2])
    told = {"blocked": sender.blocked, "waited": sender.waiting}
    sender.send(messages[MESSAGES // 2 : MESSAGES])
    told["lost"] = sender.counters["send_errors"]
    sender.send(messages[MESSAGES:])
    told["waited_at_most"] = sender.waiting
    told["lost_then"] = sender.counters["send_errors"]
    shape("change", *FREE)
    arrived: list[int] = []
    while len(arrived) < len(messages) - told["lost_then"]:
        readable, writable, _ = select.select([receiver], [sender] if sender.blocked else [], [], PATIENCE_S)
        assert readable or writable, arrived
        if writable:
            sender.on_writable()
        if readable:
            arrived.append(int.from_bytes(receiver.recv(2000)[:4]))
    sys.stdout.write(json.dumps(told | {"arrived": arrived, "still_blocked": sender.blocked}))


if __name__ == "__main__":
    main()
