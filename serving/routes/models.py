"""The trained versions: which there are, which one is current, and changing that."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Response

from recsys.errors import BundleError
from recsys.registry import Registry
from serving.errors import ProblemError, documented
from serving.schemas import ModelsAnswer
from serving.security import Allow
from serving.service import Service, ServiceNeeded, json_response

router = APIRouter(
    prefix="/v1/models",
    tags=["models"],
    responses=documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS),
)


@router.get("", response_model=ModelsAnswer, dependencies=[Depends(Allow("read"))])
async def list_models(service: ServiceNeeded) -> Response:
    """All versions, oldest first."""
    return json_response(await service.writing.run(lambda: _overview(service)))


@router.post(
    "/{version}/promote",
    response_model=ModelsAnswer,
    dependencies=[Depends(Allow("admin"))],
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def promote(version: str, service: ServiceNeeded) -> Response:
    """Make a version the current one and serve it. A damaged one is refused with 409; what is served stays."""

    def change() -> dict[str, Any]:
        if version not in service.registry.versions():
            raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no version {version[:80]!r}")
        service.registry.promote(version, "promoted over HTTP")
        service.live.refresh()
        return _overview(service)

    return json_response(await service.writing.run(change))


@router.post(
    "/rollback",
    response_model=ModelsAnswer,
    dependencies=[Depends(Allow("admin"))],
    responses=documented(HTTPStatus.CONFLICT),
)
async def rollback(service: ServiceNeeded) -> Response:
    """Go back to the version that was current before, and serve it. 409 when there is none."""

    def change() -> dict[str, Any]:
        service.registry.rollback("rolled back over HTTP")
        service.live.refresh()
        return _overview(service)

    return json_response(await service.writing.run(change))


def _overview(service: Service) -> dict[str, Any]:
    served = service.live.served
    return {
        "current": service.registry.current(),
        "served": served.version if served else None,
        "versions": [_describe(service.registry, version) for version in service.registry.versions()],
    }


def _describe(registry: Registry, version: str) -> dict[str, Any]:
    try:
        manifest = registry.manifest(version)
    except BundleError as error:
        return {"version": version, "created_at": None, "parent": None, "metrics": {}, "problem": str(error)}
    return {
        "version": version,
        "created_at": manifest.created_at.isoformat(),
        "parent": manifest.parent,
        "metrics": manifest.metrics,
        "problem": None,
    }
