"""Are events safe: `python -m benchmarks.durability [--kills 20] [--seconds 10]`.

First how many events a second one worker stores durably on SQLite, in batches of 50. Then `kill -9` in mid-stream,
again and again on one store: writers send a batch again until it is acknowledged, as a careful client does; at the end
every acknowledged event must be there exactly once, and every batch whole or not at all.
"""

import http.client
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.arguments import parser_of
from benchmarks.databases import free_port
from benchmarks.processes import kill
from benchmarks.shop import Caller, events, make, serving
from recsys.registry import Registry
from recsys.store import open_store, sqlite_url

BATCH = 50
WRITERS = 4
SECONDS_BETWEEN_KILLS = 1.0


def write(port: int, writer: int, until: threading.Event, acknowledged: list[str], ask_again: bool) -> None:
    """Post batches until `until` is set; a batch without an answer is sent again if `ask_again`."""
    call, rng, number = Caller(port), np.random.default_rng(writer), 0
    while not until.is_set():
        ids = [f"w{writer}-{number}-{part}" for part in range(BATCH)]
        body = events(rng, ids)
        while True:
            try:
                status, _ = call("POST", "/v1/events", body)
            except (OSError, http.client.HTTPException):
                status = 0
            if status == 202:
                acknowledged.extend(ids)
                break
            if not ask_again or until.is_set():
                break
            time.sleep(0.02)
        number += 1


def writers(port: int, until: threading.Event, ask_again: bool) -> tuple[list[threading.Thread], list[str]]:
    """Started threads, and the ids that they see acknowledged."""
    acknowledged: list[str] = []
    threads = [
        threading.Thread(target=write, args=(port, number, until, acknowledged, ask_again)) for number in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    return threads, acknowledged


def rate(registry: Registry, store: str, seconds: float) -> None:
    """How many events are stored a second."""
    port, until = free_port(), threading.Event()
    with serving(registry.path, port, "--store", store):
        threads, acknowledged = writers(port, until, ask_again=False)
        time.sleep(2.0)
        before, started = len(acknowledged), time.perf_counter()
        time.sleep(seconds)
        found, passed = len(acknowledged) - before, time.perf_counter() - started
        until.set()
        for thread in threads:
            thread.join()
    print(f"{found / passed:,.0f} events a second, {WRITERS} writers, batches of {BATCH}", flush=True)


def kills(registry: Registry, file: Path, times: int) -> None:
    """Kill the server again and again, then compare what was acknowledged with what is stored."""
    port, until, store = free_port(), threading.Event(), sqlite_url(file)
    threads, acknowledged = [], []  # type: ignore[var-annotated]
    for _ in range(times):
        with serving(registry.path, port, "--store", store) as process:
            if not threads:
                threads, acknowledged = writers(port, until, ask_again=True)
            time.sleep(SECONDS_BETWEEN_KILLS)
            kill(process)
    until.set()
    for thread in threads:
        thread.join()
    log = open_store(store)
    stored = [event.event_id for _, event in log.read(limit=10_000_000)]
    log.close()
    lost = set(acknowledged) - set(stored)
    broken = [batch for batch, n in Counter(id_.rpartition("-")[0] for id_ in stored).items() if n != BATCH]
    twice = len(stored) - len(set(stored))
    print(
        f"{times} kills: {len(acknowledged):,} events acknowledged, {len(stored):,} stored, "
        f"{len(lost)} lost, {twice} twice, {len(broken)} batches in part"
    )
    if lost or twice or broken or not acknowledged:
        raise SystemExit(1)


def main() -> None:
    """Parse, then both."""
    parser = parser_of(__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        registry = make(Path(folder))
        if arguments.seconds:
            rate(registry, sqlite_url(Path(folder) / "rate.db"), arguments.seconds)
        if arguments.kills:
            kills(registry, Path(folder) / "kills.db", arguments.kills)


if __name__ == "__main__":
    main()
