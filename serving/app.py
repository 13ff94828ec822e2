"""The app: routes, errors, limits, and the life of what they work with."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from recsys import __version__
from recsys.registry import Registry
from recsys.store import open_store
from serving import errors
from serving.live import LiveState
from serving.metrics import Metrics
from serving.middleware import BodyLimit, Latency, SecurityHeaders
from serving.pool import BoundedPool
from serving.rates import Rates
from serving.routes import events, health, items, models, rank, recommend, users
from serving.security import KeyRing, check_host
from serving.service import Service
from serving.settings import Settings

WRITING_THREADS = 4
"""Threads that append events: they wait for the disk more than they work."""


def create_app(settings: Settings) -> FastAPI:
    """One app. Store, live state and threads exist from its start to its stop.

    Raises:
        ConfigError: the host would be open to others without keys, or the key file is wrong.
    """
    keys = KeyRing.load(settings.serving.keys, os.environ)
    check_host(settings.serving.host, keys)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = _make_service(settings, metrics)
        app.state.service = service
        service.live.start()
        try:
            yield
        finally:
            service.close()

    # The pages of /docs come from the installed package, not from elsewhere.
    app = FastAPIOffline(title="recsys", version=__version__, lifespan=lifespan, redoc_url=None)
    app.state.keys = keys
    app.state.rates = Rates(settings.serving.rate)
    app.add_middleware(BodyLimit, limit=settings.serving.max_body_bytes, seconds=settings.serving.body_seconds)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Latency, metrics=metrics)
    errors.install(app)
    for module in (recommend, rank, events, items, users, models, health):
        app.include_router(module.router)
    return app


def _make_service(settings: Settings, metrics: Metrics) -> Service:
    registry, store = Registry(settings.registry), open_store(settings.store)
    return Service(
        settings=settings,
        registry=registry,
        store=store,
        live=LiveState(registry, store, metrics, pseudonymise=settings.pseudonymise),
        metrics=metrics,
        scoring=BoundedPool("scoring", settings.serving.threads, settings.serving.queue),
        falling_back=BoundedPool("falling back", 1, settings.serving.queue),
        writing=BoundedPool("writing", WRITING_THREADS, settings.serving.queue),
    )
