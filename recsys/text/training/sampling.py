"""Training batches of next events, with sampled negatives and their probabilities."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.ragged import indices_within, ranges
from recsys.data.log.interactions import InteractionLog
from recsys.text.attention import AttendedEvents, attended_events
from recsys.text.examples import Examples

_NEGATIVES = 1_024
"""Items drawn for a batch, as negatives for all its targets."""

_SKIPPED = 8
"""Most items of a list, shown and not chosen, that serve as hard negatives for the one that was chosen."""


@dataclass(frozen=True)
class Batch:
    """One training step's data.

    Attributes:
        items: (n_needed,) distinct items of histories and candidates.
        events: the events read, `indices` (n_read,) their rows in `items`.
        candidates: (n_candidates,) rows in `items`.
        labels: (n,) column of each target among the candidates.
        log_probabilities: (n_candidates,) logarithm of the probability with which each candidate is drawn.
        masked: (n, n_candidates) True for items of the history, which are no negatives.
        skipped: (n, n_candidates) True for items that were shown in the same list and not chosen: hard negatives.
        weights: (n,) weight of each target event, relative to the mean.
    """

    items: NDArray[np.int64]
    events: AttendedEvents
    indices: NDArray[np.int64]
    candidates: NDArray[np.int64]
    labels: NDArray[np.int64]
    log_probabilities: NDArray[np.float32]
    masked: NDArray[np.bool_]
    skipped: NDArray[np.bool_]
    weights: NDArray[np.float32]

    def part(self, some: slice) -> "Batch":
        """A batch of some of the targets and their histories, which still compete with the candidates of all."""
        start, stop, _ = some.indices(len(self.labels))
        inside = (self.events.rows >= start) & (self.events.rows < stop)
        events = AttendedEvents(*(getattr(self.events, field.name)[inside] for field in fields(AttendedEvents)))
        return replace(
            self,
            events=replace(events, rows=events.rows - start),
            indices=self.indices[inside],
            labels=self.labels[some],
            masked=self.masked[some],
            skipped=self.skipped[some],
            weights=self.weights[some],
        )


@dataclass(frozen=True)
class PassedOver:
    """What each list showed that nobody reacted to.

    Attributes:
        requests: (n,) request numbers, increasing.
        items: (n,) items that were shown under that request, and that got no positive event under it.
    """

    requests: NDArray[np.int32]
    items: NDArray[np.int32]

    @classmethod
    def from_log(cls, log: InteractionLog) -> "PassedOver":
        """Impressions of lists in which something else was chosen; none where the log has no impressions."""
        named = log.requests >= 0
        shown, chosen = log.is_impression & named, (log.weights > 0) & named
        pairs = log.requests.astype(np.int64) * log.n_items + log.items
        wanted = shown & ~np.isin(pairs, pairs[chosen]) & np.isin(log.requests, log.requests[chosen])
        left = np.unique(pairs[wanted])
        return cls((left // max(1, log.n_items)).astype(np.int32), (left % max(1, log.n_items)).astype(np.int32))

    def of(
        self, requests: NDArray[np.int32], generator: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What some lists showed that nobody chose: at most `_SKIPPED` items of each, drawn at random.

        Args:
            requests: (n,) request numbers, -1 for none.

        Returns:
            (n_pairs,) indices in `requests`, and (n_pairs,) items.
        """
        starts, stops = np.searchsorted(self.requests, requests), np.searchsorted(self.requests, requests, "right")
        lengths = np.where(requests >= 0, stops - starts, 0)
        rows, indices = np.repeat(np.arange(len(requests)), lengths), ranges(starts, lengths)
        order = np.lexsort((generator.random(len(rows)), rows))
        kept = np.sort(order[indices_within(rows) < _SKIPPED])
        return rows[kept], self.items[indices[kept]].astype(np.int64)


class Sampler:
    """Draws training batches: in-batch targets and uniform items as negatives, with their probabilities, for logQ
    correction.

    In-batch negatives are drawn by popularity; without the correction the model would learn to dislike popular items
    (Yi et al., RecSys 2019). Uniform negatives are drawn among the items that somebody chose: an item that nobody has
    met yet was not rejected, and a model that is taught otherwise ranks new items last.

    Attributes:
        examples: what batches are drawn from, `batch_size` at a time.
        n_items: size of the catalogue.
        max_history, n_kinds: events that are read of a history, and rows of the network's table of kinds.
        passed_over: what the lists of the log showed that nobody chose.
        met: items that somebody chose, increasing; `n_negatives` of them are drawn for each batch.
        log_probabilities: (n_items,) of being among the candidates of a batch.
        mean_weight: of the target events.
    """

    def __init__(
        self,
        examples: Examples,
        n_items: int,
        max_history: int,
        n_kinds: int,
        batch_size: int,
        passed_over: PassedOver,
    ) -> None:
        self.examples = examples
        self.n_items = n_items
        self.max_history = max_history
        self.n_kinds = n_kinds
        self.passed_over = passed_over
        self.batch_size = min(batch_size, len(examples))
        counts = np.bincount(examples.targets.items, minlength=n_items)
        in_batch = 1.0 - (1.0 - counts / max(1, len(examples))) ** self.batch_size
        self.met = np.union1d(examples.targets.items, examples.past.items)
        self.n_negatives = min(_NEGATIVES, len(self.met))
        drawn = self.n_negatives / len(self.met)
        self.log_probabilities = np.log(1.0 - (1.0 - in_batch) * (1.0 - drawn) + 1e-9).astype(np.float32)
        self.mean_weight = float(examples.targets.weights.mean())

    def draw(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> Batch:
        """The batch of some examples."""
        some = self.examples.select(chosen)
        targets = some.targets.items.astype(np.int64)
        negatives = generator.choice(self.met, self.n_negatives, replace=False)
        skipping, skipped_items = self.passed_over.of(some.targets.requests, generator)
        drawn, labels = np.unique(np.concatenate([targets, negatives, skipped_items]), return_inverse=True)
        skipped = np.zeros((len(targets), len(drawn)), dtype=bool)
        skipped[skipping, labels[len(targets) + len(negatives) :]] = True
        labels = labels[: len(targets)]
        events = attended_events(some.histories(), self.max_history, self.n_kinds)
        items, inverse = np.unique(np.concatenate([events.items, drawn]), return_inverse=True)
        column = np.full(self.n_items, -1)
        column[drawn] = np.arange(len(drawn))
        masked = np.zeros((len(targets), len(drawn)), dtype=bool)
        inside = column[events.items] >= 0
        masked[events.rows[inside], column[events.items[inside]]] = True
        masked[np.arange(len(targets)), labels] = False
        read, candidates = inverse[: len(events.items)], inverse[len(events.items) :]
        weights = some.targets.weights / self.mean_weight
        return Batch(items, events, read, candidates, labels, self.log_probabilities[drawn], masked, skipped, weights)
