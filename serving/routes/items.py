"""One item, and what is like it."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from recsys.data.vocabulary import UNKNOWN
from recsys.pipeline.recommend import Recommender
from serving.answers import listed
from serving.errors import ProblemError, documented
from serving.schemas import ItemAnswer, SimilarAnswer
from serving.security import Allow
from serving.service import ServiceNeeded, json_response

router = APIRouter(
    prefix="/v1/items",
    tags=["items"],
    dependencies=[Depends(Allow("read"))],
    responses=documented(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)

ItemId = Annotated[str, Path(min_length=1, max_length=256)]


@router.get("/{item_id:path}/similar", response_model=SimilarAnswer)
async def similar(
    item_id: ItemId,
    service: ServiceNeeded,
    n: Annotated[int, Query(ge=1, le=1_000)] = 10,
    by: Literal["text", "collaborative", "both"] = "both",
) -> Response:
    """Items like this one: by what they say, by who wanted them, or both."""
    recommender = service.live.recommender()
    _number(recommender, item_id)
    items = await service.scoring.run(lambda: recommender.similar(item_id, n, by))
    return json_response({"item_id": item_id, "model_version": items.model_version, "items": listed(items)})


@router.get("/{item_id:path}", response_model=ItemAnswer)
async def item(item_id: ItemId, service: ServiceNeeded) -> Response:
    """What the served version knows of an item."""
    recommender = service.live.recommender()
    row = recommender.catalogue.frame.row(_number(recommender, item_id), named=True)
    return json_response({"model_version": recommender.version, "item": row})


def _number(recommender: Recommender, item_id: str) -> int:
    number = recommender.catalogue.vocabulary.number(item_id)
    if number == UNKNOWN:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no item {item_id!r}")
    return number
