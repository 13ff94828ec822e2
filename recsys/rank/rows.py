"""What the ranker learns from: candidates of past requests, their features, and what the user then did."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RankerRows:
    """Rows grouped by request.

    Attributes:
        table: (n_rows, n_features) float32, NaN where a value does not exist.
        gains: (n_rows,) float32 relevance label: weight of the strongest event that followed, by the config; 0 where
            none did.
        bought: (n_rows,) True where the strongest event, a purchase, followed.
        sizes: (n_requests,) rows of each request.
        times: (n_requests,) microseconds.
        proposed_by: (n_rows,) bit s is set when source s proposed the item; 0 where it was only shown.
        positions: (n_rows,) at which the item was shown, from 0; -1 where it was not; None where none is logged.
        only_shown: (n_rows,) True where the item was shown and is no candidate, see `are_candidates`; None: nowhere.
        shown: (n_rows,) True where the item was shown; None: nowhere.
        missed: (n_missed,) microseconds of requests without rows: what they want could be listed, but no source
            proposed it; or nothing was chosen from what was shown.
    """

    table: NDArray[np.float32]
    gains: NDArray[np.float32]
    bought: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    times: NDArray[np.int64]
    proposed_by: NDArray[np.uint16]
    positions: NDArray[np.int16] | None = None
    only_shown: NDArray[np.bool_] | None = None
    shown: NDArray[np.bool_] | None = None
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
        """Share of all requests that have rows: something was wanted, and it is among the candidates."""
        return self.n_requests / max(self.n_requests + len(self.missed), 1)

    @property
    def are_candidates(self) -> NDArray[np.bool_]:
        """(n_rows,) False for rows that are here only because the item was shown."""
        return np.ones(len(self.gains), dtype=bool) if self.only_shown is None else ~self.only_shown

    @property
    def at_known_positions(self) -> NDArray[np.bool_]:
        """(n_rows,) True for items that were shown at a position that is in the log."""
        return np.zeros(len(self.gains), dtype=bool) if self.positions is None else self.positions >= 0

    @property
    def positive(self) -> NDArray[np.bool_]:
        """(n_rows,) True where a positive event followed."""
        return self.gains > 0

    @property
    def shares(self) -> NDArray[np.float64]:
        """(n_rows,) gain divided by the mean gain of positive rows: how much each row counts, 1 if all are alike."""
        gains = self.gains[self.positive]
        return self.gains / (gains.mean(dtype=np.float64) if len(gains) else 1.0)

    @property
    def request_shares(self) -> NDArray[np.float64]:
        """(n_requests,) how much each request counts: as much as the strongest of its rows, see `shares`."""
        shares = np.zeros(self.n_requests)
        np.maximum.at(shares, self.requests, self.shares)
        return shares

    @property
    def has_order(self) -> bool:
        """Whether there is an order to learn: some row is positive, and some is not."""
        return bool(self.positive.any() and not self.positive.all())

    def of_lists(self, others: float, seed: int) -> "RankerRows":
        """What was shown, of the requests in which some of it was wanted and some was not, as if the items to rank had
        come with these requests.

        Args:
            others: further negative rows, drawn evenly from what was not shown, for each shown one.
            seed: of the draw.
        """
        if self.shown is None:
            return self.keep(np.zeros(len(self.gains), dtype=bool))
        of, shown, positive = self.requests, self.shown, self.positive
        chosen_from, refused_from = (
            np.bincount(of, weights=shown & some, minlength=self.n_requests) > 0 for some in (positive, ~positive)
        )
        in_list = (chosen_from & refused_from)[of]
        further = in_list & ~shown & ~positive
        share = others * np.count_nonzero(in_list & shown) / max(int(np.count_nonzero(further)), 1)
        further &= np.random.default_rng(seed).random(len(further)) < share
        return replace(self.keep((in_list & shown) | further), only_shown=None)

    def keep(self, chosen: NDArray[np.bool_], columns: Sequence[int] | None = None) -> "RankerRows":
        """Only the chosen rows (n_rows,), and only requests that still have a positive one.

        Args:
            columns: those of the table that are kept, in this order; None: all.
        """
        answered = np.bincount(self.requests, weights=chosen & self.positive, minlength=self.n_requests) > 0
        return self.select(chosen, answered, columns)

    def select(
        self, chosen: NDArray[np.bool_], requests: NDArray[np.bool_], columns: Sequence[int] | None = None
    ) -> "RankerRows":
        """The chosen rows (n_rows,) of the chosen requests (n_requests,), of which some may then have no rows.

        Args:
            columns: as in `keep`.
        """
        of = self.requests
        chosen = chosen & requests[of]
        # Rows and columns at once: the table is most of what a training holds in memory.
        table = (
            self.table[chosen]
            if columns is None
            else self.table[np.flatnonzero(chosen)[:, None], np.array(columns, dtype=np.intp)]
        )
        return replace(
            self,
            table=table,
            gains=self.gains[chosen],
            bought=self.bought[chosen],
            sizes=np.bincount(of[chosen], minlength=self.n_requests)[requests],
            times=self.times[requests],
            proposed_by=self.proposed_by[chosen],
            positions=None if self.positions is None else self.positions[chosen],
            only_shown=None if self.only_shown is None else self.only_shown[chosen],
            shown=None if self.shown is None else self.shown[chosen],
        )

    @staticmethod
    def joined(parts: Iterable["RankerRows"]) -> "RankerRows":
        """All rows in one, one part after the other.

        The table grows in place, so that with an iterator only one part is in memory beside it.

        Raises:
            ValueError: there are no parts.
        """
        table, others = None, []
        for part in parts:
            table = part.table.copy() if table is None else _lengthened(table, part.table)
            others.append(replace(part, table=table[:0].copy()))
            del part
        if table is None:
            raise ValueError("no parts to join")
        columns = [f.name for f in fields(RankerRows) if f.name not in ("table", "positions", "only_shown", "shown")]
        joined = {name: np.concatenate([getattr(part, name) for part in others]) for name in columns}
        filled = [part for part in others if len(part.gains)]
        return RankerRows(
            **joined,
            table=table,
            positions=_joined_where_known([part.positions for part in filled]),
            only_shown=_joined_where_known([part.only_shown for part in filled]),
            shown=_joined_where_known([part.shown for part in filled]),
        )


def _lengthened(table: NDArray[np.float32], more: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table with more rows at its end; nothing else may refer to it."""
    n_rows = len(table)
    table.resize((n_rows + len(more), table.shape[1]), refcheck=False)
    table[n_rows:] = more
    return table


def _joined_where_known(columns: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    """The columns of all parts as one; None if any part lacks it."""
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if known and len(known) == len(columns) else None
