"""Why an item is in the list: exact contributions by group, and sentences that a reader understands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from features.kinds.attributes import UserLineStep
from recsys.cf.categories import CategoryPopularity
from recsys.cf.links import ItemLinks
from recsys.counts import counted
from recsys.data.groups.membership import has_value
from recsys.data.log.history import HistoryBatch
from recsys.moments import DAY
from recsys.pipeline.candidates.sources import CATEGORIES
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.item_list import Explanation
from recsys.rank.explain import by_group
from recsys.rank.lambdarank import Ranker

_VERBS = {"purchase": "bought", "click": "looked at", "view": "looked at", "like": "liked", "rating": "liked"}
_ALIKE = 0.45
"""Smallest cosine of two texts that a person would call similar."""

_MONTH = 30 * DAY

_FEWEST = 2
"""Fewest people that a sentence speaks of: what a single one did is no evidence, and nobody else's business."""

_COMMON = 0.5
"""A value that at least this share of the items has in common is no reason."""


@dataclass(frozen=True)
class Explainer:
    """Explains the items of one list.

    Attributes:
        scoring: what ranked them.
        history: of this one request.
        user: number of the one who asks, also where the request brings the history; -1 for one who is not known.
        profile: row of the user among the profiles, -1 for one without.
        max_history: a history with this many events may be cut off, so what is counted in it is a minimum.
        learned_until: moment of the last event that the sources have learned from: the people that they count include
            the user by stored events up to it, and by nothing else.
        event_names: those of the history.
    """

    scoring: Scoring
    history: HistoryBatch
    user: int
    profile: int
    max_history: int
    learned_until: int
    event_names: Sequence[str]

    def explain(
        self, features: FeatureSet, ranker: Ranker, table: NDArray[np.float32], items: NDArray[np.int32]
    ) -> tuple[Explanation, ...]:
        """An explanation for each item.

        Args:
            table: (n, n_features) what the ranker saw of them.
            items: (n,) item numbers.
        """
        groups = by_group(ranker.contributions(table), features.groups)
        steps = [feature.kind for feature in features.features if isinstance(feature.kind, UserLineStep)]
        learned = self._learned()
        return tuple(
            Explanation(text, collaborative, behaviour, context, tuple(self._reasons(int(item), steps, learned)))
            for item, (text, collaborative, behaviour, context) in zip(items, groups.tolist(), strict=True)
        )

    def _learned(self) -> HistoryBatch:
        """What the models have learned from of the user, who is one of the people that they have counted."""
        user, after = np.array([self.user], dtype=np.int32), np.array([self.learned_until + 1], dtype=np.int64)
        return self.scoring.histories(user, after)

    def _evidence(self, histories: HistoryBatch) -> HistoryBatch:
        """The events that links of items are learned from, and looked up by."""
        return self.scoring.sources.hints.of_histories(histories).positive()

    def _reasons(self, item: int, steps: Sequence[UserLineStep], learned: HistoryBatch) -> list[str]:
        chosen = self.history.positive()
        before, recent = int(np.count_nonzero(chosen.items == item)), self._evidence(self.history).newest(20)
        others = recent.keep(recent.items != item)
        sentences = [
            f"you chose it {self._at_least}{_times(before)} before" if before else None,
            self._next(item, chosen, steps),
            self._linked(item, others, self._evidence(learned).items),
            self._alike(item, others),
            self._in_group(item, chosen.keep(chosen.items != item)),
            self._by_people_like_you(item, int(item in learned.positive().items)),
        ]
        number, now = np.array([item], dtype=np.int32), self.history.now[:1]
        lately = int(self.scoring.state.counts("item_positives", number, now, _MONTH)[0])
        if lately:
            sentences.append(f"chosen {_times(lately)} in the last 30 days")
        reasons = [reason for reason in sentences if reason is not None]
        if reasons:
            return reasons
        ever = int(self.scoring.state.counts("item_positives", number, now)[0])
        return [f"chosen {_times(ever)} before" if ever else "new here: nobody has chosen it yet"]

    @property
    def _at_least(self) -> str:
        """ "at least " before a count of the history, if that may have been cut off."""
        return "at least " if len(self.history.items) >= self.max_history else ""

    def _next(self, item: int, chosen: HistoryBatch, steps: Sequence[UserLineStep]) -> str | None:
        """The item right before `item` in its line, such as a series, if the user has come that far."""
        for step in steps:
            lines = self.scoring.facts.attributes.lines(step.column, step.number, step.part)
            if lines is None or lines.lines[item] < 0:
                continue
            passed = np.flatnonzero(lines.lines[chosen.items] == lines.lines[item])
            furthest = passed[np.argmax(lines.positions[chosen.items[passed]])] if len(passed) else -1
            if furthest >= 0 and lines.positions[chosen.items[furthest]] == lines.positions[item] - 1:
                verb = self._verb(chosen, int(furthest))
                return f"{step.column}: the next one after {self._title(chosen, int(furthest))}, which you {verb}"
        return None

    def _linked(self, item: int, others: HistoryBatch, counted_by: NDArray[np.int32]) -> str | None:
        """The event whose item is most strongly linked to `item` by what people do, if enough of them chose both.

        Args:
            counted_by: items of which the user is one of the people that the links count.
        """
        themselves = np.isin(others.items, counted_by) & (item in counted_by)
        for links in (model for model in self.scoring.sources.models.values() if isinstance(model, ItemLinks)):
            strengths, people = links.between_items(others.items, item)
            people = people - themselves
            strengths = np.where(people >= _FEWEST, strengths, 0)
            if strengths.any():
                best = int(np.argmax(strengths))
                return f"{int(people[best])} people who chose {self._title(others, best)} chose it too"
        return None

    def _alike(self, item: int, others: HistoryBatch) -> str | None:
        """The event whose item's text is most like that of `item`, if they are alike at all."""
        if self.scoring.sources.interest is None or not len(others.items):
            return None
        vectors = self.scoring.sources.interest.base_vectors
        similarity = vectors[others.items] @ vectors[item]
        best = int(np.argmax(similarity))
        if similarity[best] < _ALIKE:
            return None
        return f"it is about the same as {self._title(others, best)}, which you {self._verb(others, best)}"

    def _in_group(self, item: int, others: HistoryBatch) -> str | None:
        """The category, brand or tag that `item` shares with what the user chose; rare ones count more."""
        model = self.scoring.sources.models.get(CATEGORIES)
        if not isinstance(model, CategoryPopularity):
            return None
        members = model.groups.members
        n_known = members.shape[0]  # items that came later are in no group
        if item >= n_known:
            return None
        groups = model.groups.of_row(item)
        chosen = np.unique(others.items)
        shared = np.asarray(members[chosen[chosen < n_known]][:, groups].sum(axis=0)).ravel()
        shares = model.groups.sizes[groups] / n_known
        specificity = np.where(shares < _COMMON, -shared * np.log(shares), 0)
        for index in np.argsort(-specificity, kind="stable")[: np.count_nonzero(specificity)].tolist():
            column, value = model.groups.name(int(groups[index]))
            values = self.scoring.catalogue.frame[column][np.append(chosen, item)]  # may have changed since training
            *like, is_so = has_value(values, value).tolist()
            if is_so and (count := sum(like)):
                items = f"{self._at_least}{counted(count, 'item')}"
                return f"{column} {_quoted(value)}, like {items} that you chose"
        return None

    def _by_people_like_you(self, item: int, themselves: int) -> str | None:
        """The user's group that chooses `item` more than others do, if enough of its members did."""
        model = self.scoring.sources.profiles
        if model is None or self.profile < 0 or item >= len(model.popularity):
            return None
        groups = model.profiles.groups.of_row(self.profile)
        people = np.asarray(model.choosers[groups, item].todense()).ravel() - themselves
        lifts = np.where(people >= _FEWEST, model.lift(groups, item), 0)
        if not (lifts > 0).any():
            return None
        best = int(np.argmax(lifts))
        column, value = model.profiles.groups.name(int(groups[best]))
        return f"{int(people[best])} people with {column} {_quoted(value)} chose it"

    def _verb(self, events: HistoryBatch, index: int) -> str:
        event = int(events.events[index])
        return _VERBS.get(self.event_names[event], "chose") if event >= 0 else "chose"

    def _title(self, events: HistoryBatch, index: int) -> str:
        item, catalogue = int(events.items[index]), self.scoring.catalogue
        return _quoted(str(catalogue.frame["title"][item] or catalogue.vocabulary.id(item)))


def _times(n: int) -> str:
    return f"{n} time{'s' if n > 1 else ''}"


def _quoted(text: str) -> str:
    return f"“{text if len(text) <= 80 else text[:77] + '...'}”"
