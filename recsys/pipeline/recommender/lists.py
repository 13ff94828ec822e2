"""From a ranked block to the lists of its requests, in the caller's ids, with reasons where they were asked for."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.requests.request import Request
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.ranking.ordering import RANKER, RankedBlock
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.blocks import unknown_candidates
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.item_list import ItemList
from recsys.pipeline.recommender.reasons import Explainer


def lists_of(
    requests: Sequence[Request], block: RequestBlock, ranked: RankedBlock, scoring: Scoring, bundle: Bundle
) -> list[ItemList]:
    """The list of each request, cut to its length.

    Args:
        requests, block: the same requests in ids and in numbers.
        ranked: what `rank_block` made of them.
        scoring: with the current items.
        bundle: whose rankers and version hold.
    """
    vocabulary, sources = scoring.catalogue.vocabulary, scoring.sources.names
    by_ranker = RANKER not in block.stages.left_out
    lists = []
    for row, request in enumerate(requests):
        pairs = ranked.orders[row][: request.n]
        scores = ranked.scores[pairs]
        calibrated = scores if by_ranker else np.full_like(scores, np.nan)
        p_click, p_purchase = bundle.rankers.probabilities(calibrated, ranked.table[pairs], ranked.of_given[pairs])
        proposed_by = ranked.candidates.proposed_by[pairs].tolist()
        lists.append(
            ItemList(
                ids=tuple(vocabulary.ids(ranked.candidates.items[pairs])),
                scores=ranked.list_scores[row][: request.n],
                p_click=p_click,
                p_purchase=p_purchase,
                sources=tuple(tuple(s for bit, s in enumerate(sources) if bits >> bit & 1) for bits in proposed_by),
                propensities=ranked.propensities[row][: request.n] if block.policies[row].explores else None,
                model_version=bundle.version,
                request_id=request.request_id,
                user_id=request.user_id,
                unknown_items=unknown_candidates(request, vocabulary),
            )
        )
    return lists


def explainable(
    lists: Sequence[ItemList],
    block: RequestBlock,
    ranked: RankedBlock,
    scoring: Scoring,
    bundle: Bundle,
    event_names: Sequence[str],
    users: Sequence[int],
) -> list[ItemList]:
    """The lists of a block, which can say why each item is in its list.

    Args:
        lists: of `lists_of`, whose further arguments these are.
        users: numbers of those who ask, see `Explainer`.
        event_names: those of the histories.
    """
    found = []
    for row, one in enumerate(lists):
        pairs = ranked.orders[row][: len(one)]
        history, profile = block.histories.block(row, row + 1), int(block.profiles[row])
        most, learned_until = bundle.config.data.max_history, bundle.learned_until
        explainer = Explainer(scoring, history, users[row], profile, most, learned_until, event_names)
        items, table = ranked.candidates.items[pairs], ranked.table[pairs]
        rankers = bundle.rankers.of(brings_history=bool(block.brings_history[row]))
        found.append(replace(one, why=partial(explainer.explain, bundle.features, rankers.full, table, items)))
    return found


def explained(
    lists: Sequence[ItemList], block: RequestBlock, ranked: RankedBlock, catalogue: ItemCatalogue
) -> list[ItemList]:
    """The lists of a block, with why each item is in its list and what each step of the policy changed.

    Args:
        lists: of `explainable`, whose further arguments these are.
    """
    found = []
    for row, one in enumerate(lists):
        removed = block.policies[row].removed(catalogue)
        changes = tuple(
            change._replace(removed=count) for change, count in zip(ranked.changes[row], removed, strict=True)
        )
        found.append(replace(one, explanations=one.explain(), changes=changes))
    return found
