"""The trained versions: which there are, which one is current, and changing that."""

import json
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from recsys.errors import BundleError
from recsys.moments import iso_time
from recsys.pipeline.recommender.bundle import REPORT
from recsys.registry import Registry, summary_of
from serving.calls.access import ADMIN, READ, GuardedRoute
from serving.errors import GUARDED, ProblemError, documented
from serving.lists.answers import list_response
from serving.responses import json_response
from serving.routes.recommend import LIST_PROBLEMS
from serving.schemas.lists import ListAnswer, RecommendRequest
from serving.schemas.models import ModelsAnswer, VersionAnswer
from serving.service import Service, ServiceNeeded
from serving.versions.loading import check_privacy

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/v1/models",
    tags=["models"],
    responses=documented(*GUARDED),
)

Version = Annotated[str, Path(min_length=1, max_length=64, examples=["20261122T080000Z-0a1b2c"])]

NAMED = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
"""What can be wrong where a version is named."""

SHOWN = ("n_requests", "metrics", "baselines", "ablation", "slices", "slice_sizes", "importances", "caveats")
"""What is shown of a version's report."""


@router.get("", response_model=ModelsAnswer, dependencies=[READ])
async def list_models(service: ServiceNeeded) -> Response:
    """All versions, oldest first."""
    return json_response(await service.threads.reading.run(lambda: _overview(service)))


@router.get("/{version}", response_model=VersionAnswer, dependencies=[READ], responses=documented(*NAMED))
async def show_model(version: Version, service: ServiceNeeded) -> Response:
    """One version: what it learned from, and how it compares with simpler rankings. 409 when what is read here is
    damaged; all of its files are checked when it is loaded."""
    return json_response(await service.threads.reading.run(lambda: _report(service.registry, version)))


@router.post(
    "/{version}/recommend",
    response_model=ListAnswer,
    dependencies=[ADMIN],
    responses={**LIST_PROBLEMS, **documented(*NAMED)},
)
async def recommend_with(version: Version, body: RecommendRequest, service: ServiceNeeded) -> Response:
    """The list that a version would make now, for looking at: it is not recorded as shown.

    A version that does not answer already is loaded when it is first asked for (seconds, and its memory), one at a
    time, and kept for ten minutes after the last call.
    """
    _check_known(service.registry, version)
    recommender = await service.on_demand.recommender(version)
    return await list_response(service, recommender, body, body.n)


@router.post(
    "/{version}/promote",
    response_model=ModelsAnswer,
    dependencies=[ADMIN],
    responses=documented(*NAMED, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def promote(version: Version, service: ServiceNeeded) -> Response:
    """Make a version current and serve it. A damaged one is refused with 409, one whose users this server could not
    know with 422, and the served one stays. 503 where the registry cannot be written."""

    def change() -> dict[str, Any]:
        _check_known(service.registry, version)
        check_privacy(service.settings.pseudonymise, service.registry, version)
        service.registry.promote(version, "promoted over HTTP")
        service.live.refresher.refresh(at_once=True)  # it may have been refused before, and mended
        return _overview(service)

    return json_response(await service.threads.promoting.run(change))


@router.post(
    "/rollback",
    response_model=ModelsAnswer,
    dependencies=[ADMIN],
    responses=documented(HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def rollback(service: ServiceNeeded) -> Response:
    """Go back to the version that was current before, and serve it. 409 when there is none, 422 when it is one whose
    users this server could not know, 503 where the registry cannot be written."""

    def change() -> dict[str, Any]:
        if (target := service.registry.rollback_target()) is not None:
            check_privacy(service.settings.pseudonymise, service.registry, target)
        service.registry.rollback("rolled back over HTTP")
        service.live.refresher.refresh(at_once=True)
        return _overview(service)

    return json_response(await service.threads.promoting.run(change))


def _check_known(registry: Registry, version: str) -> None:
    if version not in registry.versions():
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no version {version[:80]!r}")


def _report(registry: Registry, version: str) -> dict[str, Any]:
    _check_known(registry, version)
    manifest = registry.manifest(version)
    report = json.loads(registry.read_file(version, REPORT))  # not orjson: a figure may be NaN
    start, end = (None if time is None else iso_time(time) for time in (manifest.data.start, manifest.data.end))
    return {
        "version": version,
        "created_at": manifest.created_at.isoformat(),
        "parent": manifest.parent,
        "data": {**manifest.data.model_dump(include={"n_events", "n_users", "n_items"}), "start": start, "end": end},
        **{name: report[name] for name in SHOWN},
    }


def _overview(service: Service) -> dict[str, Any]:
    served = service.live.served.first
    try:
        current = service.registry.current()
    except BundleError:  # promoting a version mends it, and who is to do that must see them
        current = None
    return {
        "current": current,
        "served": served.version if served else None,
        "versions": [asdict(summary_of(service.registry, version)) for version in service.registry.versions()],
    }
