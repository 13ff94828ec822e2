"""Measure a recommender on requests whose outcome is known, beside simpler rankings and itself without one part."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.config import PolicyConfig
from recsys.eval.protocol import Measurement, evaluate_lists
from recsys.eval.ranking import RankedLists, Targets
from recsys.eval.results import EvaluationReport
from recsys.eval.slices import category_slices, request_slices
from recsys.pipeline.evaluation.rankings import K, LabelledBlock, RankingLists, Rankings
from recsys.pipeline.past.pipeline import PastPipeline
from recsys.progress import Progress

BASELINES: Mapping[str, str] = {
    "popular": "popularity",
    "categories": "popularity in the user's categories",
    "profiles": "popularity among users of the same profile",
    "als": "ALS",
    "neighbours": "neighbours",
    "transitions": "transitions",
    "ease": "EASE",
    "trending": "trending",
    "newest": "newest items",
    "history": "habit",
    "text": "text, interest model alone",
    "zero_shot": "text, not tuned",
}
"""Source -> the name of its ranking in the report."""

_MOVING_RULES = ("boosts", "diversity", "pins", "caps", "quotas", "fresh")
"""Keys of `[policy]` that order a list otherwise than the ranker does; nothing is explored in what is measured."""


def measure(
    pipeline: PastPipeline,
    blocks: Iterable[LabelledBlock],
    *,
    trained: NDArray[np.int64],
    seed: int,
    progress: Progress,
    strongest: str | None = None,
    baselines: Mapping[str, str] = BASELINES,
    caveats: Sequence[str] = (),
) -> EvaluationReport:
    """Rank every request with every ranking and summarise.

    Args:
        pipeline: what is measured.
        blocks: the requests.
        trained: (n_items,) events of each item that were learned from, for novelty and the cold slices.
        seed: of every bootstrap.
        progress: called with a line of text after each block.
        strongest: name of the event that the blocks call bought; requests that it followed are a slice of their own.
        baselines: sources that are measured alone beside it, and what the report calls them.
        caveats: what a reader of the figures has to know; what the requests themselves give reason for is added.
    """
    rankings, scoring = Rankings(pipeline, baselines), pipeline.past.scoring
    for block in blocks:
        rankings.add(block)
        progress(f"evaluating: {len(rankings):,} requests")
    targets, users, lengths = rankings.requests()
    answered = targets.counts > 0
    wanted, catalogue = targets.select(answered), scoring.catalogue
    vectors = scoring.vectors if scoring.vectors is not None else np.zeros((len(catalogue), 1), dtype="f4")

    def measured(ranking: RankingLists) -> Measurement:
        found = evaluate_lists(
            ranking.joined().select(answered),
            wanted,
            popularity=trained.astype(np.float64),
            vectors=vectors,
            users=users[answered],
            requests=np.flatnonzero(answered),
            k=K,
        )
        # Of what a ranking lists: two rankings compare only over the same candidates.
        return replace(found, values={**found.values, "auc": np.concatenate(ranking.aucs)[answered]})

    report = EvaluationReport.of(
        measured(rankings.full) if len(rankings) else _no_measurement(len(trained)),
        baselines={name: measured(ranking) for name, ranking in rankings.baselines.items()},
        ablation={name: measured(ranking) for name, ranking in rankings.ablation.items()},
        slices={
            **request_slices(wanted, trained, lengths[answered]),
            **category_slices(wanted, catalogue.codes("category"), catalogue.names("category")),
        },
        events={strongest: rankings.bought[answered]} if strongest else {},
        seed=seed,
    )
    return replace(
        report,
        candidates=rankings.recall.result(),
        calibration=rankings.calibrations.result(),
        dial=() if rankings.dial is None else rankings.dial.result(),
        importances=pipeline.rankers.full.importance,
        caveats=(
            *caveats,
            *_caveat_of_unlisted(rankings),
            *_caveat_of_what_is_left(rankings.n_targets_unlisted, len(wanted.items)),
            *_caveat_of_strongest(strongest, rankings.n_bought_unlisted, rankings.n_bought),
            *_caveat_of_newcomers(lengths[answered]),
            *_caveat_of_rules(pipeline.past.config.policy),
            *report.caveats,
        ),
    )


def _caveat_of_unlisted(rankings: Rankings) -> Iterator[str]:
    n_targets, n_requests = rankings.n_targets_unlisted, rankings.n_requests_unlisted
    if n_targets:
        requests = f", nor are {n_requests:,} requests that wanted nothing else" if n_requests else ""
        yield (
            f"{n_targets:,} of the items wanted may not be listed: seen items are left out, or those that are not "
            "available, or were created later. "
            f"They are not counted{requests}."
        )


def _caveat_of_what_is_left(n_unlisted: int, n_listed: int) -> Iterator[str]:
    """Where most of what was wanted may not be listed."""
    if n_unlisted > n_listed:
        yield (
            "What is left is less than half, and may be an easier question. If seen items are left out and a view "
            'comes before each purchase, set policy.seen = "keep".'
        )


def _caveat_of_strongest(event: str | None, n_unlisted: int, n: int) -> Iterator[str]:
    """Where most of what got the strongest event may not be listed: all others can hide that."""
    if event is not None and n_unlisted > n / 2:
        yield (
            f"Of {n:,} items with the event {event}, {n_unlisted:,} may not be listed and are not counted: the figures "
            'say little of it. If it follows a view of the item, set policy.seen = "keep".'
        )


def _caveat_of_newcomers(lengths: NDArray[np.int64]) -> Iterator[str]:
    """Of requests of users without a history, if they are most: what reads histories says nothing there."""
    n_newcomers = int(np.count_nonzero(lengths == 0))
    if n_newcomers > len(lengths) / 2:
        yield (
            f"{n_newcomers:,} of the {len(lengths):,} requests come from users without a history, for whom rankings "
            "that read one list nothing. Events of one user at one time are one request: if that is why, give each "
            "its own time."
        )


def _caveat_of_rules(policy: PolicyConfig) -> Iterator[str]:
    """Of rules that move items in the lists of the full pipeline."""
    usual = PolicyConfig()
    moving = [name for name in _MOVING_RULES if getattr(policy, name) != getattr(usual, name)]
    if moving:
        yield (
            f"The full pipeline's lists follow policy.{', policy.'.join(moving)}, which the simpler rankings do not: "
            f"what the rules cost is in its figures."
        )


def _no_measurement(n_items: int) -> Measurement:
    empty = RankedLists(np.zeros((0, K), dtype=np.int32), np.zeros((0, K), dtype=np.float32))
    return evaluate_lists(
        empty, Targets.of([]), popularity=np.zeros(n_items), vectors=np.zeros((n_items, 1), dtype=np.float32), k=K
    )
