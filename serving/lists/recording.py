"""What is recorded of an answered list: the log of lists, lists of shadow variants, and Prometheus metrics."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple

from recsys.data.requests.request import Request
from recsys.data.requests.served_list import ServedList
from recsys.moments import clock
from recsys.pipeline.recommender.item_list import ItemList
from recsys.pipeline.recommender.recommend import Recommender
from serving.service import Service


class Answer(NamedTuple):
    """What a page was answered with."""

    ids: Sequence[str]
    version: str
    variant: str
    propensities: Iterable[float] | None = None
    """of the items; None: nothing was left to chance"""

    @classmethod
    def of(cls, ranking: ItemList, variant: str) -> "Answer":
        """A list that a variant has made."""
        return cls(ranking.ids, ranking.model_version, variant, ranking.propensities)


@dataclass(frozen=True)
class Page:
    """The page of a list that was asked for.

    It is answered by the served version, and by each shadow variant beside it, or from the lists of a batch.

    Attributes:
        user_id: as the store knows the user.
        first_position: of its first item in the list.
        known: see `ServedList`; as it was before the list was made.
    """

    request: Request
    user_id: str | None
    first_position: int
    known: int

    def answered(self, answer: Answer, *, shown: bool) -> ServedList:
        """What is logged of an answer."""
        certain = (1.0,) * len(answer.ids)
        return ServedList(
            request_id=self.request.request_id,
            user_id=self.user_id,
            timestamp=clock(),
            model_version=answer.version,
            variant=answer.variant,
            first_position=self.first_position,
            items=tuple(answer.ids),
            propensities=certain if answer.propensities is None else tuple(map(float, answer.propensities)),
            shown=shown,
            known=self.known,
        )


def record_answer(service: Service, page: Page, answer: Answer) -> None:
    """Log a list that was answered, and count it."""
    service.served_lists.note(page.answered(answer, shown=True))
    service.metrics.lists.labels(answer.variant).inc()


def record_list(service: Service, page: Page, ranking: ItemList, variant: str) -> None:
    """Log the list, and have the shadow variants make theirs."""
    record_answer(service, page, Answer.of(ranking, variant))
    for name, shadow in service.live.served.shadows_of(variant, page.request.request_id):
        service.threads.shadowing.try_to(partial(_log_shadow, service, page, ranking, name, shadow.recommender))


def _log_shadow(service: Service, page: Page, ranking: ItemList, variant: str, recommender: Recommender) -> None:
    """Make a shadow variant's list, log it, and count how much of the shown one it holds."""
    other = recommender.recommend(page.request)
    service.served_lists.note(page.answered(Answer.of(other, variant), shown=False))
    common = len({*other.ids} & {*ranking.ids}) / max(len(ranking.ids), 1)
    service.metrics.shadow_overlap.labels(variant).observe(common)


def count_list(service: Service, ranking: ItemList) -> None:
    """Count how long a list took, what was left out, and which sources its items are from."""
    for stage, seconds in ranking.seconds.items():
        service.metrics.stages.labels(stage).observe(seconds)
    service.traces.stages(time.time_ns() - int(1e9 * sum(ranking.seconds.values())), ranking.seconds)
    for stage in ranking.degraded:
        service.metrics.degraded.labels(stage).inc()
    for source, n in Counter(chain.from_iterable(ranking.sources)).items():
        service.metrics.candidates.labels(source).inc(n)
