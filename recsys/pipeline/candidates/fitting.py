"""Fitting the configured sources on one stretch of the log."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from recsys.cf.categories import CategoryPopularity
from recsys.cf.hints import Hints
from recsys.cf.model import CollaborativeModel
from recsys.cf.profiles import ProfilePopularity
from recsys.config import Config
from recsys.counts import counted
from recsys.data.groups.membership import Groups, groups_of
from recsys.data.groups.tenths import in_tenths
from recsys.data.groups.words import words_of
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.data.users.user_profiles import UserProfiles
from recsys.pipeline.candidates.cold_items import ColdItems
from recsys.pipeline.candidates.live_sources import live_among
from recsys.pipeline.candidates.source_weights import SourceWeights
from recsys.pipeline.candidates.sources import (
    CATEGORIES,
    EASE,
    ITEM_MODELS,
    LOG_MODELS,
    MODELS,
    PERIODIC_MODELS,
    PROFILES,
    TEXT,
    Sources,
)
from recsys.pipeline.training_run import TrainingRun
from recsys.text.interest import InterestModel

_NO_GROUPS = ("item_id", "title", "description", "available", "available_until")
"""Columns that form no groups: those in which each item has a value of its own, and whether it is available today."""


@dataclass(frozen=True)
class SourceFitting:
    """What every fit of the configured sources shares, whichever stretch of the log they learn from.

    Attributes:
        catalogue: all items, also those without events.
        profiles: what the user table says; None without one that says anything.
        config: says which sources there are, and how each is fitted.
        run: how the training is done.
    """

    catalogue: ItemCatalogue
    profiles: UserProfiles | None
    config: Config
    run: TrainingRun = field(default_factory=TrainingRun)

    def can_fit(self, source: str) -> bool:
        """Whether a configured source can be fitted on these data; most can be on any."""
        if source == EASE:
            return len(self.catalogue) <= self.config.cf.ease_max_items
        if source == CATEGORIES:
            return self._groups is not None
        return source != PROFILES or self.profiles is not None

    @cached_property
    def _groups(self) -> Groups | None:
        """Categories, brands, tags and what else several items have in common, see `groups_of`."""
        return groups_of(self.catalogue.frame, _NO_GROUPS, self.catalogue.frame["item_id"])

    @cached_property
    def _alike(self) -> Groups | None:
        """What items may have in common for users of one profile: values of the same columns, tenths of prices and
        other numbers, and words of titles."""
        frame = self.catalogue.frame
        values = in_tenths(frame.drop(*_NO_GROUPS, "created_at", strict=False))
        return groups_of(values.with_columns(words_of(frame["title"])), [])

    def fit(self, log: InteractionLog, text_minutes: float, earlier: Sources | None) -> Sources:
        """Fit every configured source on a log that is already cut in time.

        Args:
            log: events up to the cut.
            text_minutes: wall-clock budget of the text model.
            earlier: sources fitted on less of the same log, to continue from; the new ones count as much as these when
                candidates are merged. None starts from scratch.
        """
        names, progress = self.config.candidates.sources, self.run.progress
        interest: InterestModel | None = None
        models: dict[str, CollaborativeModel] = {}
        hints = Hints.of(log, self._groups)
        evidence = hints.of_log(log)
        for source in names:
            if source in MODELS:
                known = evidence if source in ITEM_MODELS else log
                model = self._fitted_model(source, known, earlier.models.get(source) if earlier else None)
                if model is not None:
                    models[source] = model
            elif source == TEXT:
                interest = self._fitted_interest(log, text_minutes, earlier.interest if earlier else None)
        profiles: ProfilePopularity | None = None
        if self.profiles is not None and PROFILES in names:
            progress(f"fitting {PROFILES} on {counted(len(log), 'event')}")
            profiles = ProfilePopularity.fit(self.profiles, log, self.config.cf, self._alike)
        weights = earlier.weights if earlier else SourceWeights()
        live = live_among(names)
        sources = Sources(models, interest, live=live, profiles=profiles, weights=weights, hints=hints)
        if len(self.catalogue) > self.config.candidates.exact_items:
            sources = sources.indexed(self.run.seed, progress, earlier)
        learned = np.bincount(evidence.positive().items, minlength=len(self.catalogue)) > 0
        return sources if learned.all() else replace(sources, cold_items=ColdItems.of(learned, sources.interest))

    def _fitted_model(
        self, source: str, log: InteractionLog, earlier: CollaborativeModel | None
    ) -> CollaborativeModel | None:
        """The model of one of `MODELS`; None where these data do not allow it, see `can_fit`.

        Args:
            earlier: the model of an earlier step, to continue from; one of another kind is not looked at.
        """
        config, progress = self.config.cf, self.run.progress
        if source == EASE and not self.can_fit(EASE):
            most = f"cf.ease_max_items = {config.ease_max_items:,}"
            progress(f"ease is left out: {len(self.catalogue):,} items are more than {most}")
            return None
        progress(f"fitting {source} on {counted(len(log), 'event')}")
        if source == CATEGORIES:
            return None if self._groups is None else CategoryPopularity.of(self._groups, log, config)
        if source in PERIODIC_MODELS:
            return PERIODIC_MODELS[source].of(self.catalogue.codes("category"), log, config)
        kind = LOG_MODELS[source]
        return kind.fit(log, config, self.run.seed, earlier if isinstance(earlier, kind) else None)

    def _fitted_interest(self, log: InteractionLog, minutes: float, earlier: InterestModel | None) -> InterestModel:
        from recsys.text.fitting import InterestFitting  # torch, which not every training needs

        run = self.run
        return InterestFitting(
            self.catalogue.texts,
            log,
            self.config.text,
            seed=run.seed,
            minutes=minutes,
            cache=run.cache,
            earlier=earlier,
            warm_passes=run.warm_passes,
            together=run.engine.together if run.engine else None,
            progress=run.progress,
        ).run()
