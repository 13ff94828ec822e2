"""Ranked lists on their way out: a request body becomes a `Request`, an `ItemList` becomes JSON."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from itertools import chain
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import polars as pl
from fastapi import Response

from recsys.data.parsing import times_of
from recsys.data.requests import Request
from recsys.data.served_list import ServedList
from recsys.errors import DataError, RecsysError
from recsys.pipeline.item_list import ItemList
from recsys.pipeline.recommend import Recommender
from recsys.pipeline.stages import LiveStages
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


async def ranked(
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
    most = service.settings.serving.max_n
    if n > most:
        fault = Fault(loc=["body", "n"], msg=f"n is {n}; a list holds at most {most}, and `cursor` fetches the next")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, fault.msg, [fault])
    shown, known = shown_before(body), service.live.known_offset
    request = Request(
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
    try:
        items = await _in_time(service, recommender, request, explain=body.explain)
    except DataError as error:
        faults = wrong_conditions(request, recommender.catalogue)
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), faults) from error

    def note() -> None:
        _count(service, items)
        if variant is not None:
            _keep(service, recommender, request, items, variant, len(shown), known)

    left = candidates is None or set(candidates).difference(shown, items.ids)
    more = len(items.ids) == n and bool(left)
    content = {
        "request_id": request.request_id,
        "model_version": items.model_version,
        "variant": variant,
        "items": listed(items, first_rank=len(shown) + 1),
        "degraded": items.degraded,
        **({"policy": [change._asdict() for change in items.changes]} if body.explain else {}),
        "cursor": next_cursor(body, [*shown, *items.ids]) if more else None,
        **further,
    }
    return ListResponse(content, note)


def _moment(timestamp: Moment) -> int:
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


def _keep(
    service: Service,
    recommender: Recommender,
    request: Request,
    items: ItemList,
    variant: str,
    first: int,
    known: int,
) -> None:
    """Log the list, and have the shadow variants make theirs.

    Args:
        first: place of its first item.
        known: see `ServedList`; as it was before the list was made.
    """
    user_id = None if request.user_id is None else recommender.stored_id(request.user_id)

    def note(made: ItemList, by: str, *, shown: bool) -> None:
        moment, chances = time.time_ns() // 1_000, (1.0,) * len(made.ids)
        if made.propensities is not None:
            chances = tuple(made.propensities.tolist())
        service.shown.note(
            ServedList(
                request_id=request.request_id,
                user_id=user_id,
                timestamp=moment,
                model_version=made.model_version,
                variant=by,
                first_position=first,
                items=made.ids,
                propensities=chances,
                shown=shown,
                known=known,
            )
        )

    note(items, variant, shown=True)
    service.metrics.lists.labels(variant).inc()
    for name, served in service.live.shadows_of(variant, request.request_id):

        def compare(name: str, other: Recommender) -> None:
            made = other.recommend(request)
            note(made, name, shown=False)
            common = len({*made.ids} & {*items.ids}) / max(len(items.ids), 1)
            service.metrics.shadow_overlap.labels(name).observe(common)

        service.shadowing.try_to(partial(compare, name, served.recommender))


def listed(items: ItemList, first_rank: int = 1) -> list[dict[str, Any]]:
    """The places of a list; a probability that is not known (NaN) becomes null on the way out."""
    columns = zip(items.ids, items.scores, items.p_click, items.p_purchase, items.sources, strict=True)
    places = [
        {"item_id": id_, "rank": rank, "score": score, "p_click": click, "p_purchase": purchase, "sources": sources}
        for rank, (id_, score, click, purchase, sources) in enumerate(columns, start=first_rank)
    ]
    if items.propensities is not None:
        for place, propensity in zip(places, items.propensities, strict=True):
            place["propensity"] = propensity
    if items.explanations is not None:
        for place, explanation in zip(places, items.explanations, strict=True):
            place["explanation"] = explanation
    return places


def _count(service: Service, items: ItemList) -> None:
    for stage, seconds in items.seconds.items():
        service.metrics.stages.labels(stage).observe(seconds)
    service.traces.stages(time.time_ns() - int(1e9 * sum(items.seconds.values())), items.seconds)
    for stage in items.degraded:
        service.metrics.degraded.labels(stage).inc()
    for source, n in Counter(chain.from_iterable(items.sources)).items():
        service.metrics.candidates.labels(source).inc(n)
