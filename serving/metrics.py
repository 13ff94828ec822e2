"""What Prometheus sees of one worker."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one app, in a registry of its own. No label ever holds an id of a user or an item."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.latency = Histogram(
            "recsys_request_seconds",
            "Time to answer, by route and status",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.events = Counter("recsys_events", "Events posted, by outcome", ("outcome",), registry=self._registry)
        self.degraded = Counter(
            "recsys_degraded_lists", "Lists made without a stage", ("stage",), registry=self._registry
        )
        self.candidates = Counter(
            "recsys_listed_items",
            "Items in lists, by the source that proposed them",
            ("source",),
            registry=self._registry,
        )
        self.refused = Counter("recsys_refused_versions", "Versions that could not be loaded", registry=self._registry)
        self.offset = Gauge(
            "recsys_events_seen_offset", "Offset of the newest stored event in the live state", registry=self._registry
        )
        self.store_up = Gauge("recsys_store_up", "1 when the event store answers", registry=self._registry)
        self._model = Gauge("recsys_model_info", "The served version", ("version",), registry=self._registry)

    def serve(self, version: str) -> None:
        """Note that a version is the served one from now on."""
        self._model.clear()
        self._model.labels(version).set(1)

    def render(self) -> bytes:
        """The text format."""
        return generate_latest(self._registry)
