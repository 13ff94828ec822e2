"""Speed of the online API over real and generated catalogues, beside the floor and implicit, in one run.

    python -m benchmarks.serving [--real online-retail,completejourney] [--data ../shared/data]
                                 [--items 10000,100000,1000000] [--clients 1,4,16] [--workers 1,2] [--seconds 10]

Every source and every feature is on, 300 candidates are ranked by 300 trees; users of the generated catalogues have 50
events. The load comes from wrk (a package of Debian), in a process of its own. The floor is what cannot be left out:
LightGBM's own `predict` for the same rows on one thread, the best 300 items by text, and an endpoint that does nothing.
implicit's `recommend` has only to find ten items by ALS.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.arguments import add_data, numbers, parser_of, print_progress, words
from benchmarks.databases import free_port
from benchmarks.empty import FACTORS_VARIABLE
from benchmarks.generated import publish
from benchmarks.processes import SERVE, Process, children, cpu_seconds, memory_of, running
from benchmarks.quality import prepare, recsys
from recsys.data.requests.request import Request
from recsys.pipeline.recommender.recommend import Recommender
from recsys.registry import Registry

Quantiles = dict[str, float]

_EMPTY = ("-m", "uvicorn", "benchmarks.empty:app", "--no-access-log")
_ROUNDS = 100
_TURNS, _TURN = 7, 1
"""How many turns, and seconds of each: what is compared takes turns, because the speed of the machine varies."""
_MOST_USERS = 2_000
_TRAINING = ("text.budget_minutes=1", "text.peft=none", "ranker.trees=300", "ranker.leaves=31", "ranker.ablation=false")
"""How versions of real data sets are trained: without what costs minutes and makes no difference when serving."""


def main() -> None:
    """Parse, and print one table."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "--real", type=words, default=["online-retail", "completejourney"], help="data sets; '' for none"
    )
    add_data(parser)
    parser.add_argument("--items", type=numbers, default=[10_000, 100_000, 1_000_000], help="sizes of the catalogues")
    parser.add_argument("--clients", type=numbers, default=[1, 4, 16], help="clients at a time")
    parser.add_argument("--workers", type=numbers, default=[1, 2], help="processes of the server")
    parser.add_argument("--seconds", type=int, default=10, help="of load for each line")
    parser.add_argument("--keep", type=Path, help="folder for what is generated; what is there is used again")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("the load comes from wrk: apt-get install wrk")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; milliseconds; cpu: of the server, per request")
    print(f"{'':38}{'p50':>8}{'p90':>8}{'p99':>8}{'per s':>8}{'cpu':>8}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        empty = empty_endpoint(folder, arguments.seconds)
        for name in arguments.real:
            one_version(trained(folder, name, arguments.data), name, empty, arguments)
        medians = [one_version(generated(folder, n), f"{n:,} items", empty, arguments) for n in arguments.items]
    if len(medians) > 1:
        first, last = arguments.items[0], arguments.items[-1]
        print(f"\np50 at {last:,} items over that at {first:,}: {medians[-1] / medians[0]:.2f}")


def empty_endpoint(folder: Path, seconds: int) -> float:
    """The median of asking an endpoint that does nothing."""
    bodies_file = bodies(["nobody"], folder / "nobody.jsonl")
    port = free_port()
    with running(_EMPTY, port, ready="/docs") as process:
        return row("an endpoint that does nothing", *Load(port, process, bodies_file)("/empty", 1, seconds))[0]


def bodies(users: Sequence[str], path: Path) -> Path:
    """A file with a request for a list of each user."""
    path.write_text("".join(json.dumps({"user_id": user, "n": 10}) + "\n" for user in users))
    return path


def trained(folder: Path, name: str, data: Path) -> Registry:
    """A registry with a version of a real data set, of as many trees as the generated ones."""
    registry = folder / f"{name}.registry"
    if not registry.exists():
        settings = (word for setting in _TRAINING for word in ("--set", setting))
        recsys("train", prepare(name, data, folder), "--registry", registry, *settings)
    return Registry(registry)


def generated(folder: Path, n_items: int) -> Registry:
    """A registry with a version of that size."""
    path = folder / str(n_items)
    if path.exists():
        return Registry(path)
    started = time.monotonic()
    registry = publish(path, n_items, progress=print_progress)
    print(f"  {n_items:,} items: generated in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return registry


def one_version(registry: Registry, name: str, empty: float, arguments: argparse.Namespace) -> float:
    """All lines of one catalogue. Gives the median with one client and the first number of workers."""
    print(f"\n{name}")
    recommender = Recommender.load(registry)
    users = recommender.bundle.log.user_vocabulary.ids(range(min(_MOST_USERS, recommender.bundle.log.n_users)))
    bodies_file = bodies(users, registry.path.with_suffix(".users.jsonl"))
    predict, retrieve = floor(recommender, users)
    version = registry.path_of(registry.resolve(None))
    size = sum(file.stat().st_size for file in version.rglob("*") if file.is_file())
    factors, port = {FACTORS_VARIABLE: str(version / "cf" / "als" / "als.npy")}, free_port()
    with running(_EMPTY, port, ready="/docs", variables=factors) as process:
        load = Load(port, process, bodies_file)
        load("/implicit", 1, 1)
        row("implicit's recommend, 1 client", *load("/implicit", 1, arguments.seconds))
    seen: list[tuple[float, float]] = []
    for workers in arguments.workers:
        port = free_port()
        with running((*SERVE, str(registry.path), "--workers", str(workers)), port) as process:
            load = Load(port, process, bodies_file)
            load("/v1/recommend", 4 * workers, 3)  # every worker has loaded its version
            settle(process)
            for clients in arguments.clients:
                found, cpu = load("/v1/recommend", clients, arguments.seconds)
                row(f"recommend, {workers} x {clients} clients", found, cpu)
                seen.append((found["p50"], cpu))
                if len(seen) == 1:
                    print(f"  p99 over p50 {found['p99'] / found['p50']:.2f}; in turns, medians: ", end="")
                    turns = [(load("/v1/recommend", 1, _TURN)[0]["p50"], predict()["p50"]) for _ in range(_TURNS)]
                    over_predict = np.median([own / trees for own, trees in turns])
                    over_floor = np.median([own / (trees + retrieve + empty) for own, trees in turns])
                    print(f"p50 over predict {over_predict:.2f}, over the floor {over_floor:.2f}", flush=True)
            pids = children(process.pid) or [process.pid]
            own = max(memory_of(pid, "Private_Dirty") for pid in pids)  # shared neither by files nor since a fork
            print(
                f"  a worker's own memory {own / 2**20:,.0f} MiB, {own / size:.0%} of the version's {size / 2**20:,.0f}"
            )
    print(f"  cpu per request, last line over first {seen[-1][1] / seen[0][1]:.2f}")
    return seen[0][0]


def floor(recommender: Recommender, users: Sequence[str]) -> tuple[Callable[[], Quantiles], float]:
    """What needs no server: LightGBM's predict, to be timed again, and the median of the best 300 by text; where the
    time goes."""
    requests = [Request(user_id=user) for user in users[:_ROUNDS]]
    blocks = [recommender.block([request]) for request in requests]
    bundle, scoring = recommender.bundle, recommender.scoring
    ranker, interest = bundle.rankers.full, scoring.sources.interest
    assert interest is not None, "the version has text"
    with threadpool_limits(1):
        recommender.recommend(requests[0])
        n = bundle.config.candidates.n
        candidates = [scoring.candidates(block, n) for block in blocks]
        tables = [scoring.table(block, own, bundle.features) for block, own in zip(blocks, candidates, strict=True)]
        best = timed(lambda block: interest.scores(block.histories).best(block.eligible, n), blocks)
        predict = partial(timed, lambda table: ranker.booster.predict(table, num_threads=1), tables)
        row(f"LightGBM's predict, {tables[0].shape[0]} x {tables[0].shape[1]}", predict())
        row(f"best {n} by text", best)
        row("  request in numbers", timed(lambda request: recommender.block([request]), requests))
        row("  candidates", timed(lambda block: scoring.candidates(block, n), blocks))
        row("  features", timed(lambda block, own: scoring.table(block, own, bundle.features), blocks, candidates))
        row("  trees, compiled" if ranker.compiled else "  trees", timed(ranker.score, tables))
        row("  whole list, without HTTP", timed(recommender.recommend, requests))
    return predict, best["p50"]


def timed(action: Callable[..., object], *columns: Sequence[object]) -> Quantiles:
    """Milliseconds of an action on each row of arguments."""
    times = []
    for arguments in zip(*columns, strict=True):
        started = time.perf_counter()
        action(*arguments)
        times.append(1e3 * (time.perf_counter() - started))
    return dict(zip(("p50", "p90", "p99"), np.quantile(times, [0.5, 0.9, 0.99]).tolist(), strict=True))


@dataclass(frozen=True)
class Load:
    """Clients of a server, who ask with the bodies in a file (see load.lua)."""

    port: int
    process: Process
    bodies_file: Path

    def __call__(self, path: str, clients: int, seconds: int) -> tuple[Quantiles, float]:
        """What clients saw, and the server's CPU milliseconds per request."""
        before = cpu_seconds(self.process.pid)
        script = ("-s", str(Path(__file__).with_name("load.lua")))
        url = f"http://127.0.0.1:{self.port}{path}"
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", *script, url, "--", str(self.bodies_file)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seen: Quantiles = json.loads(printed.splitlines()[-1])
        if seen["failed"]:
            raise SystemExit(f"{seen['failed']:.0f} requests to {path} failed")
        answered = max(seen["requests"], 1)  # none where the first one takes longer than all the time: to load a model
        return seen, 1e3 * (cpu_seconds(self.process.pid) - before) / answered


def row(name: str, seen: Quantiles, cpu: float | None = None) -> tuple[float, float | None]:
    """One line of the table; its median and CPU time."""
    cells = [seen["p50"], seen["p90"], seen["p99"], seen.get("per_second"), cpu]
    print(f"{name:38}" + "".join(f"{'' if cell is None else format(cell, '.2f'):>8}" for cell in cells), flush=True)
    return seen["p50"], cpu


def settle(process: Process) -> None:
    """Wait until what a server does after its start, such as loading the text encoder, is done."""
    busy = 1.0
    while busy > 0.1:
        before = cpu_seconds(process.pid)
        time.sleep(1.0)
        busy = cpu_seconds(process.pid) - before


if __name__ == "__main__":
    main()
