"""The emergency list: popular items, when no other list can be had."""

import numpy as np

from recsys.data.requests.request import Request
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.candidates.sources import POPULAR
from recsys.pipeline.ranking.ordering import RANKER
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.blocks import unknown_candidates
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.item_list import ItemList


def popular_list(request: Request, block: RequestBlock, scoring: Scoring, bundle: Bundle) -> ItemList:
    """The most wanted items under the request's rules, in some milliseconds.

    No other source, feature or ranker is asked, because one of them may be what is slow or broken. This is the only
    list that `rank_block` does not make.

    Args:
        request: whose list.
        block: the same request in numbers, alone.
        scoring: with the current items; those that came after training score 0.
        bundle: whose configuration and version hold.
    """
    policy, only = block.policies[0], block.only[0]
    allowed = np.flatnonzero(block.eligible[0]).astype(np.int32)
    scores = np.zeros(len(scoring.catalogue), dtype=np.float32)
    if POPULAR in scoring.sources.models:
        popular = scoring.sources.scores_of(POPULAR, block)
        scores[allowed] = popular.of(np.zeros(len(allowed), dtype=np.int64), allowed)
    best = allowed[np.argsort(-scores[allowed], kind="stable")]
    if only is not None:
        best = best[np.isin(best, only)]
    else:
        n = max(bundle.config.candidates.n, request.n)
        lacking = policy.lacks(best[:n], request.n)
        further = [policy.required, *(best[meets(best)][: request.n] for meets in lacking)]
        best = best[(np.arange(len(best)) < n) | np.isin(best, np.concatenate(further))]
    arranged = policy.arrange(best, scores[best], request.n)
    items = best[arranged.order[: request.n]]
    nothing = np.full(len(items), np.nan, dtype=np.float32)
    return ItemList(
        ids=tuple(scoring.catalogue.vocabulary.ids(items)),
        scores=arranged.scores[: request.n],
        p_click=nothing,
        p_purchase=nothing,
        sources=((POPULAR,),) * len(items),
        propensities=arranged.propensities[: request.n] if policy.explores else None,
        model_version=bundle.version,
        request_id=request.request_id,
        user_id=request.user_id,
        unknown_items=unknown_candidates(request, scoring.catalogue.vocabulary),
        degraded=(*(source for source in scoring.sources.names if source != POPULAR), RANKER),
    )
