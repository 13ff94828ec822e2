"""A server under mixed traffic while things happen to it: `python -m benchmarks.soak [--minutes 10]`.

Lists, ranks, events, items and users from several callers; in between a version is published, rolled back, and the
store (PostgreSQL where it is installed) restarted. No answer may be a 5xx but the documented 503 of the time without a
store, and memory may not grow. Prints one line every ten seconds, exits with 1 when a promise is broken.
"""

import argparse
import http.client
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.databases import PostgresServer, free_port, postgres_server, why_no_postgres
from benchmarks.processes import memory_with_children
from benchmarks.shop import N_ITEMS, Caller, make, serving
from recsys.registry import Description, Registry
from recsys.store import sqlite_url

CALLERS = 4
GROWTH = 1.10
"""What the memory may be at the end, in times of what it is after the first third."""


def call_on(port: int, number: int, until: threading.Event, seen: Counter[tuple[str, int]]) -> None:
    """One caller of everything."""
    call, rng = Caller(port), np.random.default_rng(number)
    while not until.is_set():
        kind, method, path, body = _request(rng, number)
        try:
            status, answer = call(method, path, body)
        except (OSError, http.client.HTTPException):
            status, answer = 0, None
        seen[kind, status] += 1
        if kind == "list" and status == 200 and rng.random() < 0.5:
            shown = [
                {"user_id": body["user_id"], "item_id": item["item_id"], "event": "impression"}
                for item in answer["items"]
            ]
            for event in shown:
                event["request_id"] = answer["request_id"]
            seen["impressions", call("POST", "/v1/events", {"events": shown})[0]] += 1
        time.sleep(rng.exponential(0.02))


def _request(rng: np.random.Generator, number: int) -> tuple[str, str, str, Any]:
    user, item, draw = f"u{rng.integers(3_000)}", f"i{rng.integers(N_ITEMS)}", rng.random()
    if draw < 0.70:
        return "list", "POST", "/v1/recommend", {"user_id": user, "n": 10, "explain": bool(rng.random() < 0.1)}
    if draw < 0.78:
        return "rank", "POST", "/v1/rank", {"user_id": user, "items": [f"i{n}" for n in rng.integers(0, N_ITEMS, 20)]}
    if draw < 0.92:
        one = {"user_id": user, "item_id": item, "event": "click"}
        return "events", "POST", "/v1/events", {"events": [one] * int(rng.integers(1, 20))}
    if draw < 0.96:
        return "similar", "GET", f"/v1/items/{item}/similar", None
    if draw < 0.98:
        return "metrics", "GET", "/metrics", None
    if draw < 0.99:
        return "user", "GET", f"/v1/users/{user}", None
    new = {"item_id": f"new {number} {rng.integers(20)}", "title": f"a new thing {rng.integers(1_000)}"}
    return "items", "PUT", "/v1/items", {"items": [new]}


def publish_copy(registry: Registry) -> str:
    """The current version once more, under a new name."""
    version = registry.resolve(None)
    manifest = registry.manifest(version)
    with registry.stage() as folder:
        shutil.copytree(registry.path_of(version), folder, dirs_exist_ok=True)
        described = Description(
            manifest.data, manifest.config, manifest.metrics, manifest.feature_names, manifest.store
        )
        return registry.publish_folder(folder, described, parent=version, why="soak")


@contextmanager
def store(folder: Path) -> Iterator[tuple[str, PostgresServer | None]]:
    """PostgreSQL that can be restarted, else SQLite."""
    if why_no_postgres() is None:
        with postgres_server() as server:
            yield server.database(), server
    else:
        yield sqlite_url(folder / "store.db"), None


def main() -> None:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    seconds, until, seen = 60 * arguments.minutes, threading.Event(), Counter[tuple[str, int]]()
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as name, store(Path(name)) as (url, database):
        registry, port = make(Path(name)), free_port()
        with serving(registry.path, port, "--store", url, "--workers", str(arguments.workers)) as process:
            threads = [threading.Thread(target=call_on, args=(port, number, until, seen)) for number in range(CALLERS)]
            for thread in threads:
                thread.start()
            started, megabytes = time.monotonic(), []
            happenings = [(0.40, "publish"), (0.55, "roll back"), (0.70, "store restart")]
            without_store = 0
            while (passed := time.monotonic() - started) < seconds:
                if happenings and passed > happenings[0][0] * seconds:
                    what = happenings.pop(0)[1]
                    print(f"{passed:6.0f} s  {what}", flush=True)
                    if what == "publish":
                        publish_copy(registry)
                    elif what == "roll back":
                        Caller(port)("POST", "/v1/models/rollback")
                    elif database is not None:
                        before = _unavailable(seen)
                        database.kill()
                        time.sleep(2)
                        database.start()
                        time.sleep(2)
                        without_store = _unavailable(seen) - before
                megabytes.append(memory_with_children(process.pid, "Private_Dirty", "Private_Clean") / 2**20)
                total = sum(seen.values())
                print(f"{passed:6.0f} s  {total:8,} answers  {megabytes[-1]:8.0f} MB", flush=True)
                time.sleep(min(10.0, seconds / 30))
            until.set()
            for thread in threads:
                thread.join()
    for (kind, status), n in sorted(seen.items()):
        print(f"{kind:12} {status}  {n:,}")
        if status == 0 or (status >= 500 and status != 503):
            broken.append(f"{n} answers {status} to {kind}")
    if (others := _unavailable(seen) - without_store) > 0:
        broken.append(f"{others} answers 503 while the store was there")
    settled = max(megabytes[len(megabytes) // 3 : len(megabytes) // 2 + 1])
    last = float(np.median(megabytes[-3:]))
    print(f"memory: {settled:.0f} MB after a third, {last:.0f} MB at the end")
    if last > GROWTH * settled:
        broken.append("memory grows")
    if broken:
        raise SystemExit("; ".join(broken))


def _unavailable(seen: Counter[tuple[str, int]]) -> int:
    return sum(n for (_, status), n in list(seen.items()) if status == 503)


if __name__ == "__main__":
    main()
