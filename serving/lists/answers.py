"""Ranked lists on their way out: a request body becomes a `Request`, an `ItemList` becomes JSON."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import polars as pl
from fastapi import Response

from recsys.data.requests.request import Request
from recsys.data.tables.parsing import times_of
from recsys.errors import DataError, RecsysError
from recsys.pipeline.candidates.stages import LiveStages
from recsys.pipeline.recommender.item_list import ItemList
from recsys.pipeline.recommender.recommend import Recommender
from serving.errors import ProblemError, wrong_field
from serving.lists.conditions import wrong_conditions
from serving.lists.cursor import name_of_list, next_cursor, shown_before
from serving.lists.recording import Page, count_list, record_list
from serving.responses import ListResponse
from serving.schemas.lists import ListRequest
from serving.schemas.values import Moment
from serving.service import Service

logger = logging.getLogger("recsys.serving")


def unit_of(body: ListRequest) -> str:
    """The unit by which the variant is chosen: the user, or the list if the user is anonymous, so that all pages of a
    list come from one variant."""
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
        further: keys of the answer in addition to those of every list.

    Raises:
        ProblemError: 422, n is above the limit, the cursor or a condition is wrong; 429, the server is at its limit.
    """
    _check_length(n, service.settings.serving.max_n)
    shown, known = shown_before(body), service.live.served.known_offset
    request = _request_of(body, n, candidates, shown)
    try:
        ranking = await _in_time(service, recommender, request, explain=body.explain)
    except DataError as error:
        faults = await service.threads.reading.run(lambda: wrong_conditions(request, recommender.catalogue))
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), faults) from error

    def note() -> None:
        count_list(service, ranking)
        if variant is not None:
            user_id = None if request.user_id is None else recommender.users.stored_id(request.user_id)
            record_list(service, Page(request, user_id, len(shown), known), ranking, variant)

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
        raise wrong_field("n", f"n is {n}; a list holds at most {most}, and `cursor` fetches the next")


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
        ProblemError: 422, it is not a time, or lies before 1970.
    """
    time: int | None = times_of(pl.Series([str(timestamp)], dtype=pl.String)).item()
    if time is None:
        raise wrong_field("timestamp", "not a time; write ISO 8601, or epoch seconds or milliseconds")
    if time < 0:
        raise wrong_field("timestamp", "before 1970")
    return time


async def _in_time(service: Service, recommender: Recommender, request: Request, *, explain: bool) -> ItemList:
    """The list, or one of popular items if it does not come in time or fails."""
    stages = LiveStages(service.settings.serving.deadline_seconds)
    try:
        async with asyncio.timeout(service.settings.serving.deadline_seconds):
            return await service.threads.scoring.run(
                lambda: recommender.recommend(request, explain=explain, stages=stages)
            )
    except TimeoutError:
        logger.warning("a list took more than %g s", service.settings.serving.deadline_seconds)
    except (RecsysError, ProblemError):
        raise
    except Exception:
        logger.exception("a list could not be made")
    return await service.threads.falling_back.run(lambda: recommender.popular(request))


def list_entries(ranking: ItemList, first_rank: int = 1) -> list[dict[str, Any]]:
    """One JSON object an item; a probability that is not known (NaN) becomes null on the way out."""
    columns = zip(ranking.ids, ranking.scores, ranking.p_click, ranking.p_purchase, ranking.sources, strict=True)
    entries = [
        {"item_id": id_, "rank": rank, "score": score, "p_click": click, "p_purchase": purchase, "sources": sources}
        for rank, (id_, score, click, purchase, sources) in enumerate(columns, start=first_rank)
    ]
    if ranking.propensities is not None:
        for entry, propensity in zip(entries, ranking.propensities, strict=True):
            entry["propensity"] = propensity
    if ranking.explanations is not None:
        for entry, explanation in zip(entries, ranking.explanations, strict=True):
            entry["explanation"] = explanation
    return entries
