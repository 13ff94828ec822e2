"""The lists of every ranking for the measured requests: the whole pipeline, the same without one part, simpler ones."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.ragged import offsets_of
from recsys.config import FeatureGroup
from recsys.eval.metrics.auc import auc
from recsys.eval.metrics.reliability import Reliability, reliability
from recsys.eval.ranking import RankedLists, Targets, pessimistic, pessimistic_hits
from recsys.eval.results import CandidateRecall
from recsys.pipeline.candidates.merging import Pairs
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.evaluation.dial_curves import DialCurves
from recsys.pipeline.evaluation.labelled import LabelledBlock
from recsys.pipeline.past.scoring import PastPipeline
from recsys.pipeline.ranking.ordering import RankedBlock
from recsys.pipeline.ranking.ranker_fits import remaining
from recsys.pipeline.ranking.rankers import Rankers
from recsys.rank.lambdarank import Ranker
from recsys.retrieval.scores import Scores

K = 10
"""Length of the lists that are measured."""


class RankingLists:
    """Lists of one ranking over all blocks, and how well it orders the candidates of the full pipeline.

    Attributes:
        aucs: for each block, (n_requests,).
    """

    def __init__(self) -> None:
        self.items: list[NDArray[np.int32]] = []
        self.scores: list[NDArray[np.float32]] = []
        self.aucs: list[NDArray[np.float64]] = []

    def add(self, lists: RankedLists, candidates: RankedLists, targets: Targets) -> None:
        """Add a block: its lists, and all candidates in the order of the ranking."""
        self.items.extend(lists.items)
        self.scores.extend(lists.scores)
        self.aucs.append(auc(pessimistic_hits(candidates, targets), candidates.listed))

    def joined(self) -> RankedLists:
        """The lists of all requests."""
        return RankedLists.of(self.items, self.scores)


@dataclass(frozen=True)
class RankedRequests:
    """Requests in the order in which they were ranked. All arrays are (n_requests,).

    Attributes:
        targets: what was wanted and could be listed.
        users: numbers of those who asked, -1 for an anonymous one.
        lengths: events of the history before each.
        bought: whether something that could be listed got the strongest event.
    """

    targets: Targets
    users: NDArray[np.int32]
    lengths: NDArray[np.int64]
    bought: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.users)

    def select(self, chosen: NDArray[np.bool_]) -> "RankedRequests":
        """The chosen ones: `chosen` is (n_requests,)."""
        return RankedRequests(
            self.targets.select(chosen), self.users[chosen], self.lengths[chosen], self.bought[chosen]
        )

    @staticmethod
    def joined(parts: Sequence["RankedRequests"]) -> "RankedRequests":
        """Those of all blocks, perhaps none."""
        return RankedRequests(
            _joined_targets([part.targets for part in parts]),
            np.concatenate([np.zeros(0, dtype=np.int32), *(part.users for part in parts)]),
            np.concatenate([np.zeros(0, dtype=np.int64), *(part.lengths for part in parts)]),
            np.concatenate([np.zeros(0, dtype=bool), *(part.bought for part in parts)]),
        )


class Rankings:
    """The blocks so far: what every ranking lists, and what was wanted.

    Attributes:
        full: of the whole pipeline.
        ablation, baselines: of the pipeline without one part, and of simpler rankings, by the names of the report.
        n_targets_unlisted: targets that the rules forbid; they are not counted.
        n_requests_unlisted: requests that have no other targets.
        n_bought, n_bought_unlisted: targets that got the strongest event, and how many of these the rules forbid.
        recall: of the candidates.
        calibrations: probabilities of the candidates, and what happened.
        dials: the same requests under other settings of discovery and diversity.
    """

    def __init__(self, pipeline: PastPipeline, baselines: Mapping[str, str]) -> None:
        self._pipeline, self._names, scoring = pipeline, baselines, pipeline.past.scoring
        self.full = RankingLists()
        self.ablation: defaultdict[str, RankingLists] = defaultdict(RankingLists)
        self.baselines: defaultdict[str, RankingLists] = defaultdict(RankingLists)
        self.n_targets_unlisted = self.n_requests_unlisted = self.n_bought = self.n_bought_unlisted = 0
        self._requests: list[RankedRequests] = []
        self.recall = _CandidateRecall(scoring.sources, pipeline.n_candidates)
        self.calibrations = _Calibrations(pipeline.rankers)
        self.dials = DialCurves(scoring.vectors, scoring.positive_counts, K)

    def __len__(self) -> int:
        return sum(map(len, self._requests))

    def requests(self) -> RankedRequests:
        """All that were added."""
        return RankedRequests.joined(self._requests)

    def add(self, block: LabelledBlock) -> None:
        """Rank one block by every ranking."""
        labelled = block.reachable()
        self.n_targets_unlisted += len(block.targets.items) - len(labelled.targets.items)
        self.n_requests_unlisted += int(np.count_nonzero((block.targets.counts > 0) & (labelled.targets.counts == 0)))
        if block.bought is not None and labelled.bought is not None:
            self.n_bought += len(block.bought.items)
            self.n_bought_unlisted += len(block.bought.items) - len(labelled.bought.items)
        self._rank(labelled)

    def _rank(self, labelled: LabelledBlock) -> None:
        block, targets = labelled.block, labelled.targets
        ranked = self._pipeline.rank(block, [K] * len(block))
        n_requests, ordered = len(block), _lists_of_pipeline(ranked)
        self.full.add(ordered, ordered, targets)
        for group, ranker in self._pipeline.rankers.without.items():
            scores = self._without(group, ranker, ranked)
            lists = _lists_by_score(ranked, scores, scores > -np.inf, n_requests)
            everything = _lists_by_score(ranked, scores, ranked.listed, n_requests)
            self.ablation[f"without {group}"].add(lists, everything, targets)
        simpler = self._pipeline.past.scoring.baseline_scores(block) if self._names else {}
        # Of a large catalogue a source looks up its best, among which few of the named items may be. All of them are
        # candidates, of which every score is known.
        listable, names_items = block.listable, np.array([only is not None for only in block.only], dtype=bool)
        for source, source_scores in simpler.items():
            by_source = _scores_of_source(source_scores, ranked)
            everything = _lists_by_score(ranked, by_source, ranked.listed, n_requests)
            best = best_of_source(source_scores, listable, targets)
            if names_items.any():
                known = _lists_by_score(ranked, by_source, ranked.listed & (by_source > -np.inf), n_requests)
                best = _of_either(best, pessimistic(known, targets, K), names_items)
            self.baselines[self._names[source]].add(best, everything, targets)
        self.recall.add(ranked, targets)
        self.calibrations.add(ranked, labelled)
        self.dials.add(ranked, block, targets)
        bought = np.zeros(n_requests, dtype=bool) if labelled.bought is None else labelled.bought.counts > 0
        self._requests.append(RankedRequests(targets, labelled.users, block.histories.lengths, bought))

    def _without(self, group: FeatureGroup, ranker: Ranker, ranked: RankedBlock) -> NDArray[np.float32]:
        """(n_pairs,) scores of the ranker that does without a group; -inf for candidates that only its sources have."""
        sources = self._pipeline.past.scoring.sources
        chosen = remaining(ranked.candidates.proposed_by, sources.names, group) & ranked.listed
        columns = [index for index, own in enumerate(self._pipeline.features.groups) if own != group]
        scores = np.full(len(chosen), -np.inf, dtype=np.float32)
        scores[chosen] = ranker.score(ranked.table[chosen][:, columns])
        return scores


class _CandidateRecall:
    """How many targets are among the candidates, by source."""

    def __init__(self, sources: Sources, budget: int) -> None:
        self.sources, self.weights, self.budget = sources.names, asdict(sources.weights), budget
        self.found = np.zeros(len(self.sources) + 1)
        self.total = 0

    def add(self, ranked: RankedBlock, targets: Targets) -> None:
        hits = ranked.candidates.proposed_by[_are_wanted(ranked, targets)]
        self.found[:-1] += [np.count_nonzero(hits & np.uint16(1 << bit)) for bit in range(len(self.sources))]
        self.found[-1] += len(hits)
        self.total += len(targets.items)

    def result(self) -> CandidateRecall:
        shares = (self.found / max(self.total, 1)).tolist()
        by_source = dict(zip(self.sources, shares[:-1], strict=True))
        return CandidateRecall(self.budget, shares[-1], by_source, self.weights)


class _Calibrations:
    """Predicted probabilities and what happened, of every candidate."""

    def __init__(self, rankers: Rankers) -> None:
        self._rankers = rankers
        self._predicted: dict[str, list[NDArray[np.float32]]] = {"p_click": [], "p_purchase": []}
        self._happened: dict[str, list[NDArray[np.bool_]]] = {"p_click": [], "p_purchase": []}

    def add(self, ranked: RankedBlock, labelled: LabelledBlock) -> None:
        wanted = {"p_click": labelled.targets, "p_purchase": labelled.bought}
        for (name, targets), predictions in zip(
            wanted.items(),
            self._rankers.probabilities(ranked.scores, ranked.table, ranked.kinds),
            strict=True,
        ):
            if targets is not None:
                self._predicted[name].append(predictions)
                self._happened[name].append(_are_wanted(ranked, targets))

    def result(self, share_answered: float) -> dict[str, Reliability]:
        """How well each probability is calibrated, by its name; see `PastRequests.share_answered`."""
        return {
            name: reliability(np.concatenate(predicted), np.concatenate(self._happened[name])).of_all(share_answered)
            for name, predicted in self._predicted.items()
            if sum(map(len, predicted))
        }


def _are_wanted(ranked: RankedBlock, targets: Targets) -> NDArray[np.bool_]:
    """(n_pairs,) True for candidates that are targets of their requests."""
    return ranked.candidates.are_among(Pairs(targets.rows, targets.items))


def best_of_source(source_scores: Scores, listable: NDArray[np.bool_], targets: Targets) -> RankedLists:
    """The best items by one source alone: enough of them to know all ties at place K."""
    items = source_scores.best(listable, min(K + int(targets.counts.max(initial=0)), listable.shape[1]))
    rows, indices = np.nonzero(items >= 0)
    scores = np.full(items.shape, np.nan, dtype=np.float32)
    scores[rows, indices] = source_scores.of(rows, items[rows, indices])
    return pessimistic(RankedLists(items, scores), targets, K)


def _of_either(one: RankedLists, other: RankedLists, from_other: NDArray[np.bool_]) -> RankedLists:
    """The lists of `one`, but those of `other` for the chosen requests (n_requests,)."""
    rows = [(other if chosen else one, row) for row, chosen in enumerate(from_other.tolist())]
    items, scores = ([getattr(lists, name)[row] for lists, row in rows] for name in ("items", "scores"))
    return RankedLists.of(items, scores)


def _scores_of_source(source_scores: Scores, ranked: RankedBlock) -> NDArray[np.float32]:
    """(n_pairs,) the scores of the candidates by one source alone; -inf for what it knows nothing of."""
    scores = source_scores.of(ranked.candidates.rows, ranked.candidates.items)
    return np.where(scores != 0, scores, np.float32(-np.inf))


def _lists_of_pipeline(ranked: RankedBlock) -> RankedLists:
    candidates = ranked.candidates
    return RankedLists.of([candidates.items[order] for order in ranked.orders], ranked.list_scores)


def _lists_by_score(
    ranked: RankedBlock, scores: NDArray[np.float32], chosen: NDArray[np.bool_], n_requests: int
) -> RankedLists:
    """Lists of the chosen candidates by other scores (n_pairs,), equal ones by item number."""
    candidates, scores = ranked.candidates.keep(chosen), scores[chosen]
    order = np.lexsort((candidates.items, -scores, candidates.rows))
    bounds = np.searchsorted(candidates.rows, np.arange(1, n_requests))
    items, values = candidates.items[order], scores[order]
    return RankedLists.of(np.split(items, bounds), np.split(values, bounds))


def _joined_targets(parts: Sequence[Targets]) -> Targets:
    counts = np.concatenate([np.zeros(0, dtype=np.int64), *(part.counts for part in parts)])
    items = np.concatenate([np.zeros(0, dtype=np.int32), *(part.items for part in parts)])
    return Targets(offsets_of(counts), items)
