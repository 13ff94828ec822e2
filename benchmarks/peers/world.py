"""The requests that every tool answers: what it may learn from, what each user did before, what was wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.dense_lists import top_k
from benchmarks.quality import DATA, prepare
from features.item_facts import ItemFacts
from features.state import EventState
from recsys.arrays.ragged import offsets_of
from recsys.config import load_config
from recsys.data.dataset import Dataset
from recsys.data.loading import load_dataset
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.data.requests.request_file import read_requests
from recsys.data.split import TemporalSplit
from recsys.eval.protocol import Measurement, evaluate_lists
from recsys.eval.ranking import RankedLists, Targets
from recsys.eval.slices import request_slices
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.ranking.rules import resolve_seen
from recsys.pipeline.ranking.scoring import SEEN_EVENTS

Scorer = Callable[[HistoryBatch], NDArray[np.float32]]
"""Histories to (n_requests, n_items) scores, higher is better."""

K = 10
_BLOCK = 256


@dataclass(frozen=True)
class LabelledRequests:
    """Requests whose outcome is known.

    Attributes:
        log: positive events that a tool may learn from.
        histories: positive events of each user before the request.
        eligible: (n_requests, n_items) what may be listed.
        targets: what was wanted and may be listed; at least one a request.
        users: (n_requests,) user numbers.
        requests: (n_requests,) index of each among all requests, including those without a target that may be listed.
    """

    log: InteractionLog
    histories: HistoryBatch
    eligible: NDArray[np.bool_]
    targets: Targets
    users: NDArray[np.int32]
    requests: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def of(
        cls,
        log: InteractionLog,
        histories: HistoryBatch,
        allowed: NDArray[np.bool_],
        targets: Targets,
        users: NDArray[np.int32],
        *,
        repeats: bool,
    ) -> "LabelledRequests":
        """Apply the rules: seen items are left out, unless `repeats`, and so are targets that may not be listed."""
        if not repeats:
            allowed[histories.rows, histories.items] = False
        known = targets.items >= 0
        kept = ~known
        kept[known] = allowed[targets.rows[known], targets.items[known]]
        reachable = targets.keep(kept)
        every = cls(log.positive(), histories.positive(), allowed, reachable, users, np.arange(len(users)))
        return every.take(np.flatnonzero(reachable.counts))

    def take(self, rows: NDArray[np.intp]) -> "LabelledRequests":
        """Some of the requests, in order."""
        chosen = np.zeros(len(self), dtype=bool)
        chosen[rows] = True
        kept = self.histories.keep(chosen[self.histories.rows])
        histories = HistoryBatch(
            offsets_of(kept.lengths[rows]), kept.items, kept.events, kept.times, kept.weights, kept.now[rows]
        )
        targets = self.targets.select(chosen)
        return LabelledRequests(
            self.log, histories, self.eligible[rows], targets, self.users[rows], self.requests[rows]
        )

    def sample(self, most: int) -> "LabelledRequests":
        """At most `most` requests, drawn evenly."""
        if len(self) <= most:
            return self
        return self.take(np.sort(np.random.default_rng(0).choice(len(self), most, replace=False)))

    def measure(self, score: Scorer) -> Measurement:
        """Rank all items for every request; ties are never in a target's favour."""
        items: list[NDArray[np.int32]] = []
        scores: list[NDArray[np.float32]] = []
        for start in range(0, len(self), _BLOCK):
            stop = min(start + _BLOCK, len(self))
            chosen = np.zeros(len(self), dtype=bool)
            chosen[start:stop] = True
            lists = top_k(
                score(self.histories.block(start, stop)),
                2 * K,
                exclude=~self.eligible[start:stop],
                targets=self.targets.select(chosen),
            )
            items.extend(lists.items)
            scores.extend(lists.scores)
        counts = np.bincount(self.log.items, minlength=self.log.n_items).astype(np.float64)
        nothing = np.zeros((self.log.n_items, 1), dtype=np.float32)
        return evaluate_lists(
            RankedLists.of(items, scores), self.targets, popularity=counts, vectors=nothing, users=self.users, k=K
        )

    def cold(self) -> NDArray[np.bool_]:
        """(n_requests,) True where every item wanted is hardly known."""
        counts = np.bincount(self.log.items, minlength=self.log.n_items)
        return request_slices(self.targets, counts, self.histories.lengths)["cold_item"]


@dataclass(frozen=True)
class World:
    """One data set: tools are tuned on `validation` and measured, once, on `test`."""

    dataset: Dataset
    validation: LabelledRequests
    test: LabelledRequests


def load(name: str, data: Path, work: Path) -> World:
    """A data set as training and evaluation of recsys cut it, with the same rules on seen items."""
    folder, settings = prepare(name, data, work), DATA[name].settings
    config = load_config(None, settings)
    dataset = load_dataset(folder, config)
    split = TemporalSplit.of(dataset.log, config.data)
    repeats = resolve_seen(config.policy, dataset.log.before(split.test_start)).seen == "keep"
    if (folder / "test_requests.parquet").exists():
        tuned_on = prepare("scientific", data, work)  # its log ends before what the validation requests ask for
        validation = _of_requests(load_dataset(tuned_on, config), tuned_on / "valid_requests.parquet", repeats)
        return World(dataset, validation, _of_requests(dataset, folder / "test_requests.parquet", repeats))
    most = config.data.max_requests
    windows = ((split.ranker_start, split.test_start), (split.test_start, split.end))
    return World(dataset, *(_of_log(dataset, start, end, most, repeats) for start, end in windows))


def _of_requests(dataset: Dataset, path: Path, repeats: bool) -> LabelledRequests:
    """A requests file whose histories and targets are given."""
    requests, vocabulary = read_requests(path), dataset.catalogue.vocabulary
    known = [numbers[numbers >= 0] for numbers in (vocabulary.numbers(request.history or ()) for request in requests)]
    now = np.full(len(requests), int(dataset.log.times[-1]) + 1)
    histories = HistoryBatch.of_ids(offsets_of([len(own) for own in known]), np.concatenate(known), 1.0, now)
    targets = Targets.of(vocabulary.numbers(request.targets).tolist() for request in requests)
    users = dataset.log.user_vocabulary.numbers([request.user_id or "" for request in requests])
    return LabelledRequests.of(
        dataset.log, histories, _allowed(dataset, histories.now), targets, users, repeats=repeats
    )


def _of_log(dataset: Dataset, start: int, end: int, most: int, repeats: bool) -> LabelledRequests:
    """The requests of a window of the log."""
    requests = PastRequests.of(dataset.log, start, end).drawn(most, 0)
    histories = EventState(dataset.log).histories(requests.users, requests.times, SEEN_EVENTS)
    targets = Targets(requests.targets.offsets, requests.targets.items)
    allowed = _allowed(dataset, requests.times)
    return LabelledRequests.of(dataset.log.before(start), histories, allowed, targets, requests.users, repeats=repeats)


def _allowed(dataset: Dataset, now: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n_requests, n_items) True for available items that existed at the moment."""
    created = ItemFacts.of(dataset.catalogue, {}, {}).created
    return (np.isnan(created) | (created <= now[:, None])) & dataset.catalogue.available
