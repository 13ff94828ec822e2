"""The models that propose and score items: collaborative ones and the text model, fitted on one stretch of the log
(see `fitting`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.item_facts import ItemFacts
from recsys.arrays.float16 import Float16Bits
from recsys.cf.als import Als
from recsys.cf.categories import CategoryPopularity
from recsys.cf.ease import Ease
from recsys.cf.hints import Hints
from recsys.cf.model import CollaborativeModel, LogModel
from recsys.cf.neighbours import Neighbours
from recsys.cf.periodic import Periodic
from recsys.cf.popular import Popular
from recsys.cf.profiles import ProfilePopularity
from recsys.cf.revisits import Revisits
from recsys.cf.rhythm import Rhythm
from recsys.cf.season import Season
from recsys.cf.transitions import Transitions
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_past import ItemPast
from recsys.data.log.history import HistoryBatch
from recsys.data.users.user_profiles import UserProfiles
from recsys.pipeline.candidates.cold_items import ColdItems
from recsys.pipeline.candidates.live_sources import live_among
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.candidates.source_weights import SourceWeights
from recsys.progress import Progress, silent
from recsys.retrieval.scores import DenseScores, Scores
from recsys.text.interest import InterestModel

CATEGORIES, EASE, POPULAR, PROFILES = "categories", "ease", "popular", "profiles"
RHYTHM, SEASON, TEXT = "rhythm", "season", "text"
"""Names of the sources that are not treated like all others."""

LOG_MODELS: Mapping[str, type[LogModel]] = {
    "transitions": Transitions,
    "neighbours": Neighbours,
    EASE: Ease,
    "als": Als,
    POPULAR: Popular,
    "history": Revisits,
}
"""Source -> its model, of those that learn from the log alone."""

ITEM_MODELS = ("transitions", "neighbours", EASE, "als")
"""Those of them that learn what items have to do with each other, from hints too; others learn what is wanted."""

PERIODIC_MODELS: Mapping[str, type[Periodic]] = {RHYTHM: Rhythm, SEASON: Season}
"""Source -> its model, of those that follow the time of a period."""

MODELS: Mapping[str, type[CollaborativeModel]] = {**LOG_MODELS, CATEGORIES: CategoryPopularity, **PERIODIC_MODELS}
"""Source -> its model, of those that are kept in cf/."""

_COLD_ITEMS = Path("cf", "newcomers")  # the name is a part of the format of bundles
_WEIGHTS = Path("cf", "weights.json")
_HINTS = Path("cf", "hints")


@dataclass(frozen=True)
class Sources:
    """Fitted sources.

    Attributes:
        models: of `recsys.cf`, by the name of their source: all but the text model.
        interest: the text model; None when text is not among the sources.
        profiles: what users of the same profile choose; None without a user table, or if it is no source.
        weights: how much each source counts when candidates are merged.
        live: names of the sources that `Scoring` answers for, see `recsys.pipeline.candidates.live_sources`.
        hints: what acts of weight 0 say to the models of `recsys.cf`.
        cold_items: items without a positive event in the log; None when there are none.
    """

    models: Mapping[str, CollaborativeModel]
    interest: InterestModel | None
    cold_items: ColdItems | None = None
    live: tuple[str, ...] = ()
    profiles: ProfilePopularity | None = None
    weights: SourceWeights = field(default_factory=SourceWeights)
    hints: Hints = field(default_factory=Hints.none)

    def indexed(self, seed: int = 0, progress: Progress = silent, earlier: "Sources | None" = None) -> "Sources":
        """These sources with indices, so that a request costs what it reads and not the size of the catalogue.

        Args:
            earlier: earlier sources, whose lists of nearest items are kept where the text model is the same.
        """
        models = {source: model.indexed(seed) for source, model in self.models.items()}
        profiles = self.profiles.indexed() if self.profiles else None
        if self.interest is None:
            return replace(self, models=models, profiles=profiles)
        progress(f"looking up the nearest texts of each of {len(self.interest):,} items")
        interest = self.interest.indexed(seed, earlier.interest if earlier else None)
        progress(f"{interest.recall(seed):.1%} of the exact nearest texts are found")
        return replace(self, models=models, profiles=profiles, interest=interest)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sources in the order of the bits of `Candidates.proposed_by`: learned ones, text, live ones."""
        return (
            *self.models,
            *([PROFILES] if self.profiles else []),
            *([TEXT] if self.interest else []),
            *self.live,
        )

    def scores_of(self, source: str, block: RequestBlock) -> Scores:
        """The scores of all items by one source; not by a live one, for which `Scoring` answers."""
        if source == TEXT and self.interest is not None:
            return self.interest.scores(block.read_as_text, block.queries)
        if source == PROFILES and self.profiles is not None:
            of_profiles, borrowing = self.profiles.scores(block.profiles), self._items_without_profile
            return of_profiles if borrowing is None else borrowing.with_lent_scores(of_profiles)
        model, cold_items = self.models[source], self.cold_items
        if cold_items is None or model.of_cold_items == "own":
            return _scores_of_model(model, block, block.evidence)
        histories = block.evidence.keep(block.evidence.items < cold_items.n_known)
        known = _scores_of_model(model, block, histories)
        if model.of_cold_items == "lent":
            return cold_items.with_lent_scores(known)
        return cold_items.with_zero_scores(known)

    @cached_property
    def _items_without_profile(self) -> ColdItems | None:
        """The cold items that profiles cannot score themselves: these borrow."""
        if self.cold_items is None or self.profiles is None:
            return self.cold_items
        return self.cold_items.without_loans_to(self.profiles.popularity > 0)

    def profile_rows(self, ids: Sequence[str | None], now: NDArray[np.int64]) -> NDArray[np.int32]:
        """(n_requests,) the row of each user among the profiles at the moment of the request, in microseconds; -1 for a
        user who has none."""
        return np.full(len(ids), -1, dtype=np.int32) if self.profiles is None else self.profiles.rows(ids, now)

    @property
    def user_profiles(self) -> UserProfiles | None:
        """What the user table says; None without one that says anything."""
        return None if self.profiles is None else self.profiles.profiles

    def without_users(self, digests: Collection[str]) -> "Sources":
        """These sources without the profiles of users who are to be forgotten, see `UserProfiles.without`."""
        return self if self.profiles is None else replace(self, profiles=self.profiles.without(digests))

    def updated(self, n_before: int, n_items: int, numbers: NDArray[np.int32], texts: Sequence[str]) -> "Sources":
        """These sources over a catalogue that has changed since.

        Args:
            n_before, n_items: size of the catalogue before and after.
            numbers: (n,) of the items whose text is another or new, increasing; new ones come without a gap.
            texts: (n,) what they say.
        """
        interest = self.interest.updated(numbers, texts) if self.interest and len(numbers) else self.interest
        cold_items = self.cold_items or (
            ColdItems.of(np.ones(n_before, dtype=bool), None) if n_items > n_before else None
        )
        if cold_items is None:
            return replace(self, interest=interest)
        models = {source: model.extended(n_items) for source, model in self.models.items()}
        return replace(
            self, models=models, interest=interest, cold_items=cold_items.updated(n_items, numbers, interest)
        )

    def zero_shot_scores(self, histories: HistoryBatch) -> Scores | None:
        """Similarity of texts to the history before any tuning; None when text is not among the sources."""
        if self.interest is None:
            return None
        positive, vectors = histories.positive(), self.interest.base_vectors
        weights = positive.matrix(len(vectors), np.float32(0.5) ** positive.recency_ranks.astype(np.float32))
        return DenseScores(np.asarray(weights @ vectors) @ vectors.T)

    def facts(self, catalogue: ItemCatalogue) -> ItemFacts:
        """The items as features see them, with the affinities that these models give."""
        vectors: dict[str, NDArray[np.float32] | Float16Bits] = dict(self.interest.affinities) if self.interest else {}
        links = {}
        for source, model in self.models.items():
            if model.unit_vectors is not None:
                vectors["factors"] = (
                    self.cold_items.with_lent_vectors(model.unit_vectors) if self.cold_items else model.unit_vectors
                )
            if model.links is not None:
                links[source] = _as_square(model.links, len(catalogue))
        facts = ItemFacts.of(catalogue, vectors, links, self._past(len(catalogue)))
        return self.cold_items.with_guessed_facts(facts) if self.cold_items else facts

    def _past(self, n_items: int) -> ItemPast | None:
        """How much each item was wanted; None where `popular` is not among the sources."""
        popular = self.models.get(POPULAR)
        past = popular.past if isinstance(popular, Popular) else None
        return None if past is None else past.extended(n_items)

    def save(self, folder: Path) -> None:
        """Write cf/<source>/, text/, cf/newcomers/, cf/weights.json and, if there are any, cf/hints/."""
        for source, model in self.models.items():
            model.save(folder / "cf" / source)
        if self.profiles:
            self.profiles.save(folder / "cf" / PROFILES)
        if self.cold_items:
            self.cold_items.save(folder / _COLD_ITEMS)
        if self.interest:
            self.interest.save(folder / "text")
        (folder / _WEIGHTS).parent.mkdir(exist_ok=True)
        self.weights.save(folder / _WEIGHTS)
        if len(self.hints.weights):
            self.hints.save(folder / _HINTS)

    @classmethod
    def load(cls, folder: Path, names: Sequence[str]) -> "Sources":
        """Read what `save` wrote; `names` are those of the configuration, which say what live ones there are."""
        models = {
            source: kind.load(folder / "cf" / source)
            for source, kind in MODELS.items()
            if (folder / "cf" / source).is_dir()
        }
        interest = InterestModel.load(folder / "text") if (folder / "text").is_dir() else None
        cold_items = ColdItems.load(folder / _COLD_ITEMS) if (folder / _COLD_ITEMS).is_dir() else None
        profiles = ProfilePopularity.load(folder / "cf" / PROFILES) if (folder / "cf" / PROFILES).is_dir() else None
        weights = SourceWeights.load(folder / _WEIGHTS) if (folder / _WEIGHTS).exists() else SourceWeights()
        hints = Hints.load(folder / _HINTS)
        return cls(models, interest, cold_items, live_among(names), profiles, weights, hints)


def _scores_of_model(model: CollaborativeModel, block: RequestBlock, histories: HistoryBatch) -> Scores:
    """The scores by one model: of a periodic one at the time that each list is for, of any other by the histories."""
    return model.scores_at(block.moments, histories.now) if isinstance(model, Periodic) else model.scores(histories)


def _as_square(links: sp.csr_matrix, n_items: int) -> sp.csr_matrix:
    """The links with none for items that came later."""
    if links.shape[0] == n_items:
        return links
    ends = np.pad(links.indptr, (0, n_items - links.shape[0]), mode="edge")
    return sp.csr_matrix((links.data, links.indices, ends), shape=(n_items, n_items), copy=False)
