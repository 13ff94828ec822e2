"""Ranked lists on their way out: a request body becomes a `Request`, an `ItemList` becomes JSON."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import chain
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import polars as pl
from fastapi import Response

from recsys.data.moments import clock
from recsys.data.parsing import times_of
from recsys.data.requests import Request
from recsys.data.served_list import ServedList
from recsys.errors import DataError, RecsysError
from recsys.pipeline.ranking.stages import LiveStages
from recsys.pipeline.recommender.item_list import ItemList
from recsys.pipeline.recommender.recommend import Recommender
from serving.conditions import wrong_conditions
from serving.cursor import name_of_list, next_cursor, shown_before
from serving.errors import Fault, ProblemError
from serving.schemas.lists import ListRequest
from serving.schemas.values import Moment
from serving.service import ListResponse, Service

logger = logging.getLogger("recsys.serving")


def unit_of(body: ListRequest) -> str:
    """What stays with one variant: the user; of an anonymous one all pages of the list."""
    return body.user_id or name_of_list(body)


async def list_response(
    service: Service,
    recommender: Recommender,
    body: ListRequest,
    n: int,
    candidates: Sequence[str] | None = None,
    variant: str | None = None,
    further: Mapping[str, Any] = MappingProxyType({}),
) -> Response:
    """Make one page of a list, and answer with it.

    Args:
        n: length of the page.
        candidates: when given only these are ranked.
        variant: that answers; None for a list that is only looked at, which is not kept.
        further: keys of the answer beside those of every list.

    Raises:
        ProblemError: 422, n is above the limit, the cursor or a condition is wrong; 429, the server is at its limit.
    """
    _check_length(n, service.settings.serving.max_n)
    shown, known = shown_before(body), service.live.served.known_offset
    request = _request_of(body, n, candidates, shown)
    try:
        ranking = await _in_time(service, recommender, request, explain=body.explain)
    except DataError as error:
        faults = await service.reading.run(lambda: wrong_conditions(request, recommender.catalogue))
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), faults) from error

    def note() -> None:
        _count(service, ranking)
        if variant is not None:
            user_id = None if request.user_id is None else recommender.stored_id(request.user_id)
            _log(service, Page(request, user_id, len(shown), known), ranking, variant)

    left = candidates is None or set(candidates).difference(shown, ranking.ids)
    more = len(ranking.ids) == n and bool(left)
    policy = {"policy": [change._asdict() for change in ranking.changes]} if body.explain else {}
    content = list_content(
        request,
        list_entries(ranking, first_rank=len(shown) + 1),
        version=ranking.model_version,
        variant=variant,
        degraded=ranking.degraded,
        cursor=next_cursor(body, [*shown, *ranking.ids]) if more else None,
    )
    return ListResponse({**content, **policy, **further}, note)


def list_content(
    request: Request,
    items: Sequence[Mapping[str, Any]],
    *,
    version: str,
    variant: str | None,
    degraded: Sequence[str] = (),
    cursor: str | None,
) -> dict[str, Any]:
    """What every answer with a list says, see `schemas.lists.ListAnswer`."""
    return {
        "request_id": request.request_id,
        "model_version": version,
        "variant": variant,
        "items": items,
        "degraded": degraded,
        "cursor": cursor,
    }


def _check_length(n: int, most: int) -> None:
    """Refuse a list of more than `most` items.

    Raises:
        ProblemError: 422.
    """
    if n > most:
        fault = Fault(loc=["body", "n"], msg=f"n is {n}; a list holds at most {most}, and `cursor` fetches the next")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, fault.msg, [fault])


def _request_of(body: ListRequest, n: int, candidates: Sequence[str] | None, shown: Sequence[str]) -> Request:
    """What the recommender is asked: the body of a call, without the items that earlier pages have shown.

    Raises:
        ProblemError: 422, the timestamp is not a time.
    """
    return Request(
        user_id=body.user_id,
        history=None if body.history is None else tuple(body.history),
        candidates=None if candidates is None else tuple(candidates),
        n=n,
        time=None if body.timestamp is None else _moment(body.timestamp),
        request_id=uuid4().hex,
        context=body.context,
        exclude=(*body.exclude, *shown),
        filters=body.model_dump(include={"filter"}, exclude_unset=True)["filter"] if body.filter else {},
        shown=len(shown),
        policy={key: rule for key, rule in body.policy.model_dump(exclude_unset=True).items() if rule is not None},
    )


def _moment(timestamp: Moment) -> int:
    """Microseconds since 1970 UTC.

    Raises:
        ProblemError: 422, it is not a time.
    """
    time: int | None = times_of(pl.Series([str(timestamp)], dtype=pl.String)).item()
    if time is None or time < 0:
        fault = Fault(loc=["body", "timestamp"], msg="not a time; write ISO 8601, or epoch seconds or milliseconds")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, fault.msg, [fault])
    return time


async def _in_time(service: Service, recommender: Recommender, request: Request, *, explain: bool) -> ItemList:
    """The list, or one of popular items when it does not come in time or cannot be made."""
    stages = LiveStages(service.settings.serving.deadline_seconds)
    try:
        async with asyncio.timeout(service.settings.serving.deadline_seconds):
            return await service.scoring.run(lambda: recommender.recommend(request, explain=explain, stages=stages))
    except TimeoutError:
        logger.warning("a list took more than %g s", service.settings.serving.deadline_seconds)
    except (RecsysError, ProblemError):
        raise
    except Exception:
        logger.exception("a list could not be made")
    return await service.falling_back.run(lambda: recommender.popular(request))


@dataclass(frozen=True)
class Page:
    """The page of a list that was asked for; the served version answers it, and each shadow, or a batch has before.

    Attributes:
        user_id: as the store knows the user.
        first_position: place of its first item in the list.
        known: see `ServedList`; as it was before the list was made.
    """

    request: Request
    user_id: str | None
    first_position: int
    known: int

    def answered(
        self, ids: Sequence[str], version: str, variant: str, propensities: Iterable[float] | None, *, shown: bool
    ) -> ServedList:
        """What is logged of an answer; without propensities nothing of it was left to chance."""
        return ServedList(
            request_id=self.request.request_id,
            user_id=self.user_id,
            timestamp=clock(),
            model_version=version,
            variant=variant,
            first_position=self.first_position,
            items=tuple(ids),
            propensities=(1.0,) * len(ids) if propensities is None else tuple(map(float, propensities)),
            shown=shown,
            known=self.known,
        )


def log_shown(
    service: Service, page: Page, ids: Sequence[str], version: str, variant: str, propensities: Iterable[float] | None
) -> None:
    """Log a list that was answered, and count it."""
    service.shown.note(page.answered(ids, version, variant, propensities, shown=True))
    service.metrics.lists.labels(variant).inc()


def _log(service: Service, page: Page, ranking: ItemList, variant: str) -> None:
    """Log the list, and have the shadow variants make theirs."""
    log_shown(service, page, ranking.ids, ranking.model_version, variant, ranking.propensities)
    for name, shadow in service.live.served.shadows_of(variant, page.request.request_id):
        service.shadowing.try_to(partial(_log_shadow, service, page, ranking, name, shadow.recommender))


def _log_shadow(service: Service, page: Page, ranking: ItemList, variant: str, recommender: Recommender) -> None:
    """Make a shadow variant's list, log it, and count how much of the shown one it holds."""
    other = recommender.recommend(page.request)
    service.shown.note(page.answered(other.ids, other.model_version, variant, other.propensities, shown=False))
    common = len({*other.ids} & {*ranking.ids}) / max(len(ranking.ids), 1)
    service.metrics.shadow_overlap.labels(variant).observe(common)


def list_entries(ranking: ItemList, first_rank: int = 1) -> list[dict[str, Any]]:
    """One JSON object an item; a probability that is not known (NaN) becomes null on the way out."""
    columns = zip(ranking.ids, ranking.scores, ranking.p_click, ranking.p_purchase, ranking.sources, strict=True)
    places = [
        {"item_id": id_, "rank": rank, "score": score, "p_click": click, "p_purchase": purchase, "sources": sources}
        for rank, (id_, score, click, purchase, sources) in enumerate(columns, start=first_rank)
    ]
    if ranking.propensities is not None:
        for place, propensity in zip(places, ranking.propensities, strict=True):
            place["propensity"] = propensity
    if ranking.explanations is not None:
        for place, explanation in zip(places, ranking.explanations, strict=True):
            place["explanation"] = explanation
    return places


def _count(service: Service, ranking: ItemList) -> None:
    for stage, seconds in ranking.seconds.items():
        service.metrics.stages.labels(stage).observe(seconds)
    service.traces.stages(time.time_ns() - int(1e9 * sum(ranking.seconds.values())), ranking.seconds)
    for stage in ranking.degraded:
        service.metrics.degraded.labels(stage).inc()
    for source, n in Counter(chain.from_iterable(ranking.sources)).items():
        service.metrics.candidates.labels(source).inc(n)
