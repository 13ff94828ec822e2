"""What one turn of retraining came to, and how others learn of it: a webhook, and a file for Prometheus."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from recsys.errors import RecsysError
from recsys.pipeline.retraining.retrain import Decision

_WEBHOOK_SECONDS = 10.0

_WEBHOOK_BYTES = 65_536
"""Most bytes that are read of an answer, which nobody looks at: reading shows whether an error occurs on the way, and
the limit ends an answer that goes on for ever."""


@dataclass(frozen=True)
class TurnResult:
    """What one turn came to: a decision, or an error.

    Attributes:
        seconds: how long it took.
        failures: turns that have failed in a row, this one included.
        busy: somebody else was retraining, so nothing was decided.
    """

    decision: Decision | None
    error: Exception | None
    seconds: float
    failures: int
    busy: bool = False

    @property
    def event(self) -> str:
        """promoted, refused, skipped or failed."""
        if self.decision is None:
            return "skipped" if self.busy else "failed"
        return self.decision.action

    @property
    def failure(self) -> str:
        """The error in words."""
        if isinstance(self.error, RecsysError):
            return str(self.error)
        return f"{type(self.error).__name__}: {self.error} (unexpected)"


def message(turn: TurnResult, registry: Path) -> dict[str, Any]:
    """What a webhook gets; `text` is what chat programs show."""
    if turn.decision is None:
        return {"event": turn.event, "registry": str(registry), "text": f"recsys retrain failed: {turn.failure}"}
    decision = replace(turn.decision, checks=())
    text = f"recsys retrain {turn.event} {decision.challenger or 'the new data'}: {decision.reason}"
    return {"event": turn.event, "registry": str(registry), "text": text, "decision": asdict(decision)}


def post(url: str, content: dict[str, Any], seconds: float = _WEBHOOK_SECONDS) -> None:
    """Send a JSON object.

    Raises:
        OSError, ValueError, HTTPException: it was not accepted, or not within so many seconds in all.
    """
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    errors: list[Exception] = []

    def send() -> None:
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                answer.read(_WEBHOOK_BYTES)
        except Exception as error:
            errors.append(error)

    # A socket's timeout is for each of its reads, and looking up a name has none; but a thread can be abandoned.
    thread = threading.Thread(target=send, name="webhook", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"it did not answer within {seconds:g} s")
    if errors:
        raise errors.pop()


@dataclass(frozen=True, eq=False)
class TurnMetrics(Collector):
    """Metrics of a watch. If `recsys_retrain_last_turn_timestamp_seconds` stands still, the watch is dead.

    Attributes:
        turn: the last one.
        turns: how many there were of each kind.
        now: when the last one ended, epoch seconds.
    """

    turn: TurnResult
    turns: Mapping[str, int]
    now: float = field(default_factory=time.time)

    def exposition(self) -> bytes:
        """Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        turns = CounterMetricFamily("recsys_retrain_turns", "Turns of this watch.", labels=["event"])
        for event, count in self.turns.items():
            turns.add_metric([event], count)
        yield turns
        yield _gauge("last_turn_timestamp_seconds", "When the last turn ended.", self.now)
        yield _gauge("last_turn_seconds", "How long it took.", self.turn.seconds)
        yield _gauge("failures_in_a_row", "Turns that have failed since the last one that did not.", self.turn.failures)
        decision = self.turn.decision
        if decision is None:
            return
        yield _gauge("new_events", "Events since the served version.", decision.new_events)
        refused = sum(not check.passed for check in decision.checks) if self.turn.event != "skipped" else 0
        yield _gauge("failed_checks", "Checks that spoke against the new version or its data.", refused)
        if decision.comparison is not None:
            meaning = "The new version's metric minus the served one's."
            difference = GaugeMetricFamily("recsys_retrain_difference", meaning, labels=["metric"])
            difference.add_metric([str(decision.metric)], decision.comparison.difference)
            yield difference


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"recsys_retrain_{name}", meaning, value)
