"""Retraining again and again without anyone watching: when, what is reported to whom, and what a failure changes."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from http.client import HTTPException
from pathlib import Path
from typing import Any

from recsys.disk import replace_file
from recsys.errors import BusyError, ConfigError, RecsysError
from recsys.pipeline.retraining.retrain import Decision
from recsys.progress import Progress

_JITTER = 0.1
"""Share of an interval by which a turn may be late: many watchers do not all start at once."""

_MOST_BACKOFF = 8
"""Most intervals between turns that fail."""

_WEBHOOK_SECONDS = 10.0

_WEBHOOK_BYTES = 65_536
"""Most bytes that are read of an answer, which nobody looks at: reading shows whether an error occurs on the way, and
the limit ends an answer that goes on for ever."""


@dataclass(frozen=True)
class Schedule:
    """Every so many seconds, or every day at a time of the day (UTC)."""

    seconds: float = 86_400.0
    at: clock_time | None = None

    def pause(self, now: datetime, failures: int, chance: float) -> float:
        """Seconds until the next turn.

        Args:
            now: in UTC.
            failures: turns that have failed since the last one that did not; each doubles an interval.
            chance: in [0, 1), for the jitter.
        """
        if self.at is None:
            return self.seconds * min(1 << failures, _MOST_BACKOFF) * (1 + _JITTER * chance)
        next_time = datetime.combine(now.date(), self.at, UTC)
        if next_time <= now:
            next_time += timedelta(days=1)
        if failures:  # a store that was away for a minute must not cost a whole day
            retry = now + timedelta(minutes=10 * min(1 << (failures - 1), _MOST_BACKOFF))
            next_time = min(next_time, retry)
        return (next_time - now).total_seconds() + 60 * chance


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


@dataclass
class Watch:
    """Turns, one after the other.

    Attributes:
        retrain: makes one decision.
        schedule: when.
        registry: for messages.
        metrics: a file for the textfile collector of Prometheus' node_exporter; None: none is written.
        webhook: URL that gets a JSON object for each promotion, refusal and failure; None: none is sent.
        turns: how many turns there were of each kind.
    """

    retrain: Callable[[], Decision]
    schedule: Schedule
    registry: Path
    metrics: Path | None = None
    webhook: str | None = None
    turns: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("promoted", "refused", "skipped", "failed"), 0)
    )

    def __post_init__(self) -> None:
        if self.webhook is not None and not self.webhook.startswith(("http://", "https://")):
            raise ConfigError(f"--webhook {self.webhook!r}: write a URL that starts with http:// or https://")

    def run(
        self,
        report: Callable[[TurnResult], None],
        progress: Progress,
        sleep: Callable[[float], None],
        chance: Callable[[], float],
    ) -> None:
        """Take turns until interrupted. With an interval the first turn is now; with a time of the day it is at that
        time."""
        failures = 0
        if self.schedule.at is not None:
            self._wait(failures, progress, sleep, chance)
        while True:
            turn = self.turn(failures)
            failures = turn.failures
            report(turn)
            self._notify(turn, progress)
            self._wait(failures, progress, sleep, chance)

    def once(self, progress: Progress) -> Decision:
        """One turn, reported as those of a watch are, for callers with a schedule of their own.

        Raises:
            Exception: what made it fail, after it was reported.
        """
        turn = self.turn()
        self._notify(turn, progress)
        if turn.decision is None:
            assert turn.error is not None, "a turn decides or fails"
            raise turn.error
        return turn.decision

    def _wait(
        self, failures: int, progress: Progress, sleep: Callable[[float], None], chance: Callable[[], float]
    ) -> None:
        pause = self.schedule.pause(datetime.now(UTC), failures, chance())
        progress(f"next turn in {pause:,.0f} s")
        sleep(pause)

    def turn(self, failures: int = 0) -> TurnResult:
        """One decision. An error becomes part of the result: nobody looks at a watch, so it goes on, and reports
        failures."""
        start = time.monotonic()
        try:
            decision = self.retrain()
        except Exception as error:
            busy = isinstance(error, BusyError)
            return TurnResult(None, error, time.monotonic() - start, failures if busy else failures + 1, busy)
        return TurnResult(decision, None, time.monotonic() - start, 0)

    def _notify(self, turn: TurnResult, progress: Progress) -> None:
        self.turns[turn.event] += 1
        if self.metrics is not None:
            try:
                replace_file(self.metrics, exposition(turn, self.turns, time.time()).encode())
            except OSError as error:
                progress(f"{self.metrics} cannot be written: {error}")
        if self.webhook is not None and turn.event != "skipped":
            try:
                post(self.webhook, message(turn, self.registry))
            except (OSError, ValueError, HTTPException) as error:
                progress(f"the webhook was not reached: {error}")


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


def exposition(turn: TurnResult, turns: dict[str, int], now: float) -> str:
    """Prometheus' text format. If `recsys_retrain_last_turn_timestamp_seconds` stands still, the watch is dead.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    lines = ["# HELP recsys_retrain_turns_total Turns of this watch.", "# TYPE recsys_retrain_turns_total counter"]
    lines += [f'recsys_retrain_turns_total{{event="{event}"}} {count}' for event, count in turns.items()]
    labels: dict[str, str] = {}
    gauges: list[tuple[str, str, float]] = [
        ("last_turn_timestamp_seconds", "When the last turn ended.", now),
        ("last_turn_seconds", "How long it took.", turn.seconds),
        ("failures_in_a_row", "Turns that have failed since the last one that did not.", turn.failures),
    ]
    if turn.decision is not None:
        gauges.append(("new_events", "Events since the served version.", turn.decision.new_events))
        refused = sum(not check.passed for check in turn.decision.checks) if turn.event != "skipped" else 0
        gauges.append(("failed_checks", "Checks that spoke against the new version or its data.", refused))
        if turn.decision.comparison is not None:
            difference = turn.decision.comparison.difference
            gauges.append(("difference", "The new version's metric minus the served one's.", difference))
            labels["difference"] = f'{{metric="{turn.decision.metric}"}}'
    for name, meaning, value in gauges:
        full = f"recsys_retrain_{name}"
        lines += [f"# HELP {full} {meaning}", f"# TYPE {full} gauge", f"{full}{labels.get(name, '')} {value}"]
    return "\n".join(lines) + "\n"
