"""The ranker's rows: what the fitted sources would have proposed at past moments, and what the user then did."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.counts import counted
from recsys.data.log.interactions import InteractionLog
from recsys.pipeline.candidates.merging import Candidates, Pairs
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastPipeline, PastScoring
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.training.item_dropout import ALWAYS_MET, moments_met
from recsys.progress import Progress
from recsys.rank.rows import RankerRows


@dataclass(frozen=True)
class UnseenWindow:
    """A window of the log that sources have not seen: its requests may teach a ranker, or measure one.

    Attributes:
        past: the sources, fitted strictly before the window.
        features: the ranker's columns.
        start: of the window, microseconds.
        dropped: (n_items,) items whose past is hidden, see `ItemDropout`; None for no item.
    """

    past: PastScoring
    features: FeatureSet
    start: int
    dropped: NDArray[np.bool_] | None = None

    @property
    def is_hidden(self) -> NDArray[np.bool_]:
        """(n_items,) whether the past of each item is hidden."""
        return np.zeros(len(self.past.scoring.catalogue), dtype=bool) if self.dropped is None else self.dropped

    def moments_met(self, log: InteractionLog) -> NDArray[np.int64]:
        """(n_items,) microseconds from which on items give rows: when somebody in the log met each first. Items whose
        past is hidden, or that are created in the window, give rows at all times, whether they are chosen or not.
        """
        always = self.is_hidden | (self.past.scoring.facts.created >= self.start)
        return np.where(always, ALWAYS_MET, moments_met(log))

    def pipeline(self, rankers: Rankers) -> PastPipeline:
        """What ranks the window's requests by these rankers."""
        return PastPipeline(self.past, self.features, rankers)


def training_rows(
    window: UnseenWindow, requests: PastRequests, strongest: float, progress: Progress, met: NDArray[np.int64]
) -> Iterator[RankerRows]:
    """Rows of requests of a window, some hundred requests at a time.

    If the log says what was shown, the shown items join the candidates, and what was shown and not chosen teaches the
    ranker what is not wanted. Rows that are only there because the item was shown are marked, because probabilities are
    calibrated on candidates. Without impressions, candidates without a reaction count as not wanted. A wanted item that
    no source proposed gives no row: when serving, the ranker never meets such a case. Such a request still counts for
    probabilities, as does one in which nothing was chosen from what was shown. What is in the cart already counts as
    not wanted, unless the user chose it once more in the same visit.

    Args:
        requests: of the window.
        strongest: weight of the strongest event.
        met: (n_items,) microseconds: an item gives rows only of requests after this moment.
    """
    yield replace(_no_rows(len(window.features.names)), missed=requests.times_unanswered)
    done = 0
    for part, block in window.past.blocks(requests):
        rows = _rows_of_block(window, part, block, strongest, met)
        done += len(part)
        progress(f"ranker rows: {done:,} of {counted(len(requests), 'request')}")
        yield rows


def _rows_of_block(
    window: UnseenWindow, requests: PastRequests, block: RequestBlock, strongest: float, met: NDArray[np.int64]
) -> RankerRows:
    """The rows of the requests of one block; the other arguments are those of `training_rows`."""
    past, (n_requests, n_items) = window.past, block.eligible.shape
    n = past.config.candidates.n
    shown = Pairs(requests.shown.rows, requests.shown.items)
    candidates = past.scoring.candidates(block, n, shown)
    gains = _gains(requests, candidates, n_items)
    teaches = met[candidates.items] < requests.times[candidates.rows]
    covered = np.bincount(candidates.rows, weights=(gains > 0) & teaches, minlength=n_requests) > 0
    rows_of_targets = requests.targets.rows
    eligible = block.eligible[rows_of_targets, requests.targets.items]  # as in evaluation, the others are no targets
    has_target = np.bincount(rows_of_targets, weights=eligible, minlength=n_requests) > 0
    # Features include ranks among all candidates of a request, so all are computed before the rows that teach are kept.
    inside = covered[candidates.rows]
    table = past.scoring.table(block, candidates.keep(inside), window.features)[teaches[inside]]
    inside &= teaches
    kept, gains = candidates.keep(inside), gains[inside]
    return RankerRows(
        table=table,
        gains=gains,
        bought=gains == strongest,
        sizes=np.bincount(kept.rows, minlength=n_requests)[covered],
        times=requests.times[covered],
        proposed_by=kept.proposed_by,
        positions=_positions(requests, kept, n_items),
        only_shown=candidates.beyond(n)[inside],
        shown=kept.are_among(shown),
        missed=requests.times[has_target & ~covered],
    )


def _no_rows(n_features: int) -> RankerRows:
    none = np.zeros(0, dtype=np.int64)
    table = np.zeros((0, n_features), dtype=np.float32)
    return RankerRows(table, none.astype(np.float32), none.astype(bool), none, none, none.astype(np.uint16))


def _positions(requests: PastRequests, candidates: Candidates, n_items: int) -> NDArray[np.int16]:
    """(n_pairs,) position at which each candidate was shown, -1 where it was not or that is unknown."""
    keys = (requests.shown.rows * n_items + requests.shown.items).tolist()
    shown = dict(zip(keys, requests.shown.values.tolist(), strict=True))
    if not shown:
        return np.full(len(candidates.rows), -1, dtype=np.int16)
    keys = (candidates.rows * n_items + candidates.items).tolist()
    return np.array([shown.get(key, -1) for key in keys], dtype=np.int16)


def _gains(requests: PastRequests, candidates: Candidates, n_items: int) -> NDArray[np.float32]:
    """(n_pairs,) weight of the strongest event on each candidate, 0 where the user showed no interest."""
    targets = requests.targets
    keys = targets.rows * n_items + targets.items
    order = np.argsort(keys)
    wanted = candidates.rows * n_items + candidates.items
    indices = np.minimum(np.searchsorted(keys[order], wanted), max(len(keys) - 1, 0))
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.float32)
    return np.where(keys[order][indices] == wanted, targets.values[order][indices], np.float32(0))
