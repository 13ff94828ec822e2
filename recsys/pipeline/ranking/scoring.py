"""From a block of requests to candidates and features: the path shared by training, evaluation, batch and API."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from features.configured import configured
from features.feature_set import FeatureSet
from features.item_facts import ItemFacts
from features.kinds.base import IMPRESSIONS, UNEQUAL_WEIGHTS
from features.pairs import PairBatch
from features.state import EventState
from recsys.config import FeaturesConfig
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_changes import ItemChange, change_items
from recsys.data.log.history import HistoryBatch
from recsys.errors import ConfigError
from recsys.pipeline.candidates.live_sources import NEWEST, TRENDING, live_among, newest_scores, trending_scores
from recsys.pipeline.candidates.merging import Candidates, Pairs, Proposal, merge
from recsys.pipeline.candidates.request_block import RequestBlock, RequestContexts
from recsys.pipeline.candidates.source_weights import SourceWeights
from recsys.pipeline.candidates.sources import POPULAR, TEXT, Sources
from recsys.policy.policy import Policy
from recsys.retrieval.scores import Scores, SharedScores, SparseScores

_TIME_OF_SOURCES = 0.5
"""Share of the time allowed for a list after which no further source is used."""

SEEN_EVENTS = 10_000
"""Newest events of a user in which items count as seen."""


@dataclass(frozen=True)
class Scoring:
    """Fitted sources over a catalogue, and the events so far."""

    catalogue: ItemCatalogue
    sources: Sources
    state: EventState

    @cached_property
    def facts(self) -> ItemFacts:
        """The items as features see them."""
        return self.sources.facts(self.catalogue)

    @cached_property
    def _newest_item(self) -> float:
        """When the newest item was created, microseconds; -inf if that is not known of any."""
        return float(np.max(self.facts.created, initial=-np.inf, where=~np.isnan(self.facts.created)))

    @cached_property
    def _first_gone(self) -> float:
        """When the first item goes, microseconds; inf if that is not known of any."""
        return float(np.min(self.catalogue.gone, initial=np.inf))

    @cached_property
    def _newest_items(self) -> SharedScores:
        return newest_scores(self.facts.created)

    def histories(self, users: NDArray[np.int32], now: NDArray[np.int64], limit: int = SEEN_EVENTS) -> HistoryBatch:
        """See `EventState.histories`. Only items of this catalogue count: newer ones may come while a caller still
        holds it."""
        known = self.state.histories(users, now, limit)
        return known.keep(known.items < len(self.catalogue))

    def features(self, config: FeaturesConfig) -> FeatureSet:
        """The configured features that these sources can fill.

        Raises:
            ConfigError: a feature is left out or declared that cannot be, or none is left.
        """
        available = {*self.sources.names, *self.facts.affinities}
        if self.state.has_unequal_weights:
            available.add(UNEQUAL_WEIGHTS)
        if self.state.has_impressions:
            available.add(IMPRESSIONS)
        chosen = FeatureSet.choose(config.groups, available, configured(config))
        if not chosen.features:
            raise ConfigError(
                f"features.groups: these sources fill no feature of {', '.join(config.groups)}; "
                f"add a group, or a source to candidates.sources"
            )
        return chosen

    @property
    def vectors(self) -> NDArray[np.float32] | None:
        """(n_items, dim) unit vectors that say how alike items are: those of the text, else the factors."""
        if self.sources.interest is not None:
            return self.sources.interest.item_vectors
        return cast("NDArray[np.float32] | None", self.facts.vectors.get("factors"))

    def positive_counts(self, items: NDArray[np.int32], now: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n,) positive events of items (n,) before the moments `now` (n,), microseconds."""
        return self.state.counts("item_positives", items, now)

    def with_state(self, state: EventState) -> "Scoring":
        """The same sources and catalogue with other events."""
        return self._with_facts(Scoring(self.catalogue, self.sources, state))

    def with_chosen(self, live: Collection[str], weights: SourceWeights) -> "Scoring":
        """This scoring with only these live sources, and other weights of the sources."""
        sources = replace(self.sources, live=live_among(live), weights=weights)
        return self._with_facts(Scoring(self.catalogue, sources, self.state))

    def _with_facts(self, other: "Scoring") -> "Scoring":
        """Another scoring with the facts of this one: they follow from the catalogue and the learned sources, which
        both share."""
        vars(other)["facts"] = self.facts
        return other

    def updated(self, changes: Sequence[ItemChange]) -> "Scoring":
        """This scoring over the changed catalogue, ready to be used; itself if the changes have no effect.

        New texts are encoded; new items borrow from similar ones what collaborative models say. The events are shared.

        Raises:
            DataError: a column does not fit the catalogue's.
        """
        catalogue, numbers = change_items(self.catalogue, changes)
        if not len(numbers):
            return self
        numbers = np.sort(numbers)
        known = numbers[numbers < len(self.catalogue)]
        before, texts = self.catalogue.texts_of(known), catalogue.texts_of(numbers)
        read = [index for index, text in enumerate(texts) if index >= len(known) or text != before[index]]
        changed = [texts[index] for index in read]
        sources = self.sources.updated(len(self.catalogue), len(catalogue), numbers[read], changed)
        updated = Scoring(catalogue, sources, self.state)
        _ = updated.facts, catalogue.available, catalogue.gone  # now, and not in the first request
        updated.facts.attributes.prepare_as(self.facts.attributes)
        return updated

    def read_ahead(self, items: ItemCatalogue) -> None:
        """Encode what items will say that this catalogue does not say of them yet, before they come.

        Args:
            items: as they will be.
        """
        numbers = self.catalogue.vocabulary.numbers(items.vocabulary)
        known = numbers[numbers >= 0]
        before = dict(zip(known.tolist(), self.catalogue.texts_of(known), strict=True))
        changed = [
            text for number, text in zip(numbers.tolist(), items.texts, strict=True) if before.get(number) != text
        ]
        if self.sources.interest is not None:
            self.sources.interest.read_ahead(changed)

    def eligible(self, policies: Sequence[Policy], now: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n_requests, n_items) True where the rules allow an item and it is there at `now`, in microseconds: it exists
        by then, and is not gone."""
        created = self.facts.created
        eligible = np.ones((len(now), len(created)), dtype=bool)
        for own, policy in zip(eligible, policies, strict=True):
            policy.narrow(own, self.catalogue)
        if (now < self._newest_item).any():
            eligible &= np.isnan(created) | (created <= now[:, None])
        if (now > self._first_gone).any():
            eligible &= self.catalogue.gone >= now[:, None]
        return eligible

    def block(
        self, contexts: RequestContexts, histories: HistoryBatch, policies: tuple[Policy, ...], max_history: int
    ) -> RequestBlock:
        """Requests as they are ranked.

        Args:
            histories: what each did, stored or given.
            policies: the rules of each list.
            max_history: newest events of a history that sources and features see.
        """
        newest = histories.newest(max_history)
        return RequestBlock(
            users=contexts.users,
            histories=newest,
            evidence=self.sources.hints.of_histories(newest),
            eligible=self.eligible(policies, contexts.listed_at),
            policies=policies,
            only=(None,) * len(policies),
            profiles=self.sources.profile_rows(contexts.ids, contexts.now),
            known_until=self.state.known_until(contexts.now),
            moments=contexts.moments,
        )

    def candidates(self, block: RequestBlock, n: int, required: Pairs | None = None) -> Candidates:
        """The `n` items of each request that are worth ranking, and the `required` ones."""
        return merge(self.proposals(block, n), block.eligible, n, required)

    def proposals(self, block: RequestBlock, n: int) -> dict[str, Proposal]:
        """Source -> what it says of the requests, and its `n` best items; nothing of one that there is no time for."""
        n = min(n, block.eligible.shape[1])
        none = np.full((len(block), n), -1, dtype=np.int32)
        nothing = Proposal(SparseScores.nothing(*block.eligible.shape), none, np.ones(len(block), dtype=np.float32))
        proposals: dict[str, Proposal] = {}
        for source in self.sources.names:
            # Popularity is always used: it costs next to nothing, and is better than no list.
            within = math.inf if source == POPULAR else _TIME_OF_SOURCES
            propose = partial(self._proposal, source, block, n)
            proposals[source] = block.stages.attempt(source, within, propose) or nothing
        return proposals

    def _proposal(self, source: str, block: RequestBlock, n: int) -> Proposal:
        """The scores of one source, the `n` best items by them, and how much it counts."""
        scores = self.scores_of(source, block)
        return Proposal(scores, scores.best(block.eligible, n), self.sources.weights.of(source, block.has_history))

    def scores_of(self, source: str, block: RequestBlock) -> Scores:
        """What one source says of these requests."""
        if source == TRENDING:
            return trending_scores(self.state, block.known_until, len(self.catalogue))
        if source == NEWEST:
            return self._newest_items
        return self.sources.scores_of(source, block)

    def baseline_scores(self, block: RequestBlock) -> dict[str, Scores]:
        """The scores of each source alone, and `zero_shot`: similarity of texts to the history before any tuning."""
        scores = {source: self.scores_of(source, block) for source in self.sources.names}
        zero_shot = self.sources.zero_shot_scores(block.histories)
        return scores if zero_shot is None else {**scores, "zero_shot": zero_shot}

    def query_similarities(self, block: RequestBlock, candidates: Candidates) -> NDArray[np.float32] | None:
        """(n_pairs,) cosine of each candidate's text and its request's query, 0 without one; None where no request has
        one, or texts are not read."""
        interest = self.sources.interest
        if block.queries is None or interest is None or TEXT in block.stages.left_out:
            return None
        return interest.query_similarities(block.queries, candidates.rows, candidates.items)

    def table(self, block: RequestBlock, candidates: Candidates, features: FeatureSet) -> NDArray[np.float32]:
        """(n_pairs, n_features) float32."""
        pairs = PairBatch(
            histories=block.histories,
            known_until=block.known_until,
            rows=candidates.rows,
            items=candidates.items,
            scores=candidates.scores,
            state=self.state,
            users=block.users,
            facts=self.facts,
        )
        return features.compute(pairs)
