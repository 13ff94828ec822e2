"""Events come in: checked, durable, then in the live state, then acknowledged."""

from collections.abc import Container, Mapping, Sequence
from http import HTTPStatus
from itertools import compress
from uuid import uuid4

import orjson
import polars as pl
from fastapi import APIRouter, Response

from recsys.counts import counted
from recsys.data.events.event import Event
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.requests.served_list import ServedList
from recsys.data.tables.parsing import times_of
from recsys.data.tables.schema import CLOCK_SKEW, MAX_EVENT_NAMES
from recsys.moments import clock
from recsys.store import AppendResult
from serving.calls.access import WRITE, GuardedRoute
from serving.errors import BODY, GUARDED, Fault, ProblemError, documented, wrong_field
from serving.responses import json_response
from serving.schemas.events import EventIn, EventsAnswer, EventsRequest
from serving.service import Service, ServiceNeeded

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["events"], dependencies=[WRITE])


@router.post(
    "/events",
    status_code=HTTPStatus.ACCEPTED,
    response_model=EventsAnswer,
    responses=documented(*GUARDED, *BODY, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def post_events(body: EventsRequest, service: ServiceNeeded) -> Response:
    """Store events, all or none. When this answers, they are on disk and count in the next list; other workers of the
    server have them within 50 ms."""
    _check_number(body.events, service.settings.serving.max_events)
    if service.settings.unknown_items == "reject":
        vocabulary = service.live.served.recommender().catalogue.vocabulary
        if any(event.item_id not in vocabulary for event in body.events):
            # Another worker may have stored them a moment ago.
            await service.threads.changing.run(service.live.catch_up_items)
    result = await service.threads.writing.run(lambda: _store(body, service))
    return json_response({"accepted": result.accepted, "duplicates": result.duplicates}, HTTPStatus.ACCEPTED)


def _check_number(events: Sequence[EventIn], most: int) -> None:
    if len(events) > most:
        raise wrong_field("events", f"{counted(len(events), 'event')}; send at most {most} at a time")


def _store(body: EventsRequest, service: Service) -> AppendResult:
    recommender = service.live.served.recommender()
    times, faults = _times(body.events, clock())
    if service.settings.unknown_items == "reject":
        faults += _unknown_items(body.events, recommender.catalogue.vocabulary)
    faults += _further_names(body.events, recommender.event_names)
    if faults:
        summary = faults[0].msg if len(faults) == 1 else counted(len(faults), "problem")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"nothing was stored: {summary}", faults)
    lists = service.served_lists.find({event.request_id for event in body.events if event.request_id is not None})
    stored = [
        _event(event, recommender.users.stored_id(event.user_id), moment, lists.get(event.request_id or ""))
        for event, moment in zip(body.events, times, strict=True)
    ]
    result = service.store.append(stored)
    service.live.catch_up()
    service.metrics.events.labels("accepted").inc(result.accepted)
    service.metrics.events.labels("duplicate").inc(result.duplicates)
    new = list(compress(stored, result.is_new))
    _count_feedback(new, lists, recommender.bundle.config.events.weights, service)
    return result


def _count_feedback(
    events: Sequence[Event], lists: Mapping[str, ServedList], names: Container[str], service: Service
) -> None:
    for event in events:
        if served := lists.get(event.request_id or ""):
            name = event.event if event.event in names else "other"
            service.metrics.feedback.labels(served.variant, name).inc()


def _event(event: EventIn, user_id: str, moment: int, served: ServedList | None) -> Event:
    """The event as it is stored: what its list knows of its position, the caller need not say."""
    position, propensity = event.position, event.propensity
    if served is not None and event.item_id in served.items:
        index = served.items.index(event.item_id)
        position = served.first_position + index if position is None else position
        propensity = served.propensities[index] if propensity is None else propensity
    return Event(
        event_id=event.event_id or uuid4().hex,
        user_id=user_id,
        item_id=event.item_id,
        event=event.event,
        timestamp=moment,
        request_id=event.request_id,
        position=position,
        propensity=propensity,
        value=event.value,
        session_id=event.session_id,
        context=orjson.dumps(event.context).decode() if event.context is not None else None,
    )


def _times(events: Sequence[EventIn], now: int) -> tuple[list[int], list[Fault]]:
    """Microseconds since 1970 UTC of each event, in the grammar of the event files; `now` where there is none."""
    if all(event.timestamp is None for event in events):
        return [now] * len(events), []
    read = times_of(pl.Series([str(event.timestamp) for event in events], dtype=pl.String)).to_list()
    times = [now if event.timestamp is None else moment for event, moment in zip(events, read, strict=True)]
    faults = [
        Fault(loc=["body", "events", index, "timestamp"], msg=wrong)
        for index, moment in enumerate(times)
        if (wrong := _wrong_time(moment, now)) is not None
    ]
    return times, faults


def _wrong_time(moment: int | None, now: int) -> str | None:
    if moment is None:
        return "not a time; write ISO 8601, or epoch seconds or milliseconds"
    if moment < 0:
        return "before 1970"
    if moment > now + CLOCK_SKEW:
        return "in the future; numbers are epoch seconds or milliseconds"
    return None


def _unknown_items(events: Sequence[EventIn], vocabulary: Vocabulary) -> list[Fault]:
    return [
        Fault(loc=["body", "events", index, "item_id"], msg=f"item {event.item_id!r} is not in the catalogue")
        for index, event in enumerate(events)
        if event.item_id not in vocabulary
    ]


def _further_names(events: Sequence[EventIn], known: Sequence[str]) -> list[Fault]:
    """A fault for each event of a kind for which no number is left: it would count in no list."""
    further = dict.fromkeys(event.event for event in events if event.event not in known)
    too_many = set([*further][MAX_EVENT_NAMES - len(known) :])
    return [
        Fault(
            loc=["body", "events", index, "event"], msg=f"{MAX_EVENT_NAMES} kinds of events are known; use one of them"
        )
        for index, event in enumerate(events)
        if event.event in too_many
    ]
