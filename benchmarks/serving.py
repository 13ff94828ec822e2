"""Speed of the online API over generated catalogues: `python -m benchmarks.serving [N_ITEMS ...]`.

Every source and every feature is on, 300 candidates are ranked by 300 trees, users have 50 events. The load comes from
another process. Beside it, in the same run, the floor: LightGBM's own `predict` for the same rows on one thread, the
exact best 300 items by one product with 384-dimensional vectors, and an endpoint that does nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.generated import publish
from recsys.data.requests import Request
from recsys.pipeline.recommend import Recommender
from recsys.registry import Registry
from serving.server import listen

SIZES = (10_000, 100_000, 1_000_000)
CLIENTS = (1, 4, 16)
WORKERS = (1, 2)
SECONDS = 10.0


def main(sizes: Sequence[int], seconds: float = SECONDS) -> None:
    """Print one table."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; milliseconds; cpu: of the server, per request")
    print(f"{'':34}{'p50':>8}{'p90':>8}{'p99':>8}{'per s':>8}{'cpu':>8}")
    with server(["-m", "uvicorn", "benchmarks.empty:app", "--no-access-log"], "/docs") as (port, process):
        row("empty endpoint, 1 client", *load(port, "/empty", 1, seconds, process))
    for n_items in sizes:
        with tempfile.TemporaryDirectory() as folder:
            registry = publish(Path(folder), n_items)
            floor(registry, n_items)
            for workers in WORKERS:
                options = ["--registry", folder, "--workers", str(workers)]
                with server(["-m", "recsys", "serve", *options], "/readyz") as (port, process):
                    load(port, "/v1/recommend", 4, 2.0, process)  # every worker has loaded its version
                    for clients in CLIENTS:
                        name = f"{n_items:,} items, {workers} x {clients} clients"
                        row(name, *load(port, "/v1/recommend", clients, seconds, process))


def floor(registry: Registry, n_items: int) -> None:
    """The two parts of the floor that need no server."""
    recommender = Recommender.load(registry)
    block = recommender.block([Request(user_id="u0")])
    ranked = recommender.rank(block, 10)
    booster, vectors = recommender.bundle.rankers.full.booster, recommender.scoring.vectors
    assert vectors is not None, "the generated version has text"
    with threadpool_limits(1):
        row(f"{n_items:,} items, predict", timed(lambda: booster.predict(ranked.table, num_threads=1)))
        row(f"{n_items:,} items, best 300", timed(lambda: np.argpartition(-(vectors @ vectors[0]), 300)[:300]))
        row(f"{n_items:,} items, in this process", timed(lambda: recommender.recommend(Request(user_id="u1"))))


def timed(action: Callable[[], object], rounds: int = 50) -> dict[str, float]:
    """Milliseconds of an action."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append(1e3 * (time.perf_counter() - started))
    return dict(zip(("p50", "p90", "p99"), np.quantile(times, [0.5, 0.9, 0.99]).tolist(), strict=True))


def load(
    port: int, path: str, clients: int, seconds: float, process: "subprocess.Popen[bytes]"
) -> tuple[dict[str, float], float]:
    """What clients saw, and the server's CPU milliseconds per request."""
    before = cpu_seconds(process.pid)
    command = [sys.executable, "-m", "benchmarks.load", str(port), path, str(clients), str(seconds)]
    seen: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return seen, 1e3 * (cpu_seconds(process.pid) - before) / seen["requests"]


def row(name: str, seen: dict[str, float], cpu: float | None = None) -> None:
    """One line of the table."""
    cells = [seen["p50"], seen["p90"], seen["p99"], seen.get("per_second"), cpu]
    print(f"{name:34}" + "".join(f"{'' if cell is None else format(cell, '.2f'):>8}" for cell in cells), flush=True)


@contextmanager
def server(arguments: Sequence[str], ready: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """A server on a free port until the block ends, once `ready` answers."""
    with listen("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
    with subprocess.Popen([sys.executable, *arguments, "--port", str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            while not answers(f"http://127.0.0.1:{port}{ready}"):
                if process.poll() is not None:
                    raise SystemExit(f"the server ended with exit code {process.returncode}")
                time.sleep(0.1)
            yield port, process
        finally:
            process.terminate()


def answers(url: str) -> bool:
    """Whether the server says yes."""
    try:
        with urllib.request.urlopen(url):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of those that it started (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in children)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or SIZES)
