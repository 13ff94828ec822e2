"""What is known of items at a moment that moves on with the requests: what serving asks, again and again."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.compiled import cross, recall
from features.measures import DAY
from features.questions import Questions, Side
from features.segment import ItemEvents, Segment
from recsys.retrieval.scores import distinct

_NEVER = np.iinfo(np.int64).min


class ItemColumns(Protocol):
    """Columns of the ranker's table that tell how items have been doing.

    Attributes:
        questions: what they ask.
        ageing: columns that count the days since something happened.
        halving: columns that fade by themselves, and their half-lives in microseconds.
    """

    @property
    def questions(self) -> Questions: ...
    @property
    def ageing(self) -> Sequence[int]: ...
    @property
    def halving(self) -> Sequence[tuple[int, int]]: ...

    def of(self, answers: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n_pairs, n_columns) from the answers (n_pairs, n_questions)."""
        ...


class ItemsNow:
    """Columns of items, made when they are first asked for and kept until something happens to the item: an event
    comes, or one crosses the edge of a window because time has passed. Not for several threads at once.

    Attributes:
        columns: which.
    """

    def __init__(self, columns: ItemColumns) -> None:
        self.columns = columns
        self._ageing = np.array(columns.ageing, dtype=np.int64)
        self._halving = np.array([column for column, _ in columns.halving], dtype=np.int64)
        self._half_lives = np.array([half_life for _, half_life in columns.halving], dtype=np.float64)
        self._table: NDArray[np.float32] | None = None  # (n_items, n_columns) as they were when they were made
        self._made = np.empty(0, dtype=np.int64)  # when that was, microseconds
        self._now = np.zeros(1, dtype=np.int64)
        self._segments: Sequence[Segment] = ()
        self._parts: list[tuple[Side, ItemEvents, NDArray[np.int64]]] = []  # with the edges of the windows

    def forget(self, items: NDArray[np.int32]) -> None:
        """Something has happened to these items."""
        self._made[items[items < len(self._made)]] = _NEVER

    def values(self, segments: Sequence[Segment], items: NDArray[np.int32], now: int) -> NDArray[np.float32]:
        """(n_columns, n_pairs) at one moment, from events strictly before it."""
        self._move(segments, now)
        lacking = int(items.max(initial=-1)) + 1 - len(self._made)
        if lacking > 0:
            self._made = np.concatenate([self._made, np.full(lacking, _NEVER)])
        missing = items[self._made[items] == _NEVER]
        if len(missing):
            self._make(distinct(missing))
        if self._table is None:
            return self.columns.of(self.columns.questions.unknown(0)).T
        values = np.empty((self._table.shape[1], len(items)), dtype=np.float32)
        recall(self._table, self._made, items, now, self._ageing, self._halving, self._half_lives, DAY, values)
        return values

    def _make(self, items: NDArray[np.int32]) -> None:
        """The columns of some items, in increasing order."""
        answers, rows = self.columns.questions.unknown(len(items)), np.zeros(len(items), dtype=np.int64)
        for side, events, edges in self._parts:
            side.add(answers, events, edges, items, rows, self._now)
        made = self.columns.of(answers)
        if self._table is None or len(self._table) < len(self._made):
            known = np.empty((0, made.shape[1]), dtype=np.float32) if self._table is None else self._table
            more = np.empty((len(self._made) - len(known), made.shape[1]), dtype=np.float32)
            self._table = np.concatenate([known, more])
        self._table[items] = made
        self._made[items] = self._now

    def _move(self, segments: Sequence[Segment], now: int) -> None:
        """Go to another moment, later or earlier, and forget the items whose events cross an edge on the way."""
        if not self._parts:
            self._now[0] = now
        if segments is not self._segments:
            # Events that came since were forgotten as they came; what a merge moves stays as it is.
            known = {id(events): edges for _, events, edges in self._parts}
            self._segments, before = segments, self._parts  # the ids are good while those before live
            self._parts = [
                (side, events, known[id(events)] if id(events) in known else side.edges(events, self._now))
                for side in self.columns.questions.sides
                for events in side.events(segments)
            ]
            del before
        if now != self._now[0]:
            if now < self._now[0]:  # what has faded to nothing does not come back by computing
                self._made[self._made > now] = _NEVER
            self._now[0] = now
            for side, events, edges in self._parts:
                moving = edges[0, -len(side.lengths) :]
                cross(events.times, events.log.items, events.chosen, side.lengths, now, moving, self._made, _NEVER)
