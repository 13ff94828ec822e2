"""A cache of the columns that say what happened to items so far: serving asks for them at a moment that moves on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.loops.cache import CachedColumns, missing_items, move_edges, read_rows
from features.loops.timelines import TimelineView, add_answers
from features.questions import Questions, StreamQuestions
from features.segment import ItemEvents, Segment

_NEVER = np.iinfo(np.int64).min


class ItemColumns(Protocol):
    """Columns of the ranker's table that say what happened to items so far.

    Attributes:
        to: (n_columns,) which columns of that table they are.
        questions: those whose answers they are made of.
        ageing: columns that count the days since something happened.
        halving: columns that fade by themselves, and their half-lives in microseconds.
    """

    @property
    def to(self) -> NDArray[np.int64]: ...
    @property
    def questions(self) -> Questions: ...
    @property
    def ageing(self) -> Sequence[int]: ...
    @property
    def halving(self) -> Sequence[tuple[int, int]]: ...

    def fill_from_answers(
        self, answers: NDArray[np.float64], to: NDArray[np.int64], table: NDArray[np.float32]
    ) -> None:
        """Fill columns `to` (n_columns,) of a table with n_pairs rows from the answers (n_pairs, n_questions)."""
        ...


@dataclass(frozen=True)
class _Part:
    """What happened to items in a segment, and where the windows begin in it: edges (1, n_windows)."""

    questions: StreamQuestions
    events: ItemEvents
    edges: NDArray[np.int64]

    @cached_property
    def view(self) -> TimelineView:
        """The columns that answers are read from, computed when an item first needs them."""
        return self.questions.view(self.events)


class ItemColumnCache:
    """Columns of items, computed when first needed and kept until something happens to the item: a new event, or one
    that leaves a window as time passes. Not thread-safe.

    Attributes:
        columns: which.
    """

    def __init__(self, columns: ItemColumns) -> None:
        self.columns = columns
        self._cached = CachedColumns(
            to=columns.to,
            ageing=np.array(columns.ageing, dtype=np.int64),
            halving=np.array([column for column, _ in columns.halving], dtype=np.int64),
            half_lives=np.array([half_life for _, half_life in columns.halving], dtype=np.float64),
        )
        self._all = np.arange(len(columns.to))
        # (n_items, n_columns) as they were when computed
        self._table = np.empty((0, len(columns.to)), dtype=np.float32)
        self._computed_at = np.empty(0, dtype=np.int64)  # when that was, microseconds
        self._now = np.zeros(1, dtype=np.int64)
        self._until = _NEVER  # no event crosses an edge before this moment has passed
        self._segments: Sequence[Segment] = ()
        self._parts: list[_Part] = []

    def forget(self, items: NDArray[np.int32]) -> None:
        """Something has happened to these items."""
        self._computed_at[items[items < len(self._computed_at)]] = _NEVER

    def fill(self, segments: Sequence[Segment], items: NDArray[np.int32], now: int, table: NDArray[np.float32]) -> None:
        """Fill the columns of `table` (n_pairs, n_features) at one moment, from events strictly before it."""
        self._move(segments, now)
        missing = np.empty(len(items), dtype=items.dtype)
        n = missing_items(self._computed_at, items, _NEVER, missing)
        if n:
            self._compute(np.unique(missing[:n]))
        read_rows(self._table, self._computed_at, items, now, self._cached, table)

    def _compute(self, items: NDArray[np.int32]) -> None:
        """The columns of some items, in increasing order."""
        lacking = int(items[-1]) + 1 - len(self._computed_at)
        if lacking > 0:
            self._computed_at = np.concatenate([self._computed_at, np.full(lacking, _NEVER)])
            more = np.empty((lacking, self._table.shape[1]), dtype=np.float32)
            self._table = np.concatenate([self._table, more])
        answers, rows = self.columns.questions.initial_answers(len(items)), np.zeros(len(items), dtype=np.int64)
        for part in self._parts:
            add_answers(part.view, items, rows, self._now, part.edges, answers)
        computed = np.empty((len(items), self._table.shape[1]), dtype=np.float32)
        self.columns.fill_from_answers(answers, self._all, computed)
        self._table[items], self._computed_at[items] = computed, self._now[0]

    def _move(self, segments: Sequence[Segment], now: int) -> None:
        """Go to another moment, later or earlier, and forget the items whose events cross an edge on the way."""
        if not self._parts:
            self._now[0] = now
        if segments is not self._segments:
            # `forget` was called for events that came since; merging segments changes no answer.
            known = {id(part.events): part for part in self._parts}
            self._segments = segments
            self._parts = [
                known.get(id(events)) or _Part(stream, events, stream.edges(events, self._now))
                for stream in self.columns.questions.streams
                for events in stream.events(segments)
            ]
            self._until = _NEVER
        if now < self._now[0]:  # what has faded to nothing does not come back by computing
            self._computed_at[self._computed_at > now] = _NEVER
            self._until = _NEVER
        if now > self._until:
            self._until = min((self._move_edges(part, now) for part in self._parts), default=now)
        self._now[0] = now

    def _move_edges(self, part: _Part, now: int) -> int:
        """Move the edges of a part; returns until when they may stay there."""
        events, lengths, computed_at = part.events, part.questions.lengths, self._computed_at
        moving = part.edges[0, -len(lengths) :]
        until: int = move_edges(
            events.times, events.log.items, events.chosen, lengths, now, moving, computed_at, _NEVER
        )
        return until
