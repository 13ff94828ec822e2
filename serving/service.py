"""Everything a route works with, made once per app."""

import threading
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from recsys.registry import Registry
from recsys.store import Store
from serving.periodic import PeriodicTask
from serving.precomputed_lookup import PrecomputedLookup
from serving.served_list_log import ServedListLog
from serving.settings import Settings
from serving.threads import Threads
from serving.versions.live import LiveState
from serving.versions.on_demand import OnDemandVersion
from serving.watching.metrics import Metrics
from serving.watching.traces import Traces


@dataclass(frozen=True)
class Service:
    """The parts of one app.

    Attributes:
        precomputed: look-up of the lists that a batch has made; None where the config names none.
        served_lists: the log of answered lists.
        flushing: stores that log now and then.
        on_demand: another version to compare lists with.
        threads: for what would hold up the event loop.
        putting: lock: one request at a time puts items, so that each is checked against the items of the one before.
    """

    settings: Settings
    registry: Registry
    store: Store
    precomputed: PrecomputedLookup | None
    live: LiveState
    served_lists: ServedListLog
    flushing: PeriodicTask
    metrics: Metrics
    traces: Traces
    on_demand: OnDemandVersion
    threads: Threads
    putting: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Finish what is under way, then close everything."""
        self.on_demand.close()
        self.threads.close()
        self.live.stop()
        self.flushing.stop()
        self.served_lists.flush()
        self.store.close()
        if self.precomputed is not None:
            self.precomputed.close()
        self.traces.close()


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceNeeded = Annotated[Service, Depends(_service)]
"""Type of a route's parameter that takes the service."""
