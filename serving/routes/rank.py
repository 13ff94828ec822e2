"""Given items, ranked for a user."""

from fastapi import Response

from serving.lists.answers import list_response, unit_of
from serving.routes.recommend import list_router
from serving.schemas.lists import RankAnswer, RankRequest
from serving.service import ServiceNeeded

router = list_router()


@router.post("/rank", response_model=RankAnswer)
async def rank(body: RankRequest, service: ServiceNeeded) -> Response:
    """Rank just these items. Unknown ones are named in `unknown_items`; the rest is ranked."""
    variant, served = service.live.served.of_unit(unit_of(body))
    recommender = served.recommender
    vocabulary = recommender.catalogue.vocabulary
    distinct = list(dict.fromkeys(body.items))
    known = {id_: None for id_ in distinct if id_ in vocabulary and id_ not in served.withdrawn}
    n = body.n if body.n is not None else max(1, min(len(known), service.settings.serving.max_n))
    unknown = {"unknown_items": [id_ for id_ in distinct if id_ not in known]}
    return await list_response(service, recommender, body, n, candidates=[*known], variant=variant, further=unknown)
