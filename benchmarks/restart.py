"""How soon a server is ready again, and how much memory of their own its workers need, with many events since training.

    python -m benchmarks.restart [--events 2000000] [--users 50000] [--workers 2]

Events are put into the SQLite store of a version of 2,000 items. The server starts (and reads them all), is killed with
kill -9 once its workers have gone over to a snapshot, and starts again, twice: with the snapshot, and once more with a
thousandth of the events behind it. Memory is Private_Dirty of each worker (Linux), after lists were made.
"""

import http.client
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from benchmarks.arguments import parser_of
from benchmarks.databases import free_port
from benchmarks.processes import children, memory_of
from benchmarks.shop import N_ITEMS, Caller, make, serving
from recsys.data.events.event import Event
from recsys.moments import DAY, clock
from recsys.registry import Registry
from recsys.store import open_store, sqlite_url

BATCH = 50_000
PATIENCE_SECONDS = 300.0
OFFSET = re.compile(r"^recsys_snapshot_offset ([0-9.e+]+)", re.MULTILINE)


def fill(registry: Registry, n_events: int, n_users: int, first: int = 0) -> None:
    """Put events of the last seven days into the store; three in ten are impressions."""
    rng, log = np.random.default_rng(first), open_store(sqlite_url(registry.path / "store.db"))
    now, week = clock(), 7 * DAY
    for start in range(first, first + n_events, BATCH):
        n = min(BATCH, first + n_events - start)
        users, items = rng.integers(n_users, size=n), rng.integers(N_ITEMS, size=n)
        kinds, ages = (
            rng.choice(["impression", "click", "purchase"], size=n, p=[0.3, 0.5, 0.2]),
            rng.integers(week, size=n),
        )
        columns = zip(users.tolist(), items.tolist(), kinds.tolist(), ages.tolist(), strict=True)
        log.append(
            [
                Event(f"e{start + place}", f"live {user}", f"i{item}", kind, now - age)
                for place, (user, item, kind, age) in enumerate(columns)
            ]
        )
    log.close()


@contextmanager
def started(registry: Registry, workers: int, name: str) -> Iterator[int]:
    """Run the server until the block ends, when it is killed; prints what it took, yields the port."""
    port, begin = free_port(), time.perf_counter()
    with serving(registry.path, port, "--workers", str(workers)) as process:
        seconds = time.perf_counter() - begin
        yield port
        lists(port)
        pids = children(process.pid) or [process.pid]
        own = ", ".join(f"{memory_of(pid, 'Private_Dirty') / 2**20:.0f}" for pid in pids)
        print(f"{name}: ready after {seconds:.1f} s; of its own each worker holds {own} MiB", flush=True)


def lists(port: int) -> None:
    """Ask for lists, on connections of their own, so that every worker makes some."""
    for user in range(100):
        status, _ = Caller(port)("POST", "/v1/recommend", {"user_id": f"live {user}", "n": 10})
        if status != 200:
            raise SystemExit(f"a list was answered with {status}")


def wait_for_snapshot(port: int) -> None:
    """Until all workers have gone over to a snapshot; a server without that metric is not waited for."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with suppress(OSError, http.client.HTTPException):
            found = OFFSET.search(Caller(port)("GET", "/metrics")[1])
            if found is None or float(found[1]) > 0:
                return
        time.sleep(0.5)
    raise SystemExit("the workers did not go over to a snapshot")


def main() -> None:
    """Parse, fill, start three times."""
    parser = parser_of(__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        registry = make(Path(folder))
        with started(registry, arguments.workers, "without events"):
            pass
        fill(registry, arguments.events, arguments.users)
        with started(registry, arguments.workers, "first start") as port:
            wait_for_snapshot(port)
        with started(registry, arguments.workers, "again"):
            pass
        more = arguments.events // 1_000
        fill(registry, more, arguments.users, first=arguments.events)
        with started(registry, arguments.workers, f"with {more:,} events more"):
            pass


if __name__ == "__main__":
    main()
