"""Retraining again and again without anyone watching: when, who is notified, and what a failure changes."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from http.client import HTTPException
from pathlib import Path

from recsys.disk import replace_file
from recsys.errors import BusyError, ConfigError
from recsys.pipeline.retraining.retrain import Decision
from recsys.pipeline.retraining.turns import TurnMetrics, TurnResult, message, post
from recsys.progress import Progress

_JITTER = 0.1
"""Share of an interval by which a turn may be late: many watchers do not all start at once."""

_MOST_BACKOFF = 8
"""Most intervals between turns that fail."""


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


@dataclass
class Watch:
    """Turns, one after the other.

    Attributes:
        retrain: makes one decision.
        schedule: when.
        registry: for messages.
        metrics: a file for the textfile collector of Prometheus' node_exporter; None: none is written.
        webhook: URL that gets a JSON object for each promotion, refusal and failure; None: none is sent.
        sleep: waits for so many seconds.
        chance: draws a number in [0, 1), for the jitter.
        turns: how many turns there were of each kind.
    """

    retrain: Callable[[], Decision]
    schedule: Schedule
    registry: Path
    metrics: Path | None = None
    webhook: str | None = None
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    turns: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("promoted", "refused", "skipped", "failed"), 0)
    )

    def __post_init__(self) -> None:
        if self.webhook is not None and not self.webhook.startswith(("http://", "https://")):
            raise ConfigError(f"--webhook {self.webhook!r}: write a URL that starts with http:// or https://")

    def run(self, report: Callable[[TurnResult], None], progress: Progress) -> None:
        """Take turns until interrupted. With an interval the first turn is now; with a time of the day it is at that
        time."""
        failures = 0
        if self.schedule.at is not None:
            self._wait(failures, progress)
        while True:
            turn = self.turn(failures)
            failures = turn.failures
            report(turn)
            self._notify(turn, progress)
            self._wait(failures, progress)

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

    def _wait(self, failures: int, progress: Progress) -> None:
        pause = self.schedule.pause(datetime.now(UTC), failures, self.chance())
        progress(f"next turn in {pause:,.0f} s")
        self.sleep(pause)

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
                replace_file(self.metrics, TurnMetrics(turn, self.turns).exposition())
            except OSError as error:
                progress(f"{self.metrics} cannot be written: {error}")
        if self.webhook is not None and turn.event != "skipped":
            try:
                post(self.webhook, message(turn, self.registry))
            except (OSError, ValueError, HTTPException) as error:
                progress(f"the webhook was not reached: {error}")
