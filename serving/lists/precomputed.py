"""Answers from lists that a batch has made: a look-up, less what may not be listed any more."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson
from fastapi import Response

from recsys.data.requests.request import Request
from recsys.pipeline.recommender.loaded_version import LoadedVersion
from recsys.pipeline.recommender.recommend import Recommender
from serving.errors import wrong_field
from serving.lists.answers import list_content
from serving.lists.cursor import next_cursor, shown_before
from serving.lists.recording import Answer, Page, record_answer
from serving.responses import ListResponse
from serving.schemas.lists import RecommendRequest
from serving.service import Service

_OF_THE_MOMENT = frozenset({"history", "context", "filter", "policy", "timestamp", "explain"})
"""Parts of a request that a list made beforehand cannot take into account."""

VARIANT = "precomputed"
"""What these lists are kept and counted as."""


async def precomputed_response(service: Service, served: LoadedVersion, body: RecommendRequest) -> Response | None:
    """The user's list, less what may not be listed any more; None where a list must be made now.

    Left out are items that are gone, that the request excludes or has shown before, and, where the config leaves seen
    items out, those that the user has come to know since.

    A list must be made now for an anonymous user, for one whom the version or the batch did not know, and for a request
    that says more than whose list it wants; where too little of the list is left (fewer than `n` items for a first
    page, none for a later one); and while the lists cannot be reached, or too many ask for theirs.

    Raises:
        ProblemError: 422, this server has no such lists.
    """
    lists = service.precomputed
    if lists is None:
        raise wrong_field("precomputed", "this server has no precomputed lists; see serving.lists")
    if body.user_id is None or body.model_fields_set & _OF_THE_MOMENT or body.n > service.settings.serving.max_n:
        return None
    recommender, shown, known = served.recommender, shown_before(body), service.live.served.known_offset
    if not 0 <= recommender.users.number(body.user_id) < recommender.bundle.log.n_users:
        return None  # perhaps forgotten after the batch began, and come back since
    id_ = recommender.users.stored_id(body.user_id)
    found = await lists.get(id_)
    if found is None:
        return None
    tree = orjson.loads(found)
    request = Request(body.user_id, exclude=(*body.exclude, *shown), request_id=uuid4().hex)
    items = await service.threads.reading.run(lambda: _listable(recommender, request, tree["items"]))
    page = items[: body.n]
    if not page or (not shown and len(page) < body.n):
        return None  # too little of it is left
    for rank, item in enumerate(page, start=len(shown) + 1):
        item["rank"] = rank
    version, ids = tree["model_version"], [item["item_id"] for item in page]
    cursor = next_cursor(body, [*shown, *ids]) if len(items) > body.n else None
    content = list_content(request, page, version=version, variant=VARIANT, cursor=cursor)
    asked, answer = Page(request, id_, len(shown), known), Answer(ids, version, VARIANT)
    return ListResponse({"made_at": tree["made_at"], **content}, lambda: record_answer(service, asked, answer))


def _listable(recommender: Recommender, request: Request, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items of a list that the request may still be given, in their order."""
    numbers = recommender.catalogue.vocabulary.numbers(item["item_id"] for item in items)
    eligible = recommender.block([request]).eligible[0]
    return [item for item, number in zip(items, numbers, strict=True) if number >= 0 and eligible[number]]
