"""Batch ranking at scale: `recsys rank --users all` over generated catalogues and logs, beside LightGBM's `predict`.

    python -m benchmarks.batch [--users 10000,100000,1000000] [--items 20000,200000] [--workers W] [--kills N]
                               [--peers PYTHON]

Every source and every feature is on, 300 candidates a user are ranked by 300 trees, users have 50 events. `over
predict` is that rate divided by the one that LightGBM's `predict` alone reaches for the same rows in as many processes.
`in turns` is the same for one process, by processor time, which other work on the machine changes less.
`of floor` is the share of the 2,000 lists a second that arithmetic alone allows on two Xeon cores (200 candidates of 60
features, 300 trees). Below that, the share of time of each stage is printed. The peak is that of all processes
together, without mapped files, which they share. With `--kills N` the run is killed (kill -9) N times at random moments
and goes on with `--resume`; its file must be the same to the byte. With `--peers` RecTools and LensKit make lists for
up to 10,000 of the same users (see `benchmarks.peers.batch`), in PYTHON's environment.
"""

import argparse
import multiprocessing
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.arguments import numbers, parser_of
from benchmarks.generated import publish
from benchmarks.processes import memory_with_children
from benchmarks.serving import timed
from recsys.data.requests.request import Request
from recsys.pipeline.recommender.recommend import Recommender

_SECONDS_BETWEEN_LOOKS = 0.2
_REQUESTS, _IN_TURNS, _ROUNDS = 100, 400, 5
_FLOOR = 2_000
_USERS_OF_PEERS = 10_000


def main() -> None:
    """Parse, and print one table."""
    parser = parser_of(__doc__)
    parser.add_argument("--users", type=numbers, default=[10_000, 100_000, 1_000_000], help="lists to make")
    parser.add_argument("--items", type=numbers, default=[20_000, 200_000], help="sizes of the catalogues")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--kills", type=int, default=0, help="kill the run so often, and resume it")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter that has RecTools and LensKit")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {arguments.workers} processes")
    print(f"{'items':>10}{'users':>11}{'users/s':>9}{'over predict':>14}{'of floor':>10}{'peak MiB':>10}{'seconds':>9}")
    for n_items in arguments.items:
        for n_users in arguments.users:
            with tempfile.TemporaryDirectory() as folder:
                one_size(Path(folder), n_items, n_users, arguments)


def one_size(folder: Path, n_items: int, n_users: int, arguments: argparse.Namespace) -> None:
    """One line of the table, then the kills."""
    registry = publish(folder / "registry", n_items, n_users)
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:  # cores slow one another down
        alone = sum(pool.map(predictions_a_second, [registry.path] * arguments.workers))
    lists, trees, parts = in_turns(registry.path)
    print(f"  in turns: {lists:.2f} ms a list, predict alone {trees:.2f} ms: {trees / lists:.2f}")
    print("  of a list: " + ", ".join(f"{name} {part:.0%}" for name, part in parts.items()), flush=True)
    rank = ("rank", "--registry", str(registry.path), "--users", "all", "--workers", str(arguments.workers))
    rate, peak, seconds = run([*rank, "--out", str(folder / "lists.parquet")])
    line = f"{n_items:>10,}{n_users:>11,}{rate:>9,.0f}{rate / alone:>14.2f}{rate / _FLOOR:>10.0%}"
    print(f"{line}{peak / 2**20:>10,.0f}{seconds:>9,.0f}", flush=True)
    if arguments.peers and n_users == min(arguments.users):
        words = ("-m", "benchmarks.peers.batch", str(registry.path), "--users", str(_USERS_OF_PEERS))
        subprocess.run([arguments.peers, *words], check=True)
    if arguments.kills:
        again = [*rank, "--resume", "--out", str(folder / "again.parquet")]
        for _ in range(arguments.kills):
            kill(again, random.uniform(0.3, 1.0) * seconds)
        run(again)
        same = (folder / "again.parquet").read_bytes() == (folder / "lists.parquet").read_bytes()
        print(
            f"  killed {arguments.kills} times and resumed: {'the same file' if same else 'ANOTHER FILE'}", flush=True
        )


def in_turns(registry: Path) -> tuple[float, float, dict[str, float]]:
    """Milliseconds of processor time of a list, and of `predict` for its rows: medians over rounds of both.

    The third is the share of a list's time that each stage has.
    """
    recommender = Recommender.load(registry)
    booster = recommender.bundle.rankers.full.booster
    requests = [Request(f"u{user}") for user in range(_IN_TURNS)]
    rounds, in_all = [], 0.0
    spent: Counter[str] = Counter()
    with threadpool_limits(1):
        table = recommender.rank(recommender.block(requests[:_REQUESTS]), [10] * _REQUESTS).table
        recommender.recommend_many(requests)  # loops are compiled, files are mapped
        for _ in range(_ROUNDS):
            start, began = time.process_time(), time.perf_counter()
            made = recommender.recommend_many(requests)
            in_all += time.perf_counter() - began
            between = time.process_time()
            booster.predict(table, num_threads=1)
            rounds.append(((between - start) / _IN_TURNS, (time.process_time() - between) / _REQUESTS))
            for block in {id(one.seconds): one.seconds for one in made}.values():  # lists of a block share one account
                spent.update(block)
    lists, trees = np.median(1e3 * np.array(rounds), axis=0)
    parts = {name: seconds / in_all for name, seconds in spent.items()}
    return float(lists), float(trees), parts | {"the rest": 1 - sum(parts.values())}


def predictions_a_second(registry: Path) -> float:
    """Users a second that one thread could predict for, with nothing else to do."""
    recommender = Recommender.load(registry)
    booster = recommender.bundle.rankers.full.booster
    tables = [recommender.rank(recommender.block([Request(f"u{user}")]), [10]).table for user in range(_REQUESTS)]
    with threadpool_limits(1):
        return 1e3 / timed(lambda table: booster.predict(table, num_threads=1), tables * 5)["p50"]


def run(words: list[str]) -> tuple[float, int, float]:
    """Users a second as the command reports them (loading not counted), peak memory in bytes, seconds in all."""
    started, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen(
            [sys.executable, "-m", "recsys", *words], stderr=said, stdout=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                peak = max(peak, memory_with_children(process.pid, "Pss_Anon"))  # no mapped files
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise SystemExit(text)
    rate = re.findall(r"([\d,]+) a second", text)[-1]
    return float(rate.replace(",", "")), peak, time.monotonic() - started


def kill(words: list[str], after: float) -> None:
    """Start the command, and kill it with all its processes some seconds later."""
    process = subprocess.Popen([sys.executable, "-m", "recsys", *words], stderr=subprocess.DEVNULL)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
