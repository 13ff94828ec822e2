"""What Prometheus sees."""

from collections.abc import Mapping

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
        self.lists = Counter("recsys_lists", "Lists answered, by variant", ("variant",), registry=self._registry)
        self.lists_lost = Counter(
            "recsys_lists_lost", "Answered lists that could not be kept for the store", registry=self._registry
        )
        self.feedback = Counter(
            "recsys_feedback",
            "Events that follow from a list, by the variant that made it",
            ("variant", "event"),
            registry=self._registry,
        )
        self.shadow_overlap = Histogram(
            "recsys_shadow_overlap",
            "Share of a list that a shadow variant lists as well",
            ("variant",),
            buckets=[tenth / 10 for tenth in range(11)],
            registry=self._registry,
        )
        self._model = Gauge(
            "recsys_model_info", "The version of each variant", ("variant", "version"), registry=self._registry
        )

    def serve(self, versions: Mapping[str, str]) -> None:
        """Note which version each variant serves from now on."""
        self._model.clear()
        for variant, version in versions.items():
            self._model.labels(variant, version).set(1)

    def render(self) -> bytes:
        """The text format."""
        return generate_latest(self._registry)
