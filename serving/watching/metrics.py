"""What Prometheus sees: of this worker, or of all workers of the server together.

Several workers keep their numbers in files of one folder (`PROMETHEUS_MULTIPROC_DIR`), so that any of them can answer
for all; see https://prometheus.github.io/client_python/multiprocess/.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from recsys.registry import SnapshotRecord

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STAGE_BUCKETS = (0.0001, 0.00025, 0.0005, *BUCKETS)
TENTHS = tuple(tenth / 10 for tenth in range(11))


Together = Literal["livesum", "livemin", "livemax"]
"""What becomes of a gauge of several workers."""


class Metrics:
    """Numbers of one app, in a registry of its own. No label ever holds an id of a user or an item."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._models: dict[str, str] = {}
        self.latency = self._histogram(
            "recsys_request_seconds", "Time to answer, by route and status", ("method", "route", "status"), BUCKETS
        )
        self.stages = self._histogram("recsys_stage_seconds", "Time of a list by stage", ("stage",), STAGE_BUCKETS)
        self.waiting = self._gauge("recsys_waiting_calls", "Calls that run or wait, by pool", ("pool",), "livesum")
        self.events = self._counter("recsys_events", "Events posted, by outcome", ("outcome",))
        self.lag = self._histogram(
            "recsys_event_lag_seconds", "From the time of a new event to the time that lists know it", (), BUCKETS
        )
        self.lists = self._counter("recsys_lists", "Lists answered, by variant", ("variant",))
        self.degraded = self._counter("recsys_degraded_lists", "Lists made without a stage", ("stage",))
        self.candidates = self._counter(
            "recsys_listed_items", "Items in lists, by the source that proposed them", ("source",)
        )
        self.feedback = self._counter(
            "recsys_feedback", "Events that follow from a list, by the variant that made it", ("variant", "event")
        )
        self.shadow_overlap = self._histogram(
            "recsys_shadow_overlap", "Share of a list that a shadow variant lists as well", ("variant",), TENTHS
        )
        self.lists_lost = self._counter("recsys_lists_lost", "Answered lists that could not be kept for the store")
        self.cache = self._counter("recsys_cache_lookups", "Look-ups in memory, by outcome", ("cache", "outcome"))
        self.refused = self._counter("recsys_refused_versions", "Versions that could not be loaded")
        self.offset = self._gauge(
            "recsys_events_seen_offset", "Offset of the newest stored event in the live state", (), "livemin"
        )
        self.in_memory = self._gauge(
            "recsys_events_in_memory", "Events in the own memory of a worker, of the one that has most", (), "livemax"
        )
        self._snapshot_offset = self._gauge(
            "recsys_snapshot_offset", "Offset up to which events are from a snapshot; 0: from none", (), "livemin"
        )
        self._snapshot_time = self._gauge(
            "recsys_snapshot_timestamp_seconds", "When that snapshot was written, seconds since 1970", (), "livemin"
        )
        self.store_up = self._gauge("recsys_store_up", "1 when the event store answers", (), "livemin")
        self._model = self._gauge(
            "recsys_model_info", "Workers that serve a version as a variant", ("variant", "version"), "livesum"
        )

    @property
    def names(self) -> set[str]:
        """What is exported, without the suffixes of counters and histograms."""
        return {family.name for family in self._registry.collect()}

    def note_versions(self, versions: Mapping[str, str]) -> None:
        """Set the gauges of which version each variant serves from now on."""
        for variant, version in self._models.items():
            self._model.labels(variant, version).set(0)
        for variant, version in versions.items():
            self._model.labels(variant, version).set(1)
        self._models = dict(versions)

    def note_snapshots(self, snapshots: Sequence[SnapshotRecord | None]) -> None:
        """Set the gauges of the snapshots that the events of the served versions are from."""
        self._snapshot_offset.set(min((one.offset if one else 0 for one in snapshots), default=0))
        self._snapshot_time.set(min((one.written_at.timestamp() if one else 0 for one in snapshots), default=0))

    def render(self) -> bytes:
        """The text format."""
        folder = os.environ.get(FOLDER_VARIABLE)
        return generate_latest(self._registry) if folder is None else of_all_workers(Path(folder))

    def _counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(name, meaning, labels, registry=self._registry)

    def _gauge(self, name: str, meaning: str, labels: Sequence[str], together: Together) -> Gauge:
        return Gauge(name, meaning, labels, registry=self._registry, multiprocess_mode=together)

    def _histogram(self, name: str, meaning: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
        return Histogram(name, meaning, labels, buckets=buckets, registry=self._registry)


def count_together(folder: str) -> None:
    """Have this process, and its forks, keep metrics in files of a folder."""
    os.environ[FOLDER_VARIABLE] = folder
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


def of_all_workers(folder: Path) -> bytes:
    """The numbers of all workers that write to a folder; of those that are gone, what they counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            file.unlink(missing_ok=True)  # another worker may be asked at the same time
    together = CollectorRegistry()
    MultiProcessCollector(together, str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(together)
