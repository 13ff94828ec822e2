"""Load on a server from a process of its own, one JSON line out.

    python -m benchmarks.load PORT PATH CLIENTS SECONDS USERS

Each client keeps one connection and asks again as soon as it has its answer, for lists of different users:
USERS is a JSON file with their ids.
"""

import http.client
import json
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def ask(port: int, path: str, users: Sequence[str], client: int, until: float, seconds: list[float]) -> None:
    """One client."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    number = client * 101
    while time.perf_counter() < until:
        body = json.dumps({"user_id": users[number % len(users)], "n": 10}).encode()
        number += 1
        started = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}")
        seconds.append(time.perf_counter() - started)


def main(port: int, path: str, clients: int, seconds: float, users: Sequence[str]) -> None:
    """Run all clients for some seconds and print what they saw, in milliseconds."""
    found: list[list[float]] = [[] for _ in range(clients)]
    until = time.perf_counter() + seconds
    threads = [threading.Thread(target=ask, args=(port, path, users, n, until, own)) for n, own in enumerate(found)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = 1e3 * np.array([value for own in found for value in own])
    p50, p90, p99 = np.quantile(times, [0.5, 0.9, 0.99]).tolist()
    print(json.dumps({"p50": p50, "p90": p90, "p99": p99, "per_second": len(times) / seconds, "requests": len(times)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), json.loads(Path(sys.argv[5]).read_text()))
