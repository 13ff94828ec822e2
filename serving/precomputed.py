"""Lists that a batch has made, instead of made now: a look-up, and what has changed since."""

from http import HTTPStatus
from typing import Any
from uuid import uuid4

import orjson

from recsys.data.requests import Request
from recsys.errors import StoreError
from recsys.store.lists import Lists
from serving.cursor import next_cursor, shown_before
from serving.errors import Fault, ProblemError
from serving.schemas import RecommendRequest
from serving.served import Served
from serving.service import Service

_OF_THE_MOMENT = frozenset({"history", "context", "filter", "policy", "timestamp", "explain"})
"""What a list that was made before cannot answer."""


async def looked_up(service: Service, served: Served, body: RecommendRequest) -> dict[str, Any] | None:
    """The user's list without what may not be listed any more: items that are gone, that the request excludes or has
    shown before, that the user has come to know where the config leaves those out. None: it must be made now.

    That is so for an anonymous user, one whom the batch did not know, and a request that says more than whose list it
    wants; and while the lists cannot be reached.

    Raises:
        ProblemError: 422, this server has no such lists.
    """
    lists = service.lists
    if lists is None:
        fault = Fault(loc=["body", "precomputed"], msg="this server has no precomputed lists; see serving.lists")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, fault.msg, [fault])
    if body.user_id is None or body.model_fields_set & _OF_THE_MOMENT or body.n > service.settings.serving.max_n:
        return None
    recommender, shown = served.recommender, shown_before(body)
    id_ = recommender.stored_id(body.user_id)
    request = Request(body.user_id, exclude=(*body.exclude, *shown))
    content = await service.writing.run(lambda: _get(lists, id_))
    if content is None:
        return None
    tree = orjson.loads(content)
    numbers = recommender.catalogue.vocabulary.numbers(item["item_id"] for item in tree["items"])
    eligible = await service.writing.run(lambda: recommender.block([request]).eligible[0])  # not on the event loop
    items = [item for item, number in zip(tree["items"], numbers, strict=True) if number >= 0 and eligible[number]]
    page = items[: body.n]
    for rank, item in enumerate(page, start=len(shown) + 1):
        item["rank"] = rank
    more = len(items) > body.n
    return {
        "made_at": tree["made_at"],
        "request_id": uuid4().hex,
        "model_version": tree["model_version"],
        "variant": None,
        "items": page,
        "degraded": [],
        "cursor": next_cursor(body, [*shown, *(item["item_id"] for item in page)]) if more else None,
    }


def _get(lists: Lists, id_: str) -> str | None:
    try:
        return lists.get(id_)
    except StoreError:
        return None
