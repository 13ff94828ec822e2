"""The catalogue as a whole: what its columns hold, for whoever writes a filter."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response

from serving.calls.access import READ, GuardedRoute
from serving.errors import GUARDED, documented
from serving.lists.browse import described_columns
from serving.responses import json_response
from serving.schemas.items import CatalogueAnswer
from serving.service import ServiceNeeded

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["items"], dependencies=[READ])


@router.get(
    "/catalogue",
    response_model=CatalogueAnswer,
    responses=documented(*GUARDED, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def catalogue(service: ServiceNeeded) -> Response:
    """Every column that `filter` can ask about: its kind, frequent values, and bounds."""

    def describe() -> dict[str, Any]:
        recommender = service.live.served.recommender()
        items = recommender.catalogue
        return {"model_version": recommender.version, "n_items": len(items), "columns": described_columns(items)}

    return json_response(await service.threads.reading.run(describe))
