"""Features: past moments by the million, one list live, events as they come; and the same counts with other tools.

    python -m benchmarks.features [--events 20000000] [--rows 2000000] [--only columnar|counts|live]

Each part runs in a process of its own, so that its peak memory is its own. `--only counts` compares ten windowed counts
with as-of joins of polars and `merge_asof` of pandas on the same rows. Compare figures within one run only.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.arguments import parser_of
from features.attributes import Attributes
from features.declarations import FEATURES
from features.feature_set import FeatureSet
from features.item_facts import ItemFacts
from features.measures import Measure
from features.pairs import PairBatch
from features.questions import Question, Questions
from features.state import EventState
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.moments import DAY

NAMES = ("impression", "click", "purchase", "rating")
N_ITEMS, N_USERS, CANDIDATES, DIM = 20_000, 200_000, 100, 64
BLOCK = 256
WANTED = np.diff(np.linspace(0, 1, N_ITEMS + 1) ** (1 / 3))
"""(n_items,) the share of the events that each item has."""
START, END = 19_000 * DAY, 19_365 * DAY
WINDOWS = [DAY * days for days in (1, 2, 3, 5, 7, 14, 21, 30, 60, 90)]
ROUNDS = 5
"""Rounds in which the ways to count take turns; the median time of each counts."""
SOURCES = ("transitions", "neighbours", "ease", "als", "text", "popular", "history", "trending")
ALL = FeatureSet(FEATURES)
LEFT_OUT = {feature.name for feature in FEATURES if feature.needs in ("ease", "als", "factors", "frozen")}
"""Without these, it is about sixty features."""


def make_log(n: int, start: int, end: int, random: np.random.Generator, users: Vocabulary) -> InteractionLog:
    """Events of a year: few items have most of them, seven in ten are impressions."""
    events = random.choice(4, n, p=[0.7, 0.2, 0.07, 0.03]).astype(np.int8)
    return InteractionLog(
        users,
        NAMES,
        N_ITEMS,
        users=random.integers(0, N_USERS, n, dtype=np.int32),
        items=(N_ITEMS * random.random(n) ** 3).astype(np.int32),
        events=events,
        times=np.sort(random.integers(start, end, n)),
        weights=np.array([0, 1, 4, 3], dtype=np.float32)[events],
        values=random.random(n, dtype=np.float32),
        requests=np.full(n, -1, dtype=np.int32),
        positions=random.integers(0, 20, n, dtype=np.int16),
        propensities=np.full(n, np.nan, dtype=np.float32),
    )


def make_links(n_columns: int, each: int, random: np.random.Generator) -> sp.csr_matrix:
    """(n_items, n_columns) with `each` values a row."""
    columns = np.cumsum(random.integers(1, n_columns // each, (N_ITEMS, each)), axis=1).astype(np.int32).ravel()
    values = random.random(len(columns), dtype=np.float32)
    return sp.csr_matrix((values, columns, np.arange(0, len(columns) + 1, each)), shape=(N_ITEMS, n_columns))


def make_facts(random: np.random.Generator) -> ItemFacts:
    """A catalogue with everything that features look at."""
    links = make_links(N_ITEMS, 200, random)
    return ItemFacts(
        categories=random.integers(-1, 50, N_ITEMS, dtype=np.int32),
        brands=random.integers(-1, 500, N_ITEMS, dtype=np.int32),
        prices=random.random(N_ITEMS) * 100,
        created=np.full(N_ITEMS, float(START)),
        text_lengths=random.random(N_ITEMS, dtype=np.float32),
        vectors={name: random.random((N_ITEMS, DIM), dtype=np.float32) for name in ("text", "frozen", "factors")},
        links={"transitions": links, "neighbours": links},
        attributes=Attributes(ItemCatalogue(pl.DataFrame({"item_id": [f"i{item}" for item in range(N_ITEMS)]}))),
        tags=make_links(300, 3, random),
    )


def make_batch(
    state: EventState,
    facts: ItemFacts,
    users: NDArray[np.int32],
    now: NDArray[np.int64],
    n: int,
    random: np.random.Generator,
) -> PairBatch:
    """Requests with `n` distinct candidates each, in order of their numbers as the pipeline gives them."""
    steps = random.integers(1, 2 * N_ITEMS // n - 1, (len(now), n))
    items = np.minimum(np.cumsum(steps, axis=1), N_ITEMS - 1).astype(np.int32).ravel()
    rows = np.repeat(np.arange(len(now)), n)
    scores = {source: random.random(len(items), dtype=np.float32) for source in SOURCES}
    return PairBatch(state.histories(users, now, 100), now, rows, items, scores, state, users, facts)


def columnar(n_events: int, n_rows: int) -> None:
    """All features of past requests, in blocks as training makes them."""
    random = np.random.default_rng(0)
    log, facts = make_log(n_events, START, END, random, Vocabulary([])), make_facts(random)
    now = np.sort(random.integers(START + 90 * DAY, END, n_rows // CANDIDATES))
    users = random.integers(0, N_USERS, len(now), dtype=np.int32)
    started = time.perf_counter()
    state = EventState(log)
    for start in range(0, len(now), BLOCK):
        part = slice(start, start + BLOCK)
        ALL.compute(make_batch(state, facts, users[part], now[part], CANDIDATES, random))
        if start == 0:
            first = time.perf_counter() - started
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"| {n_events:,} | {n_rows:,} x {len(FEATURES)} | {seconds:.1f} s | {first:.1f} s | {peak:.2f} GB |", flush=True
    )


@dataclass(frozen=True)
class WindowedCounts:
    """Ten windowed counts of each pair of a request and an item, in three ways; each gives (n_pairs, n_windows)."""

    log: InteractionLog
    items: NDArray[np.int32]
    """(n_pairs,)"""
    rows: NDArray[np.int64]
    """(n_pairs,) requests"""
    now: NDArray[np.int64]
    """(n_requests,) microseconds, increasing"""

    def ours(self) -> NDArray[np.float64]:
        """By the state that features read."""
        questions = Questions(Question(Measure("item_acts"), window) for window in WINDOWS)
        return EventState(self.log).answers(questions, self.items, self.rows, self.now)

    def polars(self) -> NDArray[np.float64]:
        """By as-of joins of polars."""
        events = pl.DataFrame(self._acts).with_columns(seen=pl.int_range(1, pl.len() + 1).over("item"))
        moments = pl.DataFrame(self._moments)

        def seen(shift: int) -> NDArray[np.float64]:
            shifted = moments.with_columns(pl.col("time") - shift)
            found = shifted.join_asof(events, on="time", by="item", allow_exact_matches=False, check_sortedness=False)
            return found["seen"].fill_null(0).to_numpy()

        return _differences(seen)

    def pandas(self) -> NDArray[np.float64]:
        """By `merge_asof` of pandas."""
        import pandas as pd

        events, moments = pd.DataFrame(self._acts), pd.DataFrame(self._moments)
        events["seen"] = events.groupby("item").cumcount() + 1

        def seen(shift: int) -> NDArray[np.float64]:
            shifted = moments.assign(time=moments["time"] - shift)
            joined = pd.merge_asof(shifted, events, on="time", by="item", allow_exact_matches=False)
            return np.asarray(joined["seen"].fillna(0))

        return _differences(seen)

    @property
    def _acts(self) -> dict[str, NDArray[np.integer]]:
        acts = ~self.log.is_impression
        return {"item": self.log.items[acts], "time": self.log.times[acts]}

    @property
    def _moments(self) -> dict[str, NDArray[np.integer]]:
        return {"item": self.items, "time": self.now[self.rows]}


def _differences(seen: Callable[[int], NDArray[np.float64]]) -> NDArray[np.float64]:
    """(n_pairs, n_windows) of how often each item was seen until so many microseconds before each moment."""
    until = seen(0)
    return np.stack([until - seen(window) for window in WINDOWS], axis=1)


def counts(n_events: int, n_rows: int) -> None:
    """Ten windowed counts per row, three ways; the answers must agree."""
    random = np.random.default_rng(0)
    log = make_log(n_events, START, END, random, Vocabulary([]))
    now = np.sort(random.integers(START + 90 * DAY, END, n_rows // CANDIDATES))
    items = random.integers(0, N_ITEMS, len(now) * CANDIDATES, dtype=np.int32)
    rows = np.repeat(np.arange(len(now)), CANDIDATES)
    some = slice(0, 1_000)  # an act is among them
    WindowedCounts(log.select(some), items[some], rows[some], now).ours()  # loads the compiled loops
    windowed = WindowedCounts(log, items, rows, now)
    ways = (windowed.ours, windowed.polars, windowed.pandas)
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        answers = []
        for way, own in zip(ways, seconds, strict=True):
            started = time.perf_counter()
            answers.append(way())
            own.append(time.perf_counter() - started)
        assert all(np.array_equal(answers[0], other) for other in answers[1:])
    for way, own in zip(ways, seconds, strict=True):
        ratio = np.median(np.array(own) / np.array(seconds[0]))
        print(f"| {way.__name__} | {np.median(own):.1f} s | {ratio:.1f} x |", flush=True)


def live(n_events: int) -> None:
    """One request at a time beside the ranker on the same rows, while events come."""
    random = np.random.default_rng(0)
    users = Vocabulary([])
    state, facts = EventState(make_log(n_events, START, END, random, users)), make_facts(random)
    for size in (10, 50, 1_000):
        start = END + size * DAY // 1_000
        logs = [make_log(size, start + k * size, start + (k + 1) * size, random, users) for k in range(20_000 // size)]
        started = time.thread_time()
        for log in logs:
            state.append(log)
        print(f"| events taken, {size} at a time | {20_000 / (time.thread_time() - started):,.0f} a second |")
    for features in (FeatureSet(tuple(f for f in FEATURES if f.name not in LEFT_OUT)), ALL):
        one_by_one(state, facts, features, users, random)


def one_by_one(
    state: EventState, facts: ItemFacts, features: FeatureSet, users: Vocabulary, random: np.random.Generator
) -> None:
    """Some hundred requests, 10 ms apart, each with the features and the ranker's answer; 15 events come every 50 ms.

    Candidates are drawn like the events, because items with many events are also those that are worth ranking.
    """
    import lightgbm

    first = state.latest + DAY

    def ask(index: int) -> tuple[NDArray[np.float32], float]:
        now = np.array([first + index * 10_000])
        if index % 5 == 0:
            state.append(make_log(15, now[0] - 50_000, now[0], random, users))
        items = np.sort(random.choice(N_ITEMS, 300, replace=False, p=WANTED).astype(np.int32))
        scores = {source: random.random(len(items), dtype=np.float32) for source in SOURCES}
        user, rows = random.integers(0, N_USERS, 1, dtype=np.int32), np.zeros(len(items), dtype=np.int64)
        started = time.thread_time()
        table = features.compute(
            PairBatch(state.histories(user, now, 100), now, rows, items, scores, state, user, facts)
        )
        return table, time.thread_time() - started

    rows = np.concatenate([ask(index)[0] for index in range(300)])  # the server is warm
    data = lightgbm.Dataset(rows, random.integers(0, 3, len(rows)))
    booster = lightgbm.train({"num_leaves": 31, "verbosity": -1, "num_threads": 1}, data, 300)
    computed, predicted = [], []
    for index in range(300, 800):
        table, seconds = ask(index)
        started = time.thread_time()
        booster.predict(table, num_threads=1)
        computed.append(seconds)
        predicted.append(time.thread_time() - started)
    for name, measured in (("features", computed), ("Booster.predict", predicted)):
        p50, p99 = np.percentile(measured, [50, 99]) * 1000
        print(f"| {name}, 300 candidates x {len(features.features)} | p50 {p50:.2f} ms | p99 {p99:.2f} ms |")
    print(f"| features over predict | {np.median(np.array(computed) / predicted):.2f} | |", flush=True)


PARTS: dict[str, Callable[[int, int], None]] = {
    "columnar": columnar,
    "counts": counts,
    "live": lambda n_events, n_rows: live(n_events),
}


def main() -> None:
    """Run one part here, or all of them in processes of their own."""
    parser = parser_of(__doc__)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--only", choices=sorted(PARTS))
    arguments = parser.parse_args()
    if arguments.only:
        PARTS[arguments.only](arguments.events, arguments.rows)
        return
    n = arguments.events
    print("\n## Features\n\n| events | rows x features | all | of it the first block, with sorting | peak |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    for part, size in (("columnar", n // 4), ("columnar", n // 2), ("columnar", n), ("counts", n), ("live", n // 4)):
        if part != "columnar":
            print(f"\n{part}, {size:,} events:\n", flush=True)
        command = [sys.executable, "-m", "benchmarks.features", "--only", part]
        subprocess.run([*command, "--events", str(size), "--rows", str(arguments.rows)], check=True)


if __name__ == "__main__":
    main()
