"""From a ranked block to the lists of its requests, in the caller's ids, with reasons where they were asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from recsys.data.requests.request import Request
from recsys.pipeline.candidates.request_block import RequestBlock, RequestKind
from recsys.pipeline.ranking.ordering import RANKER, RankedBlock
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.blocks import unknown_candidates
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.item_list import ItemList
from recsys.pipeline.recommender.reasons import Explainer


@dataclass(frozen=True)
class BlockLists:
    """The lists of a ranked block.

    Attributes:
        requests, block: the same requests in ids and in numbers.
        ranked: what `rank_block` made of them.
        scoring: with the current items.
        bundle: whose rankers and version hold.
    """

    requests: Sequence[Request]
    block: RequestBlock
    ranked: RankedBlock
    scoring: Scoring
    bundle: Bundle

    def lists(self) -> list[ItemList]:
        """The list of each request, cut to its length."""
        return [self._list(row, request) for row, request in enumerate(self.requests)]

    def _list(self, row: int, request: Request) -> ItemList:
        vocabulary, ranked, bundle = self.scoring.catalogue.vocabulary, self.ranked, self.bundle
        pairs = ranked.orders[row][: request.n]
        scores = ranked.scores[pairs]
        calibrated = scores if RANKER not in self.block.stages.left_out else np.full_like(scores, np.nan)
        p_click, p_purchase = bundle.rankers.probabilities(calibrated, ranked.table[pairs], ranked.kinds[pairs])
        names, proposed_by = self.scoring.sources.names, ranked.candidates.proposed_by[pairs].tolist()
        return ItemList(
            ids=tuple(vocabulary.ids(ranked.candidates.items[pairs])),
            scores=ranked.list_scores[row][: request.n],
            p_click=p_click,
            p_purchase=p_purchase,
            sources=tuple(tuple(name for bit, name in enumerate(names) if bits >> bit & 1) for bits in proposed_by),
            propensities=ranked.propensities[row][: request.n] if self.block.policies[row].explores else None,
            model_version=bundle.version,
            request_id=request.request_id,
            user_id=request.user_id,
            unknown_items=unknown_candidates(request, vocabulary),
        )

    def explainable(
        self, lists: Sequence[ItemList], users: Sequence[int], event_names: Sequence[str]
    ) -> list[ItemList]:
        """These lists, which then can say why each item is in its list.

        Args:
            users: numbers of those who ask, see `Explainer`.
            event_names: those of the histories.
        """
        block, bundle, found = self.block, self.bundle, []
        for row, one in enumerate(lists):
            history, profile = block.histories.block(row, row + 1), int(block.profiles[row])
            most, until = bundle.config.data.max_history, bundle.learned_until
            explainer = Explainer(self.scoring, history, users[row], profile, most, until, event_names)
            pairs = self.ranked.orders[row][: len(one)]
            items, table = self.ranked.candidates.items[pairs], self.ranked.table[pairs]
            rankers = bundle.rankers.of(RequestKind(block.kinds[row]))
            found.append(replace(one, why=partial(explainer.explain, bundle.features, rankers.full, table, items)))
        return found

    def explained(self, lists: Sequence[ItemList]) -> list[ItemList]:
        """These explainable lists, with why each item is in its list and what each step of the policy changed."""
        found = []
        for row, one in enumerate(lists):
            removed = self.block.policies[row].removed(self.scoring.catalogue)
            changes = tuple(
                change._replace(removed=count) for change, count in zip(self.ranked.changes[row], removed, strict=True)
            )
            found.append(replace(one, explanations=one.explain(), changes=changes))
        return found
