"""Why an item is in the list: exact contributions by group, and sentences that a reader understands."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.feature_set import FeatureSet
from recsys.data.catalogue import ItemCatalogue
from recsys.data.durations import DAY
from recsys.data.history import HistoryBatch
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.item_list import Explanation
from recsys.rank.explain import by_group
from recsys.rank.lambdarank import Ranker

_VERBS = {"purchase": "bought", "click": "looked at", "view": "looked at", "like": "liked", "rating": "liked"}
_ALIKE = 0.45
"""Cosine of two texts from which on a person would call them about the same thing."""

_MONTH = 30 * DAY

_LINKED = {
    "transitions": "people who {verb} {title} often choose it next",
    "neighbours": "people who {verb} {title} often choose it too",
}
"""What the links of a source say: only transitions know what came after what."""

_LIKE = "it is about the same as {title}, which you {verb}"


def explain(
    scoring: Scoring,
    features: FeatureSet,
    ranker: Ranker,
    table: NDArray[np.float32],
    items: NDArray[np.int32],
    history: HistoryBatch,
    event_names: Sequence[str],
) -> tuple[Explanation, ...]:
    """Explain the items of one list.

    Args:
        table: (n, n_features) what the ranker saw of them.
        items: (n,) item numbers.
        history: of this one request.
    """
    groups = by_group(ranker.contributions(table), features.groups)
    explanations = []
    for item, (text, collaborative, behaviour, context) in zip(items, groups.tolist(), strict=True):
        reasons = tuple(_reasons(scoring, int(item), history, event_names))
        explanations.append(Explanation(text, collaborative, behaviour, context, reasons))
    return tuple(explanations)


def _reasons(scoring: Scoring, item: int, history: HistoryBatch, event_names: Sequence[str]) -> list[str]:
    reasons = []
    chosen = history.positive()
    recent, before = chosen.newest(20), int(np.count_nonzero(chosen.items == item))
    if before:
        reasons.append(f"you chose it {_times(before)} before")
    others = np.flatnonzero(recent.items != item)
    if len(others):
        for found in (_most_linked(scoring, item, recent, others), _most_alike(scoring, item, recent, others)):
            if found is not None:
                event, form = found
                verb = _verb(int(recent.events[event]), event_names)
                reasons.append(form.format(verb=verb, title=_title(scoring.catalogue, int(recent.items[event]))))
    number, now = np.array([item], dtype=np.int32), history.now[:1]
    lately = int(scoring.state.counts("item_positives", number, now, _MONTH)[0])
    if lately:
        reasons.append(f"chosen {_times(lately)} in the last 30 days")
    if reasons:
        return reasons
    ever = int(scoring.state.counts("item_positives", number, now)[0])
    return [f"chosen {_times(ever)} before" if ever else "new here: nobody has chosen it yet"]


def _times(n: int) -> str:
    return f"{n} time{'s' if n > 1 else ''}"


def _most_linked(scoring: Scoring, item: int, recent: HistoryBatch, others: NDArray[np.intp]) -> tuple[int, str] | None:
    """The event whose item is most strongly linked to `item` by what people do, and how that is said."""
    for source, links in scoring.facts.links.items():
        strengths = [links[recent.items[event], item] for event in others]
        if max(strengths) > 0:
            return int(others[int(np.argmax(strengths))]), _LINKED[source]
    return None


def _most_alike(scoring: Scoring, item: int, recent: HistoryBatch, others: NDArray[np.intp]) -> tuple[int, str] | None:
    """The event whose item's text is most like that of `item`, if they are alike at all, and how that is said."""
    if scoring.sources.interest is None:
        return None
    vectors = scoring.sources.interest.base_vectors
    likeness = vectors[recent.items[others]] @ vectors[item]
    best = int(np.argmax(likeness))
    return (int(others[best]), _LIKE) if likeness[best] >= _ALIKE else None


def _verb(event: int, event_names: Sequence[str]) -> str:
    return _VERBS.get(event_names[event], "chose") if event >= 0 else "chose"


def _title(catalogue: ItemCatalogue, item: int) -> str:
    title = str(catalogue.frame["title"][item] or catalogue.vocabulary.id(item))
    return f"“{title if len(title) <= 80 else title[:77] + '...'}”"
