"""What is stored about a user, and forgetting it."""

from contextlib import suppress
from dataclasses import asdict
from http import HTTPStatus
from operator import attrgetter
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Response

from recsys.data.events.event import Event
from recsys.data.requests.served_list import ServedList
from recsys.data.tables.schema import MAX_ID
from recsys.data.users.pseudonyms import Pseudonyms
from recsys.moments import iso_time
from recsys.pipeline.recommender.user_lookup import history_of, profile_of, users_like
from serving.calls.access import ADMIN, GuardedRoute
from serving.calls.paths import USER
from serving.errors import GUARDED, documented
from serving.responses import json_response
from serving.schemas.users import ForgottenAnswer, FoundUsersAnswer, UserAnswer
from serving.service import Service, ServiceNeeded

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/v1/users",
    tags=["users"],
    dependencies=[ADMIN],
    responses=documented(*GUARDED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE),
)

UserId = Annotated[str, Path(min_length=1, max_length=MAX_ID)]


@router.get("", response_model=FoundUsersAnswer)
async def find_users(
    service: ServiceNeeded,
    q: Annotated[str, Query(max_length=MAX_ID, description="part of the id", examples=["u1"])] = "",
    n: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """Known users whose id contains a text: the exact id first, then ids that begin with it, the most active first.
    None where ids are pseudonyms."""

    def find() -> dict[str, Any]:
        found = users_like(service.live.served.recommender(), q, n)
        return {"users": [{"user_id": user_id, "n_events": n_events} for user_id, n_events in found]}

    return json_response(await service.threads.reading.run(find))


@router.get(USER, response_model=UserAnswer)
async def user(user_id: UserId, service: ServiceNeeded, n: Annotated[int, Query(ge=1, le=10_000)] = 1_000) -> Response:
    """What is stored about a user, and what lists are made from; empty for an unknown user."""
    return json_response(await service.threads.writing.run(lambda: _about(user_id, n, service)))


@router.delete(USER, response_model=ForgottenAnswer)
async def forget(user_id: UserId, service: ServiceNeeded) -> Response:
    """Forget a user: at once in the store and in lists, on every worker, and from the next training on.

    Versions that were trained before keep the user's events on disk until they are pruned. Served again, they do not
    know the user, except those trained on pseudonyms where the served one was not, or the other way round. Whoever
    comes back under the same id is a new user.
    """

    def run() -> int:
        service.served_lists.flush()
        removed = sum(map(service.store.forget, _stored_ids(user_id, service)))
        if service.precomputed is not None:
            for id_ in _ids(user_id, service):
                service.precomputed.forget(id_)
        service.live.prepare_to_forget()
        service.live.catch_up()
        return removed

    return json_response({"user_id": user_id, "forgotten": True, "events": await service.threads.writing.run(run)})


def _ids(user_id: str, service: Service) -> list[str]:
    """The ids that a user may be known by, last the one by which the served version does.

    Other versions that are served, or were, may have been trained on pseudonyms where this one was not, or the other
    way round.
    """
    pseudonyms, own = Pseudonyms.of_environment(), service.live.served.recommender().users.stored_id(user_id)
    others = {user_id} if pseudonyms is None else {user_id, pseudonyms.of(user_id)}
    return [*(others - {own}), own]


def _stored_ids(user_id: str, service: Service) -> list[str]:
    """The ids of `_ids` that the store holds, and the last one.

    No other is forgotten: its mark would only reveal which pseudonym the user has.
    """
    *others, own = _ids(user_id, service)
    store = service.store
    return [*(id_ for id_ in others if store.count_of(id_) or store.lists_of(id_, 1)), own]


def _about(user_id: str, n: int, service: Service) -> dict[str, Any]:
    service.served_lists.flush()
    served = service.live.served.require()
    known = history_of(served.recommender, user_id, n)
    ids = _stored_ids(user_id, service)
    events = sorted((event for id_ in ids for event in service.store.events_of(id_, n)), key=attrgetter("timestamp"))
    lists = sorted((one for id_ in ids for one in service.store.lists_of(id_, n)), key=attrgetter("timestamp"))
    return {
        "user_id": user_id,
        "model_version": served.version,
        "n_events": sum(map(service.store.count_of, ids)),
        "events": [_shown(event) for event in events[-n:]],
        "history": [{"item_id": item, "event": name, "timestamp": iso_time(time)} for item, name, time in known],
        "lists": [_list(one) for one in lists[-n:]],
        "profile": profile_of(served.recommender, user_id),
    }


def _list(served: ServedList) -> dict[str, Any]:
    shown = {**asdict(served), "timestamp": iso_time(served.timestamp)}
    del shown["user_id"], shown["known"]
    return shown


def _shown(event: Event) -> dict[str, Any]:
    shown = {**asdict(event), "timestamp": iso_time(event.timestamp)}
    del shown["user_id"]
    if event.context is not None:
        with suppress(orjson.JSONDecodeError):  # another program has written it
            shown["context"] = orjson.loads(event.context)
    return shown
