"""What the text model is worth: a table a data set of rankings from text alone, new items, and encoding speed.

    python -m benchmarks.text [--minutes 20] [--ways none,lora] [--parts quality,cold,encode] [--work DIR] [NAME ...]

Nothing is used but texts and histories: no ids, no co-occurrence, no popularity. `scientific` is measured on its own
requests files (leave one out); elsewhere the model learns from the history window, validation is the ranker window,
and test is the test window. The figures in docs/text.md come from this program.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import prepare
from benchmarks.text_encoding import encoding_table
from recsys.config import Config, TextConfig
from recsys.data.dataset import Dataset
from recsys.data.history import HistoryBatch
from recsys.data.interactions import NO_TIME, InteractionLog
from recsys.data.loading import load_dataset
from recsys.data.request_file import read_requests
from recsys.data.split import TemporalSplit
from recsys.eval.confidence import intervals
from recsys.text.cache import VectorCache
from recsys.text.instances import Instances
from recsys.text.interest import InterestModel

NAMES = ("scientific", "movielens-small", "online-retail")
WAYS = ("none", "lora", "adalora", "ia3", "full")
_MOST_REQUESTS = 4_000
_CANDIDATES = 300


@dataclass(frozen=True)
class Asked:
    """Requests with the one item that was wanted: `targets` is (n_requests,)."""

    histories: HistoryBatch
    targets: NDArray[np.int64]

    def select(self, rows: NDArray[np.intp]) -> "Asked":
        """Some of the requests."""
        kept = np.isin(self.histories.rows, rows)
        histories = self.histories.keep(kept)
        offsets = np.concatenate([[0], np.cumsum(histories.lengths[rows])])
        columns = (histories.items, histories.events, histories.times, histories.weights)
        return Asked(HistoryBatch(offsets, *columns, histories.now[rows]), self.targets[rows])


@dataclass(frozen=True)
class World:
    """One data set: what is learned from, and what is asked."""

    dataset: Dataset
    log: InteractionLog
    validation: Asked
    test: Asked


def load(name: str, data: Path, work: Path) -> World:
    """The data set of a name, split in time."""
    folder = prepare(name, data, work)
    dataset = load_dataset(folder)
    if name == "scientific":
        asked = [from_requests(dataset, folder / f"{part}_requests.parquet") for part in ("valid", "test")]
        return World(dataset, dataset.log, *asked)
    split = TemporalSplit.of(dataset.log, Config().data)
    windows = ((split.ranker_start, split.test_start), (split.test_start, split.end))
    return World(
        dataset, dataset.log.before(split.ranker_start), *(from_log(dataset.log, *window) for window in windows)
    )


def from_requests(dataset: Dataset, path: Path) -> Asked:
    """A requests file with one target each."""
    numbers = {item: number for number, item in enumerate(dataset.catalogue.frame["item_id"].to_list())}
    requests = read_requests(path)
    histories = [[numbers[item] for item in request.history or () if item in numbers] for request in requests]
    items = np.array([item for history in histories for item in history], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])]).astype(np.int64)
    n = len(items)
    return Asked(
        HistoryBatch(
            offsets,
            items,
            np.full(n, -1, dtype=np.int8),
            np.full(n, NO_TIME),
            np.ones(n, dtype=np.float32),
            np.ones(len(requests), dtype=np.int64),
        ),
        np.array([numbers[request.targets[0]] for request in requests]),
    )


def from_log(log: InteractionLog, start: int, end: int) -> Asked:
    """Every positive event of a window with what its user did before; some of them where there are many."""
    wanted = (log.weights > 0) & (log.times >= start) & (log.times < end)
    instances = Instances.from_log(log, 50, wanted)
    rows = np.random.default_rng(0).permutation(len(instances))[:_MOST_REQUESTS]
    some = instances.select(np.sort(rows))
    return Asked(some.histories(), some.targets.items.astype(np.int64))


def places(asked: Asked, score: Any) -> NDArray[np.int64]:
    """(n_requests,) place of each target among all items that are not in the history; ties count against it."""
    ranks = []
    for start in range(0, len(asked.targets), 256):
        stop = min(start + 256, len(asked.targets))
        block, targets = asked.histories.block(start, stop), asked.targets[start:stop]
        scores, rows = score(block), np.arange(stop - start)
        own = scores[rows, targets].copy()
        scores[block.rows, block.items] = -np.inf
        scores[rows, targets] = -np.inf
        ranks.append((scores >= own[:, None]).sum(axis=1))
    return np.concatenate(ranks)


def cells(asked: Asked, score: Any) -> list[str]:
    """ndcg@10 and recall@10, means with 95 % intervals."""
    ranks = places(asked, score)
    hits = ranks < 10
    values = np.column_stack([np.where(hits, 1.0 / np.log2(ranks + 2.0), 0.0), hits])
    return [f"{each['mean']:.4f} ({each['low']:.4f}-{each['high']:.4f})" for each in intervals(values)]


def frozen(vectors: NDArray[np.float32], newest: int) -> Any:
    """A scorer: likeness to the mean of the newest items of the history, without anything learned."""

    def score(histories: HistoryBatch) -> NDArray[np.float32]:
        kept = histories.newest(newest)
        weights = kept.matrix(len(vectors), np.ones(len(kept.items), dtype=np.float32))
        return np.asarray((weights @ vectors) @ vectors.T, dtype=np.float32)

    return score


def microseconds(model: InterestModel, asked: Asked) -> float:
    """Median time of one user and 300 items, on one request at a time."""
    generator = np.random.default_rng(0)
    seconds = []
    for row in range(min(300, len(asked.targets))):
        items = generator.integers(len(model), size=(1, _CANDIDATES))
        history = asked.histories.block(row, row + 1)
        started = time.perf_counter()
        model.scorer.score_items(history, items)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)) * 1e6


def train(world: World, log: InteractionLog, way: str, arguments: argparse.Namespace, cache: VectorCache) -> Any:
    """A model and the minutes of wall clock and CPU that its training took, encoding not counted."""
    texts = world.dataset.catalogue.texts
    config = TextConfig(peft=way, epochs=arguments.epochs)
    InterestModel.fit(texts, log, config, minutes=0, cache=cache)  # so that every text is in the cache
    wall, cpu = time.monotonic(), time.process_time()
    model = InterestModel.fit(texts, log, config, minutes=arguments.minutes, cache=cache, progress=tell)
    return model, (time.monotonic() - wall) / 60, (time.process_time() - cpu) / 60


def tell(message: str, /) -> None:
    """Progress to standard error."""
    print(message, file=sys.stderr, flush=True)


def quality(world: World, arguments: argparse.Namespace, cache: VectorCache) -> None:
    """The table of rankings."""
    head = ("ranking", "validation ndcg@10", "validation recall@10", "test ndcg@10", "test recall@10")
    print("| " + " | ".join((*head, "minutes", "CPU minutes", "µs a user and 300 items")) + " |")
    print("| --- |" + " --- |" * 7)
    shown = False
    for way in arguments.ways:
        model, wall, cpu = train(world, world.log, way, arguments, cache)
        if not shown:
            for name, newest in (("frozen, last item", 1), ("frozen, mean", 20)):
                score = frozen(model.base_vectors, newest)
                row(name, *cells(world.validation, score), *cells(world.test, score), "-", "-", "-")
            shown = True
        kept = way == "none" or model.reader.encoder.tuning is not None
        name = f"trained, encoder {way}" + ("" if kept else " (tried, left out: no better in validation)")
        figures = (*cells(world.validation, model.score), *cells(world.test, model.score))
        row(name, *figures, f"{wall:.1f}", f"{cpu:.1f}", f"{microseconds(model, world.test):.0f}")


def cold(world: World, arguments: argparse.Namespace, cache: VectorCache) -> None:
    """New items: every tenth is held out of training altogether; requests that want one of them."""
    is_cold = np.arange(world.log.n_items) % 10 == 9
    model, _, _ = train(world, world.log.select(~is_cold[world.log.items]), "none", arguments, cache)
    rows = np.flatnonzero(is_cold[world.test.targets])
    asked = world.test.select(rows)
    print(f"\nNew items: {len(rows):,} test requests want an item that training never saw; all items are ranked.\n")
    print("| ranking | ndcg@10 | recall@10 |\n| --- | --- | --- |")
    for name, score in (
        ("frozen, last item", frozen(model.base_vectors, 1)),
        ("frozen, mean", frozen(model.base_vectors, 20)),
        ("trained on the others", model.score),
    ):
        row(name, *cells(asked, score))


def encode(world: World, arguments: argparse.Namespace, cache: VectorCache) -> None:
    """Encoding speed beside sentence-transformers, and what int8 costs in ndcg@10."""
    model, _, _ = train(world, world.log, "none", arguments, cache)

    def measured(vectors: NDArray[np.float32]) -> float:
        reader = model.reader
        bags = reader.lexicon.bags(reader.encoder.tokens(world.dataset.catalogue.texts))
        ranks = places(world.test, reader.network.scorer(vectors, bags).score)
        return float(np.where(ranks < 10, 1.0 / np.log2(ranks + 2.0), 0.0).mean())

    print("\n".join(encoding_table(model.reader.encoder, world.dataset.catalogue.texts, measured, arguments.texts)))


def row(*columns: str) -> None:
    """One line of a table."""
    print("| " + " | ".join(columns) + " |", flush=True)


def main() -> None:
    """Parse, and measure every data set that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}; default all")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RECSYS_DATA", "../shared/data")))
    parser.add_argument("--minutes", type=float, default=20.0, help="budget of each training")
    parser.add_argument("--epochs", type=int, default=TextConfig().epochs)
    parser.add_argument(
        "--ways", type=lambda text: text.split(","), default=list(WAYS), help="how the encoder is tuned"
    )
    parser.add_argument("--parts", type=lambda text: text.split(","), default=["quality", "cold", "encode"])
    parser.add_argument("--texts", type=int, default=1_500, help="distinct texts to encode for the speed")
    parser.add_argument("--work", type=Path, help="keep what is made here")
    arguments = parser.parse_args()
    parts = {"quality": quality, "cold": cold, "encode": encode}
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        cache = VectorCache(work / "vectors.db")
        for name in arguments.names or NAMES:
            world = load(name, arguments.data, work)
            print(f"\n## {name}\n", flush=True)
            for part in arguments.parts:
                parts[part](world, arguments, cache)


if __name__ == "__main__":
    main()
