"""`recsys retrain`: learn from what happened since the served version, and serve it if it passes every check."""

import argparse
import re
import time
from contextlib import ExitStack, closing
from dataclasses import asdict
from datetime import time as clock_time
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.cli import destinations, options, output
from recsys.cli.progress import ProgressLines

if TYPE_CHECKING:
    from recsys.data.dataset import Dataset
    from recsys.pipeline.retraining.retrain import Decision
    from recsys.pipeline.retraining.turns import TurnResult
    from recsys.store import Store

_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)?")
_LONGEST = 366 * 86_400
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, None: 1}
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys retrain --registry REG (--store URL | --data DIR) [--watch INTERVAL] [--dry-run] ...`."""
    parser = subparsers.add_parser("retrain", help="train on new events; promote the version if it is not worse")
    options.add_registry(parser)
    new = parser.add_mutually_exclusive_group(required=True)
    new.add_argument("--store", metavar="URL", help="event store of the server, e.g. sqlite:///REG/store.db")
    new.add_argument("--data", type=options.location, metavar="DIR", help="a newer dataset directory, or its URL")
    parser.add_argument(
        "--anew", action="store_true", help="train from scratch instead of continuing from the served version"
    )
    options.add_overrides(parser, "retrain.min_events=50")
    parser.add_argument("--dry-run", action="store_true", help="decide, but publish nothing")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="also write all decisions so far as a page")
    parser.add_argument(
        "--metrics", type=Path, metavar="FILE.prom", help="also write metrics for Prometheus' node_exporter"
    )
    parser.add_argument("--webhook", metavar="URL", help="receives promotions, refusals and failures as JSON")
    parser.add_argument(
        "--watch", type=interval, metavar="INTERVAL", help="repeat: e.g. every 30m or 6h, or every day at 03:30 (UTC)"
    )
    options.add_json(parser)
    parser.set_defaults(run=run)


def interval(text: str) -> float | clock_time:
    """Seconds of `90`, `90s`, `30m`, `6h` or `1d`, or the time of the day of `03:30`, for argparse."""
    clock = _CLOCK.fullmatch(text.strip())
    if clock:
        return clock_time(int(clock.group(1)), int(clock.group(2)))
    matched = _INTERVAL.fullmatch(text.strip())
    if not matched or float(matched.group(1)) <= 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an interval; write 90s, 30m, 6h, 1d, or a time such as 03:30"
        )
    seconds = float(matched.group(1)) * _SECONDS[matched.group(2)]
    if seconds > _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is more than a year; take a shorter interval")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Retrain once, or repeatedly until interrupted; print each decision."""
    from recsys.errors import RecsysError
    from recsys.pipeline.retraining.watch import Schedule, Watch

    destinations.check_file("--report", arguments.report)
    destinations.check_file("--metrics", arguments.metrics)
    at = arguments.watch or 0.0
    schedule = Schedule(at=at) if isinstance(at, clock_time) else Schedule(seconds=at)
    with ProgressLines() as progress:
        watch = Watch(
            lambda: _once(arguments, progress),
            schedule,
            arguments.registry,
            metrics=arguments.metrics,
            webhook=arguments.webhook,
            sleep=time.sleep,
        )
        if arguments.watch is None:
            _show(watch.once(progress), arguments)
            _write_page(arguments)
            return 0

        def report(turn: "TurnResult") -> None:
            _show_turn(turn, arguments)
            try:
                _write_page(arguments)
            except RecsysError as error:  # the page is no reason to call a turn failed
                progress(str(error))

        watch.run(report, progress)
    return 0


def _once(arguments: argparse.Namespace, progress: ProgressLines) -> "Decision":
    from recsys.pipeline.recommender.bundle import trained_config
    from recsys.pipeline.retraining.retrain import retrain
    from recsys.registry import Registry

    registry = Registry(arguments.registry)
    served = registry.resolve(None)
    with ExitStack() as until_decided:
        until_decided.enter_context(progress)  # its last step is over before the decision is printed
        until_decided.enter_context(registry.retraining())
        source: Dataset | Store
        if arguments.data is not None:
            source = options.read_data(arguments.data, trained_config(registry, served), progress)
        else:
            source = until_decided.enter_context(closing(options.existing_store(arguments.store)))
        return retrain(
            registry,
            source,
            overrides=arguments.overrides,
            dry_run=arguments.dry_run,
            anew=arguments.anew,
            progress=progress,
        )


def _write_page(arguments: argparse.Namespace) -> None:
    from recsys.registry import Registry
    from recsys.registry.history_page import write_history

    if arguments.report is not None:
        registry = Registry(arguments.registry)
        with destinations.written_whole("--report", arguments.report) as page:
            write_history(page, registry.decisions(), str(registry.path))


def _show_turn(turn: "TurnResult", arguments: argparse.Namespace) -> None:
    if turn.decision is not None:
        _show(turn.decision, arguments)
    elif arguments.json:
        output.print_json({"action": turn.event, "reason": turn.failure})
    else:
        print(f"{turn.event}: {turn.failure}", flush=True)


def _show(decision: "Decision", arguments: argparse.Namespace) -> None:
    if arguments.json:
        output.print_json(asdict(decision))
        return
    would = "would be " if arguments.dry_run and decision.action != "skipped" else ""
    print(f"{would}{decision.action}: {decision.reason}", flush=True)
    if decision.forgotten_in is not None:
        print(
            f"users were forgotten: version {decision.forgotten_in} is served, the one before was removed", flush=True
        )
