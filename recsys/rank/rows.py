"""What the ranker learns from: candidates of past requests, their features, and what the user then did."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.ragged import places_within
from recsys.config import RankerConfig
from recsys.data.list_places import discounts, inverse_examination
from recsys.errors import DataError

HELD_OUT = 0.2
"""Newest share of the requests: held out at first, to decide how many trees are kept, and to calibrate the scores."""


@dataclass(frozen=True)
class RankerRows:
    """Rows grouped by request.

    Attributes:
        table: (n_rows, n_features) float32, NaN where a value does not exist.
        worth: (n_rows,) float32: weight of the strongest event that followed, by the config; 0 for no interest.
        bought: (n_rows,) True where the strongest event, a purchase, followed.
        sizes: (n_requests,) rows of each request.
        times: (n_requests,) microseconds.
        proposed_by: (n_rows,) bit s is set when source s proposed the item; 0 where it was only shown.
        positions: (n_rows,) place at which the item was shown, from 0; -1 where it was not; None where none is logged.
        only_shown: (n_rows,) True where the item was shown and is no candidate, see `are_candidates`; None: nowhere.
        missed: (n_missed,) microseconds of requests without rows: what they want may be listed, and is no candidate; or
            nobody chose from what was shown.
    """

    table: NDArray[np.float32]
    worth: NDArray[np.float32]
    bought: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    times: NDArray[np.int64]
    proposed_by: NDArray[np.uint16]
    positions: NDArray[np.int16] | None = None
    only_shown: NDArray[np.bool_] | None = None
    missed: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def n_requests(self) -> int:
        return len(self.sizes)

    @property
    def requests(self) -> NDArray[np.int64]:
        """(n_rows,) the request of each row."""
        return np.repeat(np.arange(self.n_requests), self.sizes)

    @property
    def covered(self) -> float:
        """Share of the requests that have rows: something was wanted, and is among the candidates."""
        return self.n_requests / max(self.n_requests + len(self.missed), 1)

    @property
    def are_candidates(self) -> NDArray[np.bool_]:
        """(n_rows,) False for rows that are here only because the item was shown."""
        return np.ones(len(self.worth), dtype=bool) if self.only_shown is None else ~self.only_shown

    @property
    def at_known_places(self) -> NDArray[np.bool_]:
        """(n_rows,) True for what was shown where the log tells the place."""
        return np.zeros(len(self.worth), dtype=bool) if self.positions is None else self.positions >= 0

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """(n_rows,) True where any sign of interest followed."""
        return self.worth > 0

    @property
    def shares(self) -> NDArray[np.float64]:
        """(n_rows,) worth divided by the mean worth of what was wanted: how much each row counts, 1 if all are
        alike."""
        wanted = self.worth[self.wanted]
        return self.worth / (wanted.mean(dtype=np.float64) if len(wanted) else 1.0)

    @property
    def request_shares(self) -> NDArray[np.float64]:
        """(n_requests,) how much each request counts: as the strongest of its rows does, see `shares`."""
        shares = np.zeros(self.n_requests)
        np.maximum.at(shares, self.requests, self.shares)
        return shares

    @property
    def has_order(self) -> bool:
        """Whether there is an order to learn: some row was wanted, and some was not."""
        return bool(self.wanted.any() and not self.wanted.all())

    def keep(self, chosen: NDArray[np.bool_], columns: Sequence[int] | None = None) -> "RankerRows":
        """Only the chosen rows (n_rows,), and only requests that still have one that was wanted.

        Args:
            columns: those of the table that are kept, in this order; None: all.
        """
        requests = self.requests
        wanted = np.bincount(requests, weights=chosen & self.wanted, minlength=self.n_requests) > 0
        chosen = chosen & wanted[requests]
        sizes = np.bincount(requests[chosen], minlength=self.n_requests)[wanted]
        return self._rows(chosen, sizes, self.times[wanted], columns)

    def sampled(
        self,
        negatives: int,
        seed: int,
        first: NDArray[np.bool_] | None = None,
        requests: NDArray[np.bool_] | None = None,
    ) -> "RankerRows":
        """At most `negatives` rows of worth 0 a request, drawn evenly; all others kept.

        Args:
            first: (n_rows,) rows that are taken before any other of worth 0 is.
            requests: (n_requests,) those that are kept; None: all.
        """
        draw = np.random.default_rng(seed).random(len(self.worth))
        if first is not None:
            draw[first] -= 1.0
        draw[self.wanted] = -2.0
        of = self.requests
        order = np.lexsort((draw, of))
        n_wanted = np.bincount(of, weights=self.wanted, minlength=self.n_requests).astype(np.int64)
        chosen = np.zeros(len(draw), dtype=bool)
        chosen[order[places_within(of) < np.repeat(n_wanted + negatives, self.sizes)]] = True
        kept = np.ones(self.n_requests, dtype=bool) if requests is None else requests
        chosen &= kept[of]
        return self._rows(chosen, np.bincount(of[chosen], minlength=self.n_requests)[kept], self.times[kept])

    def to_learn_from(self, config: RankerConfig, seed: int, requests: NDArray[np.bool_] | None = None) -> "RankerRows":
        """What a ranker is fitted on, of all requests or the chosen ones (n_requests,). One that accounts for places
        learns from all that was shown at one."""
        return self.sampled(config.negatives, seed, self.at_known_places if config.debias else None, requests)

    def split(self, newest: float = HELD_OUT) -> tuple["RankerRows", "RankerRows"]:
        """Older and newer requests: the newest share, by time, apart; equal times stay together."""
        start = self._start_of(newest)
        older = self._requests(self.times < start)
        return replace(older, missed=self.missed[self.missed < start]), self._since(start)

    def split_to_learn_from(
        self, config: RankerConfig, seed: int, newest: float = HELD_OUT
    ) -> tuple["RankerRows", "RankerRows"]:
        """`split`, of the older requests only what a ranker is fitted on: a copy of all would take much memory."""
        start = self._start_of(newest)
        older = self.to_learn_from(config, seed, self.times < start)
        return replace(older, missed=self.missed[self.missed < start]), self._since(start)

    def thinned(self, config: RankerConfig, seed: int, newest: float = HELD_OUT) -> "RankerRows":
        """What later rankers need of these rows, when they learn from newer requests as well: of all but the newest
        share only what a ranker is fitted on."""
        return RankerRows.joined(self.split_to_learn_from(config, seed, newest))

    def _start_of(self, newest: float) -> int:
        """Microseconds at which the newest share of the requests begins; equal times stay together."""
        start = int(np.quantile(self.times, 1.0 - newest, method="higher")) if self.n_requests else 0
        if self.n_requests and start == self.times.min():  # most are of the first moment: the newer ones are behind it
            start = int(np.min(self.times, where=self.times > start, initial=np.iinfo(np.int64).max))
        return start

    def _since(self, start: int) -> "RankerRows":
        """The requests from a moment on."""
        return replace(self._requests(self.times >= start), missed=self.missed[self.missed >= start])

    def mean_ndcg(self, scores: NDArray[np.float32]) -> float:
        """The mean of `ndcg` over the requests in which something was wanted, each counted by `request_shares`; NaN
        where there are none."""
        shares = self.request_shares
        return float(np.average(self.ndcg(scores), weights=shares)) if shares.any() else float("nan")

    def ndcg(self, scores: NDArray[np.float32], k: int = 10) -> NDArray[np.float64]:
        """(n_requests,) ndcg@k of the rows ordered by scores (n_rows,), worth as gains; 0 where nothing was wanted.

        Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.
        """
        requests = self.requests
        discount = discounts(places_within(requests), k)

        def gain(keys: NDArray[np.generic]) -> NDArray[np.float64]:
            gains = self.worth[np.lexsort((keys, requests))]
            return np.bincount(requests, weights=gains * discount, minlength=self.n_requests).astype(np.float64)

        return gain(-scores) / np.maximum(gain(-self.worth), 1e-12)

    def comparison_metric(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n_requests,) the metric by which rankers are compared where the lists of one decided what was shown.

        Where the rows tell what was shown: the worth of those rows, each counted by how seldom its place is looked at,
        discounted by the order of the scores (see `recsys.pipeline.evaluation.shown`). Elsewhere `ndcg` of all rows, a
        request counted by its `request_shares`.
        """
        shown = self.at_known_places
        if self.positions is None or not shown.any():
            return self.ndcg(scores) * self.request_shares
        requests = self.requests[shown]
        order = np.lexsort((-scores[shown], requests))
        places = places_within(requests)
        gains = (self.worth[shown] * inverse_examination(self.positions[shown]))[order] * discounts(places)
        return np.bincount(requests, weights=gains, minlength=self.n_requests).astype(np.float64)

    @staticmethod
    def joined(parts: Sequence["RankerRows"]) -> "RankerRows":
        """Several windows as one."""
        columns = [f.name for f in fields(RankerRows) if f.name not in ("positions", "only_shown")]
        joined = RankerRows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in columns})
        filled = [part for part in parts if len(part.worth)]
        return replace(
            joined,
            positions=_joined_where_known([part.positions for part in filled]),
            only_shown=_joined_where_known([part.only_shown for part in filled]),
        )

    def placed(self, seed: int) -> "RankerRows":
        """Requests of which something wanted was shown at a known place, each row with a place.

        Clicks beside the list are left out: no place explains them. A candidate that was not shown gets the place of a
        shown one, drawn evenly. So it says nothing of what a place does, and still that it is not what is shown: a
        ranker of shown items alone would not know how to rank all those that no list ever held.

        Raises:
            DataError: the log tells no positions.
        """
        if self.positions is None or not self.at_known_places.any():
            raise DataError("ranker.debias needs impressions with positions in the log; leave it off without them")
        asked = np.zeros(self.n_requests, dtype=bool)
        asked[self.requests[self.at_known_places & self.wanted]] = True
        rows = self.keep((self.at_known_places | ~self.wanted) & np.repeat(asked, self.sizes))
        known, places = rows.at_known_places, np.array(rows.positions)
        n_shown = np.bincount(rows.requests[known], minlength=rows.n_requests)
        first, of = np.cumsum(n_shown) - n_shown, rows.requests[~known]
        drawn = (np.random.default_rng(seed).random(len(of)) * n_shown[of]).astype(np.int64)
        places[~known] = places[known][first[of] + drawn]
        return replace(rows, positions=places)

    def _requests(self, chosen: NDArray[np.bool_]) -> "RankerRows":
        return self._rows(np.repeat(chosen, self.sizes), self.sizes[chosen], self.times[chosen])

    def _rows(
        self,
        chosen: NDArray[np.bool_],
        sizes: NDArray[np.int64],
        times: NDArray[np.int64],
        columns: Sequence[int] | None = None,
    ) -> "RankerRows":
        # At once, for a table is the most of what training holds.
        table = (
            self.table[chosen]
            if columns is None
            else self.table[np.flatnonzero(chosen)[:, None], np.array(columns, dtype=np.intp)]
        )
        worth, bought = self.worth[chosen], self.bought[chosen]
        positions = None if self.positions is None else self.positions[chosen]
        only_shown = None if self.only_shown is None else self.only_shown[chosen]
        proposed_by = self.proposed_by[chosen]
        return RankerRows(table, worth, bought, sizes, times, proposed_by, positions, only_shown, self.missed)


def _joined_where_known(columns: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    """One column of those of all parts; None where any part does not know it."""
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if known and len(known) == len(columns) else None
