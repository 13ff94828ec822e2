"""The app: routes, errors, limits, and the life of what they work with."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

from recsys import __version__
from recsys.registry import Registry
from recsys.store import open_precomputed_lists, open_store
from recsys.store.tail import SharedTail
from serving import errors
from serving.calls.access import Allow
from serving.calls.direct import DirectRoute
from serving.calls.keys import KeyRing
from serving.calls.middleware import BodyLimit, SecurityHeaders, Telemetry
from serving.calls.rate_limiter import RateLimiter
from serving.calls.this_machine import check_host
from serving.periodic import PeriodicTask
from serving.precomputed_lookup import PrecomputedLookup
from serving.routes import catalogue, events, health, items, models, rank, recommend, users
from serving.routes.console import Console
from serving.schemas.lists import RankRequest, RecommendRequest
from serving.served_list_log import ServedListLog
from serving.service import Service
from serving.settings import Settings
from serving.threads import Threads
from serving.versions.live import LiveState
from serving.versions.on_demand import OnDemandVersion
from serving.watching.metrics import Metrics
from serving.watching.traces import Traces, traces_to

FLUSH_SECONDS = 0.2
"""How often answered lists are stored."""


def create_app(settings: Settings) -> FastAPI:
    """One app, to be started and stopped once. Wrong settings raise here, before uvicorn would log them as a crash.

    Raises:
        ConfigError: the host would be open to others without keys, the key file is wrong, or a library is missing.
        BundleError: the registry cannot be read.
        StoreError: a store cannot be reached.
    """
    keys = KeyRing.load(settings.serving.keys, os.environ)
    check_host(settings.serving.host, keys)
    metrics, traces = Metrics(), traces_to(settings.serving.traces)
    service = _make_service(settings, metrics, traces)
    if settings.workers > 1:  # until this worker can answer, the others take its callers
        service.live.load()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.live.start()
        service.flushing.start()
        try:
            yield
        finally:
            service.close()

    # The pages of /docs come from the installed package, not from elsewhere.
    app = FastAPIOffline(title="recsys", version=__version__, lifespan=lifespan, redoc_url=None)
    app.state.service = service
    app.state.keys = keys
    app.state.rate_limiter = RateLimiter(settings.serving.rate)
    app.add_middleware(BodyLimit, limit=settings.serving.max_body_bytes, seconds=settings.serving.body_seconds)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Telemetry, metrics=metrics, traces=traces)
    errors.install(app)
    app.router.routes[:0] = [
        DirectRoute("/v1/recommend", RecommendRequest, Allow("read"), recommend.recommend),
        DirectRoute("/v1/rank", RankRequest, Allow("read"), rank.rank),
    ]
    for module in (recommend, rank, events, catalogue, items, users, models, health):
        app.include_router(module.router)
    app.mount("/console", Console(), name="console")

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        """For people: to the console. Relative, so that it also leads there behind a proxy that adds a path."""
        return RedirectResponse("console/")

    return app


def _make_service(settings: Settings, metrics: Metrics, traces: Traces) -> Service:
    registry, store = Registry(settings.registry), open_store(settings.store)
    served_lists = ServedListLog(store, metrics, int(settings.serving.list_days * 86_400))
    tail = SharedTail(settings.shared, store.identity) if settings.shared else None
    live = LiveState(settings, registry, store, metrics, forget=served_lists.forget, tail=tail)
    return Service(
        settings=settings,
        registry=registry,
        store=store,
        precomputed=PrecomputedLookup(open_precomputed_lists(lists)) if (lists := settings.serving.lists) else None,
        live=live,
        served_lists=served_lists,
        flushing=PeriodicTask("answered lists", lambda: FLUSH_SECONDS, served_lists.flush),
        metrics=metrics,
        traces=traces,
        on_demand=OnDemandVersion(live.served, live.refresher),
        threads=Threads.of(settings.serving, lambda name: metrics.waiting.labels(name).set),
    )
