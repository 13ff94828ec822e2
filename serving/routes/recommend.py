"""A list for a user."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from serving.calls.access import READ, GuardedRoute
from serving.errors import BODY, GUARDED, documented
from serving.lists.answers import list_response, unit_of
from serving.lists.precomputed import precomputed_response
from serving.schemas.lists import ListAnswer, RecommendRequest
from serving.service import ServiceNeeded

LIST_PROBLEMS = documented(*GUARDED, *BODY, HTTPStatus.SERVICE_UNAVAILABLE)


def list_router() -> APIRouter:
    """Routes of lists: who may ask, and what can go wrong."""
    return APIRouter(
        route_class=GuardedRoute, prefix="/v1", tags=["lists"], dependencies=[READ], responses=LIST_PROBLEMS
    )


router = list_router()


@router.post("/recommend", response_model=ListAnswer)
async def recommend(body: RecommendRequest, service: ServiceNeeded) -> Response:
    """The best items for a user at this moment. Unknown users, empty histories and unknown items in them are normal."""
    variant, served = service.live.served.of_unit(unit_of(body))
    if body.precomputed:
        found = await precomputed_response(service, served, body)
        if found is not None:
            return found
    return await list_response(service, served.recommender, body, body.n, variant=variant)
