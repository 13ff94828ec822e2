"""The models that propose and score items: collaborative ones and the text model, fitted on one stretch of the log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.pairs import ItemFacts
from recsys.cf.als import Als
from recsys.cf.ease import Ease
from recsys.cf.neighbours import Neighbours
from recsys.cf.popular import Popular
from recsys.cf.revisits import Revisits
from recsys.cf.scorer import Scorer
from recsys.cf.transitions import Transitions
from recsys.config import Config
from recsys.data.catalogue import ItemCatalogue
from recsys.data.history import HistoryBatch
from recsys.data.interactions import InteractionLog
from recsys.text.cache import VectorCache
from recsys.text.interest import InterestModel

Progress = Callable[[str], None]
Queries = Sequence[str | None]

_COLLABORATIVE: Mapping[str, type[Scorer]] = {
    "transitions": Transitions,
    "neighbours": Neighbours,
    "ease": Ease,
    "als": Als,
    "popular": Popular,
    "history": Revisits,
}
_TEXT = "text"


@dataclass(frozen=True)
class StageOne:
    """Fitted sources.

    Attributes:
        models: collaborative models by the name of their source.
        interest: the text model; None when text is not among the sources.
    """

    models: Mapping[str, Scorer]
    interest: InterestModel | None

    @classmethod
    def fit(
        cls,
        catalogue: ItemCatalogue,
        log: InteractionLog,
        config: Config,
        *,
        seed: int,
        text_minutes: float,
        cache: VectorCache | None,
        warm: "StageOne | None",
        progress: Progress,
    ) -> "StageOne":
        """Fit every configured source on a log that is already cut in time.

        Args:
            catalogue: all items, also those without events.
            log: events up to the cut.
            text_minutes: wall-clock budget of the text model.
            cache: text vectors encoded before.
            warm: an earlier stage, fitted on less of the same log, to go on from.
        """
        models: dict[str, Scorer] = {}
        interest = None
        for source in config.candidates.sources:
            if source == _TEXT:
                interest = InterestModel.fit(
                    catalogue.texts,
                    log,
                    config.text,
                    seed=seed,
                    minutes=text_minutes,
                    cache=cache,
                    warm=warm.interest if warm else None,
                    progress=progress,
                )
                continue
            if source == "ease" and len(catalogue) > config.cf.ease_max_items:
                progress(f"ease left out: {len(catalogue)} items, cf.ease_max_items is {config.cf.ease_max_items}")
                continue
            progress(f"fitting {source} on {len(log):,} events")
            models[source] = _COLLABORATIVE[source].fit(log, config.cf, seed)
        return cls(models, interest)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the fitted sources, in the order of the columns of `scores`."""
        return (*self.models, *([_TEXT] if self.interest else []))

    def scores(self, histories: HistoryBatch, queries: Queries | None = None) -> dict[str, NDArray[np.float32]]:
        """Source -> (n_requests, n_items) float32, higher is better, 0 where the source knows nothing."""
        scores = {source: model.score(histories) for source, model in self.models.items()}
        if self.interest:
            scores[_TEXT] = self.interest.score(histories, queries)
        return scores

    def baseline_scores(
        self, histories: HistoryBatch, queries: Queries | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """The scores of each source alone, and `zero_shot`: likeness of the texts to the history before any tuning."""
        scores = self.scores(histories, queries)
        if self.interest:
            positive = histories.positive()
            weights = positive.matrix(
                len(self.interest.base_vectors), np.float32(0.5) ** positive.places_from_end.astype(np.float32)
            )
            scores["zero_shot"] = np.asarray(weights @ self.interest.base_vectors) @ self.interest.base_vectors.T
        return scores

    def facts(self, catalogue: ItemCatalogue) -> ItemFacts:
        """The items as features see them, with the affinities that these models give."""
        vectors, links = {}, {}
        if self.interest:
            vectors = {"text": self.interest.item_vectors, "frozen": self.interest.base_vectors}
        for source, model in self.models.items():
            if isinstance(model, Als):
                norms = np.linalg.norm(model.item_factors, axis=1, keepdims=True)
                vectors["factors"] = model.item_factors / np.maximum(norms, 1e-12)
            elif isinstance(model, Transitions | Neighbours):
                links[source] = model.matrix
        return ItemFacts.of(catalogue, vectors, links)

    def save(self, folder: Path) -> None:
        """Write cf/<source>/ and text/."""
        for source, model in self.models.items():
            model.save(folder / "cf" / source)
        if self.interest:
            self.interest.save(folder / "text")

    @classmethod
    def load(cls, folder: Path) -> "StageOne":
        """Read what `save` wrote."""
        models = {
            source: kind.load(folder / "cf" / source)
            for source, kind in _COLLABORATIVE.items()
            if (folder / "cf" / source).is_dir()
        }
        return cls(models, InterestModel.load(folder / "text") if (folder / "text").is_dir() else None)
