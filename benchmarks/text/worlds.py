"""What the benchmarks of the text model are measured on: a log to learn from, requests of two later windows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import prepare
from recsys.arrays.ragged import offsets_of
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.loading import load_dataset
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.data.requests.request_file import read_requests
from recsys.data.split import TemporalSplit
from recsys.text.examples import Examples

_MOST_REQUESTS = 4_000


@dataclass(frozen=True)
class TextRequests:
    """Requests with the one item that was wanted: `targets` is (n_requests,)."""

    histories: HistoryBatch
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)

    def select(self, rows: NDArray[np.intp]) -> "TextRequests":
        """Some of the requests."""
        kept = np.isin(self.histories.rows, rows)
        histories = self.histories.keep(kept)
        columns = (histories.items, histories.events, histories.times, histories.weights)
        return TextRequests(
            HistoryBatch(offsets_of(histories.lengths[rows]), *columns, self.histories.now[rows]), self.targets[rows]
        )

    def unseen(self) -> "TextRequests":
        """The requests whose target is not in their history, because items of the history are not ranked."""
        seen = np.bincount(self.histories.rows, self.histories.items == self.targets[self.histories.rows], len(self))
        return self.select(np.flatnonzero(seen == 0))

    def some(self, most: int) -> "TextRequests":
        """At most `most` of the requests, drawn at random."""
        return self.select(np.sort(np.random.default_rng(0).permutation(len(self))[:most]))


@dataclass(frozen=True)
class TextWorld:
    """One data set: the log to learn from, and the requests."""

    dataset: Dataset
    log: InteractionLog
    validation: TextRequests
    test: TextRequests


def load(name: str, data: Path, work: Path) -> TextWorld:
    """The data set of a name, split in time."""
    folder = work / name if (work / name).is_dir() else prepare(name, data, work)
    dataset = load_dataset(folder)
    if name == "scientific":
        requests = [from_requests(dataset, folder / f"{part}_requests.parquet").unseen() for part in ("valid", "test")]
        return TextWorld(dataset, dataset.log, *requests)
    split = TemporalSplit.of(dataset.log, Config().data)
    windows = ((split.ranker_start, split.test_start), (split.test_start, split.end))
    return TextWorld(
        dataset, dataset.log.before(split.ranker_start), *(from_log(dataset.log, *window) for window in windows)
    )


def from_requests(dataset: Dataset, path: Path) -> TextRequests:
    """A requests file with one target each."""
    numbers = {item: number for number, item in enumerate(dataset.catalogue.frame["item_id"].to_list())}
    requests = read_requests(path)
    histories = [[numbers[item] for item in request.history or () if item in numbers] for request in requests]
    items = np.array([item for history in histories for item in history], dtype=np.int32)
    now = np.ones(len(requests), dtype=np.int64)  # any moment: nothing is known of when the items were chosen
    return TextRequests(
        HistoryBatch.of_ids(offsets_of([len(history) for history in histories]), items, 1.0, now),
        np.array([numbers[request.targets[0]] for request in requests]),
    )


def from_log(log: InteractionLog, start: int, end: int) -> TextRequests:
    """Every positive event of a window with what its user did before; some of them where there are many."""
    wanted = (log.weights > 0) & (log.times >= start) & (log.times < end)
    examples = Examples.from_log(log, 50, wanted)
    return TextRequests(examples.histories(), examples.targets.items.astype(np.int64)).unseen().some(_MOST_REQUESTS)
