"""Is it alive, is it ready, and what has it done."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serving.calls.access import READ, GuardedRoute
from serving.errors import GUARDED, ProblemError, documented
from serving.responses import json_response
from serving.schemas.models import AliveAnswer, ReadyAnswer
from serving.service import ServiceNeeded

router = APIRouter(route_class=GuardedRoute, tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", response_model=AliveAnswer)
async def alive() -> Response:
    """The process answers."""
    return json_response({"status": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", response_model=ReadyAnswer, responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))
async def ready(service: ServiceNeeded) -> Response:
    """A version is loaded, and what reads texts: lists can be made, for a query too."""
    if missing := service.live.what_is_missing:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, missing)
    return json_response({"status": "ok", "model_version": service.live.served.require().version})


@router.get("/metrics", dependencies=[READ], response_class=Response, responses=documented(*GUARDED))
async def metrics(service: ServiceNeeded) -> Response:
    """Counters of all workers of this server, for Prometheus."""
    text = await service.threads.reading.run(service.metrics.render)  # files of all workers: not on the event loop
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
