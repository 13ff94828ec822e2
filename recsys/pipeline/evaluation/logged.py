"""Logged placements of a window with their propensities, compared with what a recommender would have placed there."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.interactions import InteractionLog
from recsys.eval.offpolicy import LoggedPlacements, off_policy
from recsys.eval.results import MeasuredReport
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastPipeline
from recsys.pipeline.ranking.ordering import RankedBlock


def with_off_policy(
    report: MeasuredReport, pipeline: PastPipeline, window: InteractionLog, seed: int
) -> MeasuredReport:
    """The report of a pipeline, with what its lists would have earned in place of those that were shown; unchanged if
    the window has no propensities.

    Args:
        pipeline, window: see `logged_placements`.
        seed: of the lists that are drawn, and of the bootstrap.
    """
    logged = logged_placements(pipeline, window, pipeline.past.config.data.max_requests, seed)
    return report if logged is None else replace(report, off_policy=off_policy(logged, seed=seed))


def logged_placements(pipeline: PastPipeline, window: InteractionLog, most: int, seed: int) -> LoggedPlacements | None:
    """Every impression with a request, a position and a propensity; None where the window has none.

    A placement earns 1 when its user showed interest in the item in the same request. A recommender that leaves nothing
    to chance puts one item at each position: its probability there is 1, and that of all others 0. Its list is as long
    as the one that was shown, but has at most as many items as it ranks candidates.

    Later pages, whose first position is not 0, are left out where lists explore: what may stand on them depends on the
    draws of the pages before, and their propensities hold for these draws only.

    Args:
        pipeline: has not learned from the window.
        window: the events, in the pipeline's numbers.
        most: lists that are looked at, drawn by `seed`.
    """
    shown = _ShownLists.of(window)
    if shown is None:
        return None
    lists, lengths, members = shown.sample(most, seed), shown.lengths(pipeline.n_candidates), shown.members()
    placements, policies, done = [], [], 0
    for part, block in pipeline.past.blocks(shown.requests(lists)):
        numbers = lists[done : done + len(part)]
        done += len(part)
        asked = lengths[numbers].tolist()
        ranked = pipeline.rank(block, asked)
        p_click, _ = pipeline.rankers.probabilities(ranked.scores, ranked.table, ranked.kinds)
        probabilities = p_click.astype(np.float64)
        for row, (number, n) in enumerate(zip(numbers, asked, strict=True)):
            own = members[number]
            placements.append(own)
            policies.append(
                _target_policy(ranked, probabilities, row, n, shown.log.items[own], shown.log.positions[own])
            )
    chosen = np.concatenate(placements)
    target, expected, predicted = (np.concatenate(column) for column in zip(*policies, strict=True))
    return LoggedPlacements(
        rewards=shown.rewards[chosen],
        propensities=shown.log.propensities[chosen].astype(np.float64),
        target=target,
        predicted=predicted,
        expected=expected,
        requests=shown.list_numbers[chosen].astype(np.int32),
        n_behind=int(np.count_nonzero(shown.log.positions[chosen] >= pipeline.n_candidates)),
        n_later=shown.n_later,
    )


@dataclass(frozen=True)
class _ShownLists:
    """The lists of a window whose placements were logged with a propensity.

    Attributes:
        log: the placements: an impression each.
        list_numbers: (n_placements,) the list that each is of.
        rewards: (n_placements,) 1 where the user showed interest in the item in the same request, else 0.
        n_later: further placements, on later pages.
    """

    log: InteractionLog
    list_numbers: NDArray[np.int64]
    rewards: NDArray[np.float64]
    n_later: int

    @classmethod
    def of(cls, window: InteractionLog) -> "_ShownLists | None":
        """Find them; None where there is none."""
        is_logged = np.isfinite(window.propensities) & (window.requests >= 0) & (window.positions >= 0)
        all_pages, wanted = window.select(window.is_impression & is_logged), window.positive()
        if not len(all_pages):
            return None
        log = all_pages.select(~_on_later_pages(all_pages))
        keys, list_numbers = np.unique(_list_keys(log), return_inverse=True)
        numbers = np.minimum(np.searchsorted(keys, _list_keys(wanted)), len(keys) - 1)
        of_list = keys[numbers] == _list_keys(wanted)
        n_items = np.int64(window.n_items)
        rewarded = numbers[of_list] * n_items + wanted.items[of_list]
        return cls(
            log,
            list_numbers,
            np.isin(list_numbers * n_items + log.items, rewarded).astype(np.float64),
            len(all_pages) - len(log),
        )

    def sample(self, most: int, seed: int) -> NDArray[np.int64]:
        """(n_requests,) numbers of at most `most` lists, drawn evenly, in the order of time."""
        lists = np.argsort(self.log.times[self._firsts], kind="stable")
        if len(lists) <= most:
            return lists
        return lists[np.sort(np.random.default_rng(seed).choice(len(lists), most, replace=False))]

    def requests(self, lists: NDArray[np.int64]) -> PastRequests:
        """Requests at the moments when these lists were made; their targets are not needed."""
        firsts = self._firsts[lists]
        return PastRequests.unlabelled(self.log.users[firsts], self.log.times[firsts])

    def lengths(self, most: int) -> NDArray[np.int64]:
        """(n_lists,) the length of each list up to its last placement, but at most `most`."""
        lengths = np.zeros(int(self.list_numbers.max()) + 1, dtype=np.int64)
        np.maximum.at(lengths, self.list_numbers, np.minimum(self.log.positions.astype(np.int64) + 1, most))
        return lengths

    def members(self) -> list[NDArray[np.int64]]:
        """The placements of each list."""
        order = np.argsort(self.list_numbers, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.list_numbers))[:-1])

    @property
    def _firsts(self) -> NDArray[np.int64]:
        """(n_lists,) the first placement of each list."""
        return np.unique(self.list_numbers, return_index=True)[1]


def _list_keys(log: InteractionLog) -> NDArray[np.int64]:
    """(n_events,) the same for events of one list only: two users may have the same request_id, but different lists."""
    return log.users * np.int64(2**32) + log.requests


def _on_later_pages(log: InteractionLog) -> NDArray[np.bool_]:
    """(n_events,) True where a list does not begin at position 0, if some list does, and lists explore."""
    _, numbers = np.unique(_list_keys(log), return_inverse=True)
    firsts = np.full(int(numbers.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(firsts, numbers, log.positions.astype(np.int64))
    later: NDArray[np.bool_] = (firsts > 0)[numbers]
    return later if (log.propensities < 1).any() and not later.all() else np.zeros(len(log), dtype=bool)


class _TargetPolicy(NamedTuple):
    """What the measured recommender would have put at the placements of a list. All arrays are (n_placements,)."""

    target: NDArray[np.float64]
    """1 where it puts the same item at the same position, else 0"""
    expected: NDArray[np.float64]
    """probability that what it puts there is wanted"""
    predicted: NDArray[np.float64]
    """probability that what was shown there is wanted"""


def _target_policy(
    ranked: RankedBlock,
    probabilities: NDArray[np.float64],
    row: int,
    n: int,
    items: NDArray[np.int32],
    positions: NDArray[np.int16],
) -> _TargetPolicy:
    """The list of one request at the placements that were shown.

    Args:
        probabilities: (n_pairs,) of the block: probability that each candidate is wanted.
        row: the request.
        n: length of its list.
        items, positions: (n_placements,) what was shown, and at which position.
    """
    pairs = ranked.orders[row][:n]
    listed, expected = np.full(n + 1, -1, dtype=np.int32), np.zeros(n + 1)  # the last position stands for all behind
    listed[: len(pairs)], expected[: len(pairs)] = ranked.candidates.items[pairs], probabilities[pairs]
    within = np.minimum(positions, n)
    target = (listed[within] == items).astype(np.float64)
    return _TargetPolicy(target, expected[within], _probabilities_of(ranked, probabilities, row, items))


def _probabilities_of(
    ranked: RankedBlock, probabilities: NDArray[np.float64], row: int, items: NDArray[np.int32]
) -> NDArray[np.float64]:
    """(n,) probabilities of items that are among the candidates of a request; 0 for others."""
    start, stop = np.searchsorted(ranked.candidates.rows, [row, row + 1])
    known = ranked.candidates.items[start:stop]  # increasing
    indices = np.minimum(np.searchsorted(known, items), max(len(known) - 1, 0))
    if not len(known):
        return np.zeros(len(items))
    return np.where(known[indices] == items, probabilities[start:stop][indices], 0.0)
