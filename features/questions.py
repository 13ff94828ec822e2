"""Questions about what happened to items before the moments of requests, answered together."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.loops.timelines import TimelineView, add_answers, add_counts
from features.measures import Measure
from features.segment import ItemEvents, Segment, sorting_order

_EVENTS_PER_PAIR = 8
"""Where there are fewer events than this to each pair, a sweep over the events counts faster than sorting them and
searching for each pair does."""


class Question(NamedTuple):
    """A measure, of all the past or, for a sum, of the window [request - window, request) in microseconds."""

    measure: Measure
    window: int | None = None


class Questions:
    """Questions that are asked together, so that one search per window answers all of them.

    Attributes:
        all: the questions, each once.
        streams: the same, separated into those about acts and those about impressions.
    """

    def __init__(self, questions: Iterable[Question]) -> None:
        self.all = tuple(dict.fromkeys(questions))
        self._initial = np.array([np.nan if q.measure.statistic in ("first", "last") else 0.0 for q in self.all])
        streams = (StreamQuestions(self.all, impressions=False), StreamQuestions(self.all, impressions=True))
        self.streams = tuple(stream for stream in streams if stream.questions)

    def initial_answers(self, n_pairs: int) -> NDArray[np.float64]:
        """(n_pairs, n_questions) the answers where nothing happened."""
        answers = np.empty((n_pairs, len(self.all)))
        answers[:] = self._initial
        return answers

    def answers(
        self,
        segments: Sequence[Segment],
        items: NDArray[np.int32],
        rows: NDArray[np.int64],
        now: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """(n_pairs, n_questions) the answers by what is known strictly before each request.

        Each is a sum, 0 without events; a decayed count; or microseconds since the first or last event, NaN without.

        Args:
            segments: all events.
            items: (n_pairs,) numbers.
            rows: (n_pairs,) request of each pair.
            now: (n_requests,) moment of each request, microseconds.
        """
        if self._best_by_sweep(segments, items, rows, now):
            answers = np.zeros((len(items), len(self.all)))
            for stream in self.streams:
                for events in stream.events(segments):
                    stream.add_counts(answers, events, items, rows, now)
            return answers
        order = sorting_order(items)  # by item, because what is read of one item lies together in memory
        items, rows, answers = items[order], rows[order], self.initial_answers(len(items))
        for stream in self.streams:
            for events in stream.events(segments):
                add_answers(stream.view(events), items, rows, now, stream.edges(events, now), answers)
        ordered = np.empty_like(answers)
        ordered[order] = answers
        return ordered

    def _best_by_sweep(
        self,
        segments: Sequence[Segment],
        items: NDArray[np.int32],
        rows: NDArray[np.int64],
        now: NDArray[np.int64],
    ) -> bool:
        """Whether all are counts that a sweep over the events finds fastest."""
        if any(stream.measures for stream in self.streams):
            return False
        n_events = sum(len(events) for stream in self.streams for events in stream.events(segments))
        return n_events < _EVENTS_PER_PAIR * len(items) and bool(
            np.all(now[1:] >= now[:-1]) and np.all(rows[1:] >= rows[:-1])
        )


class StreamQuestions:
    """The questions about one stream of events, acts or impressions, as the compiled loops take them.

    Attributes:
        questions: column of the answers, measure and window of each.
        windows: widest first, None for all of the past; the last one, 0, ends at the request.
        lengths: microseconds of the windows other than None.
        measures: those that the questions need.
    """

    def __init__(self, questions: Sequence[Question], *, impressions: bool) -> None:
        own = [(column, *q) for column, q in enumerate(questions) if q.measure.of_impressions == impressions]
        self.impressions, self.questions = impressions, own
        spans = {window for _, measure, window in own if measure.is_sum and window is not None}
        from_the_start = any(window is None for _, _, window in own)
        self.windows = (*([None] if from_the_start else []), *sorted(spans, reverse=True), 0)
        self.lengths = np.array([window for window in self.windows if window is not None])
        index = self.windows.index
        measures = tuple(dict.fromkeys(measure for _, measure, _ in own if not measure.is_event_count))
        self._summed = tuple(measure for measure in measures if measure.is_sum)
        self._states = tuple(measure for measure in measures if not measure.is_sum)
        self.measures = (*self._summed, *self._states)
        counts = ((column, index(window)) for column, m, window in own if m.is_event_count)
        sums = ((column, index(w), self._summed.index(m)) for column, m, w in own if m.is_sum and not m.is_event_count)
        states = ((column, m.code, self._states.index(m)) for column, m, _ in own if not m.is_sum)
        self._count_questions = _table(counts, 2)
        self._sum_questions, self._state_questions = _table(sums, 3), _table(states, 3)
        self._half_lives = np.array([m.half_life for _, m, _ in own if not m.is_sum], dtype=np.float64)

    def events(self, segments: Sequence[Segment]) -> list[ItemEvents]:
        """The events of each segment that the questions are about."""
        found = (segment.item_events(impressions=self.impressions) for segment in segments)
        return [events for events in found if len(events)]

    def edges(self, events: ItemEvents, now: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n_requests, n_windows) how many events of all items lie before the beginning of each window."""
        edges = np.zeros((len(now), len(self.windows)), dtype=np.int64)
        edges[:, -len(self.lengths) :] = events.times.searchsorted(now[:, None] - self.lengths)
        return edges

    def add_counts(
        self,
        answers: NDArray[np.float64],
        events: ItemEvents,
        items: NDArray[np.int32],
        rows: NDArray[np.int64],
        now: NDArray[np.int64],
    ) -> None:
        """Add how many events there were to the answers (n_pairs, n_questions), for requests in the order of time."""
        n_items = max(events.log.n_items, int(items.max(initial=-1)) + 1)
        seen = np.zeros((len(self.windows), n_items), dtype=np.int32)
        add_counts(events.items(), events.times, items, rows, now, self.lengths, self._count_questions, seen, answers)

    def view(self, events: ItemEvents) -> TimelineView:
        """The events with the measures that these questions need."""
        columns, sums, states = events.columns(self.measures), self._sum_questions, self._state_questions
        if columns.measures != self.measures:  # other questions needed more
            sums, states = sums.copy(), states.copy()
            sums[:, 2] = np.array([columns.sums.index(measure) for measure in self._summed], dtype=np.int64)[sums[:, 2]]
            indices = np.array([columns.states.index(one) for one in self._states], dtype=np.int64)
            states[:, 2] = indices[states[:, 2]]
        return TimelineView(
            events.timeline.keys,
            events.times,
            columns.running_sums,
            columns.running_states,
            self._count_questions,
            sums,
            states,
            self._half_lives,
        )


def _table(rows: Iterable[tuple[int, ...]], width: int) -> NDArray[np.int64]:
    return np.array(list(rows), dtype=np.int64).reshape(-1, width)
