"""A server under mixed traffic while things happen to it: `python -m benchmarks.soak [--minutes 10]`.

Lists, ranks, events, items and users from several callers; in between a version is published, rolled back, and the
store (PostgreSQL where it is installed) restarted. No answer may be a 5xx, except the documented 503 while the store is
away, and memory may not grow. Prints one line every ten seconds; exits with 1 if a promise is broken.
"""

import http.client
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arguments import parser_of
from benchmarks.databases import PostgresServer, free_port, postgres_server, why_no_postgres
from benchmarks.processes import memory_with_children
from benchmarks.shop import N_ITEMS, Caller, make, serving
from recsys.registry import Description, Registry
from recsys.store import sqlite_url

CALLERS = 4
GROWTH = 1.10
"""Most memory at the end, as a multiple of the memory after the first third."""


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


@dataclass(frozen=True)
class VersionCopy:
    """A version, to be published once more."""

    folder: Path
    description: Description

    def save(self, folder: Path) -> None:
        """Copy all of its files."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)


def publish_copy(registry: Registry) -> str:
    """The current version once more, under a new name."""
    version = registry.resolve(None)
    manifest = registry.manifest(version)
    described = Description(manifest.data, manifest.config, manifest.metrics, manifest.feature_names, manifest.store)
    return registry.publish(VersionCopy(registry.path_of(version), described), parent=version, why="soak")


@contextmanager
def store(folder: Path) -> Iterator[tuple[str, PostgresServer | None]]:
    """PostgreSQL that can be restarted, else SQLite."""
    if why_no_postgres() is None:
        with postgres_server() as server:
            yield server.database(), server
    else:
        yield sqlite_url(folder / "store.db"), None


@dataclass
class Soak:
    """What was observed.

    Attributes:
        answers: kind of request and status to how often.
        megabytes: memory of the server and its workers, from time to time.
        without_store: answers 503 while the store was away.
    """

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    megabytes: list[float] = field(default_factory=list)
    without_store: int = 0

    @property
    def unavailable(self) -> int:
        """Answers 503 so far; callers go on counting."""
        return sum(n for (_, status), n in list(self.answers.items()) if status == 503)

    def restart(self, database: PostgresServer | None) -> None:
        """Have the store away for a moment, where it is one that can be restarted."""
        if database is None:
            return
        before = self.unavailable
        database.kill()
        time.sleep(2)
        database.start()
        time.sleep(2)
        self.without_store = self.unavailable - before

    def faults(self) -> Iterator[str]:
        """A sentence for each broken promise."""
        for (kind, status), n in sorted(self.answers.items()):
            print(f"{kind:12} {status}  {n:,}")
            if status == 0 or (status >= 500 and status != 503):
                yield f"{n} answers {status} to {kind}"
        if (others := self.unavailable - self.without_store) > 0:
            yield f"{others} answers 503 while the store was there"
        megabytes = self.megabytes
        settled = max(megabytes[len(megabytes) // 3 : len(megabytes) // 2 + 1])
        last = float(np.median(megabytes[-3:]))
        print(f"memory: {settled:.0f} MB after a third, {last:.0f} MB at the end")
        if last > GROWTH * settled:
            yield "memory grows"


def soak(registry: Registry, url: str, database: PostgresServer | None, seconds: float, workers: int) -> Soak:
    """Call a server all the time, while versions and the store change under it."""
    seen, port, until = Soak(), free_port(), threading.Event()
    happenings: list[tuple[float, str, Callable[[], object]]] = [
        (0.40, "publish", lambda: publish_copy(registry)),
        (0.55, "roll back", lambda: Caller(port)("POST", "/v1/models/rollback")),
        (0.70, "store restart", partial(seen.restart, database)),
    ]
    with serving(registry.path, port, "--store", url, "--workers", str(workers)) as process:
        threads = [
            threading.Thread(target=call_on, args=(port, number, until, seen.answers)) for number in range(CALLERS)
        ]
        for thread in threads:
            thread.start()
        started = time.monotonic()
        while (passed := time.monotonic() - started) < seconds:
            if happenings and passed > happenings[0][0] * seconds:
                _, what, happen = happenings.pop(0)
                print(f"{passed:6.0f} s  {what}", flush=True)
                happen()
            seen.megabytes.append(memory_with_children(process.pid, "Private_Dirty", "Private_Clean") / 2**20)
            total = sum(seen.answers.values())
            print(f"{passed:6.0f} s  {total:8,} answers  {seen.megabytes[-1]:8.0f} MB", flush=True)
            time.sleep(min(10.0, seconds / 30))
        until.set()
        for thread in threads:
            thread.join()
    return seen


def main() -> None:
    """Run, and judge."""
    parser = parser_of(__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, store(Path(name)) as (url, database):
        seen = soak(make(Path(name)), url, database, 60 * arguments.minutes, arguments.workers)
    if faults := [*seen.faults()]:
        raise SystemExit("; ".join(faults))


if __name__ == "__main__":
    main()
