"""One item, and what is like it; items that come, change and go."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from recsys.counts import counted
from recsys.data.events.event_fields import Id
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_changes import ItemChange, check_kinds, fitted_to, item_rows
from recsys.data.tables.schema import MAX_ID
from recsys.errors import DataError
from recsys.pipeline.recommender.loaded_version import LoadedVersion
from serving.calls.access import READ, WRITE, GuardedRoute
from serving.calls.paths import ITEM
from serving.errors import BODY, GUARDED, Fault, ProblemError, documented, wrong_field
from serving.lists.answers import list_entries
from serving.lists.browse import items_by_id, items_by_title
from serving.responses import json_response
from serving.schemas.items import DeletedItemAnswer, FoundItemsAnswer, ItemAnswer, ItemIn, ItemsAnswer, ItemsRequest
from serving.schemas.lists import SimilarAnswer
from serving.service import Service, ServiceNeeded

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/v1/items",
    tags=["items"],
    responses=documented(*GUARDED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE),
)

ItemId = Annotated[str, Path(min_length=1, max_length=MAX_ID)]
NOT_FOUND = documented(HTTPStatus.NOT_FOUND)


@router.put("", response_model=ItemsAnswer, dependencies=[WRITE], responses=documented(*BODY))
async def put_items(body: ItemsRequest, service: ServiceNeeded) -> Response:
    """Add or replace items. When this answers, they are on disk and can be recommended; other workers of the server
    have them a moment later."""
    await service.threads.changing.run(lambda: _put(body.items, service))
    return json_response({"upserted": len({item.item_id for item in body.items})})


@router.get("", response_model=FoundItemsAnswer, dependencies=[READ])
async def find_items(
    service: ServiceNeeded,
    q: Annotated[str | None, Query(max_length=200, description="words of the title", examples=["espresso"])] = None,
    ids: Annotated[list[Id] | None, Query(alias="id", max_length=200, description="these items, in this order")] = None,
    n: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """Title, category, brand and price of items, by ids (`?id=i1&id=i2`) or by words of the title (`?q=espresso`)."""

    def find() -> dict[str, Any]:
        served = service.live.served.require()
        items, withdrawn = served.recommender.catalogue, served.withdrawn
        found = items_by_title(items, q or "", n, withdrawn) if ids is None else items_by_id(items, ids, withdrawn)
        return {"model_version": served.version, "items": found}

    return json_response(await service.threads.reading.run(find))


@router.get(f"{ITEM}/similar", response_model=SimilarAnswer, dependencies=[READ], responses=NOT_FOUND)
async def similar(
    item_id: ItemId,
    request: Request,
    service: ServiceNeeded,
    n: Annotated[int, Query(ge=1, le=1_000)] = 10,
    by: Literal["text", "collaborative", "both"] = "both",
) -> Response:
    """Items like this one: by their text, by who wanted them, or both."""
    if not request.scope["raw_path"].endswith(b"/similar"):  # the slash is part of an id
        return await item(f"{item_id}/similar", service)
    served, _ = await _found(item_id, service)
    ranking = await service.threads.scoring.run(lambda: served.recommender.similar(item_id, n, by))
    return json_response({"item_id": item_id, "model_version": ranking.model_version, "items": list_entries(ranking)})


@router.get(ITEM, response_model=ItemAnswer, dependencies=[READ], responses=NOT_FOUND)
async def item(item_id: ItemId, service: ServiceNeeded) -> Response:
    """What the served version knows of an item."""
    served, number = await _found(item_id, service)
    return json_response(
        {"model_version": served.version, "item": served.recommender.catalogue.frame.row(number, named=True)}
    )


@router.delete(ITEM, response_model=DeletedItemAnswer, dependencies=[WRITE], responses=NOT_FOUND)
async def delete_item(item_id: ItemId, service: ServiceNeeded) -> Response:
    """Take an item out of all lists for good. Histories keep it; putting it again brings it back."""

    def withdraw() -> None:
        service.live.catch_up_items()
        _check_there(service.live.served.require(), item_id)
        service.store.put_items([ItemChange(item_id, None)])
        service.live.catch_up_items()

    await service.threads.changing.run(withdraw)
    return json_response({"item_id": item_id, "deleted": True})


def _put(items: Sequence[ItemIn], service: Service) -> None:
    most = service.settings.serving.max_items
    if len(items) > most:
        raise wrong_field("items", f"{counted(len(items), 'item')}; send at most {most} at a time")
    newest = {item.item_id: item for item in items}
    contents = [_content(item) for item in newest.values()]
    if not contents:
        return
    changes = [ItemChange(id_, orjson.dumps(content).decode()) for id_, content in zip(newest, contents, strict=True)]
    indices = list({item.item_id: index for index, item in enumerate(items)}.values())
    with service.putting:
        service.live.catch_up_items()
        fitted = _check(contents, indices, service.live.served.recommender().catalogue)
        service.live.read_ahead(fitted)
        service.store.put_items(changes)
        service.live.catch_up_items()
    refused = service.live.served.require().refused.intersection(newest)
    if refused:  # another worker stored a column of another type in between
        raise DataError(
            f"items {', '.join(map(repr, sorted(refused)))}: a column is of another type in items that were put at the "
            "same time; put them again with values of that type"
        )


def _content(item: ItemIn) -> dict[str, Any]:
    content = item.model_dump(exclude_none=True)
    for name in ("created_at", "available_until"):
        if name in content:
            content[name] = str(content[name])
    return content


def _check(contents: Sequence[dict[str, Any]], indices: Sequence[int], catalogue: ItemCatalogue) -> ItemCatalogue:
    """The items as the catalogue is to hold them.

    Args:
        contents: the items.
        indices: of each one in the body.
        catalogue: that is to hold them.

    Raises:
        ProblemError: 422, cells that break a rule of the item file, or are of another type than in the catalogue.
    """
    try:
        rows, rejections = item_rows(contents)
        cells = [(row, column or "", reason) for row, column, _, reason in rejections.rows.iter_rows()]
        if not cells:
            check_kinds(catalogue, rows)
            return ItemCatalogue(fitted_to(catalogue, rows))
    except DataError as error:
        if not error.loc:
            raise
        row, column = error.loc
        cells = [(int(row), column, str(error))]
    faults = [Fault(loc=["body", "items", indices[row], column], msg=reason) for row, column, reason in cells]
    row, column, reason = cells[0]
    found = (
        f"item {contents[row]['item_id']!r}, {column}: {reason}" if len(cells) == 1 else counted(len(cells), "problem")
    )
    raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"nothing was stored: {found}", faults)


async def _found(item_id: str, service: Service) -> tuple[LoadedVersion, int]:
    """The served version and the item's number in it, also where another worker has stored it a moment ago."""
    if not _is_there(service.live.served.require(), item_id):
        await service.threads.changing.run(service.live.catch_up_items)
    served = service.live.served.require()
    _check_there(served, item_id)
    return served, served.recommender.catalogue.vocabulary.number(item_id)


def _is_there(served: LoadedVersion, item_id: str) -> bool:
    return item_id in served.recommender.catalogue.vocabulary and item_id not in served.withdrawn


def _check_there(served: LoadedVersion, item_id: str) -> None:
    if not _is_there(served, item_id):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no item {item_id!r}")
