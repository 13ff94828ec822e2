"""`recsys retrain`: learn from what happened since the served version, and serve it if it is not worse."""

import argparse
import re
import time
from contextlib import closing
from pathlib import Path

from recsys.cli import options, output
from recsys.cli.progress import Progress

_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)?")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, None: 1}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys retrain --registry REG (--store URL | --data DIR) [--watch INTERVAL] [--dry-run]`."""
    parser = subparsers.add_parser("retrain", help="train on new events; promote the version if it is not worse")
    options.add_registry(parser)
    new = parser.add_mutually_exclusive_group(required=True)
    new.add_argument("--store", metavar="URL", help="event store of the server, e.g. sqlite:///REG/store.db")
    new.add_argument("--data", type=Path, metavar="DIR", help="a newer dataset directory")
    parser.add_argument("--watch", type=interval, metavar="INTERVAL", help="again and again, e.g. every 30m or 6h")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, publish nothing")
    options.add_json(parser)
    parser.set_defaults(run=run)


def interval(text: str) -> float:
    """Seconds of `90`, `90s`, `30m`, `6h` or `1d`, for argparse."""
    matched = _INTERVAL.fullmatch(text.strip())
    if not matched or float(matched.group(1)) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an interval; write 90s, 30m, 6h or 1d")
    return float(matched.group(1)) * _SECONDS[matched.group(2)]


def run(arguments: argparse.Namespace) -> int:
    """Retrain once, or again and again until it is interrupted; print each decision."""
    while True:
        _once(arguments)
        if arguments.watch is None:
            return 0
        time.sleep(arguments.watch)


def _once(arguments: argparse.Namespace) -> None:
    from recsys.config import parse_config
    from recsys.data.loading import load_dataset
    from recsys.pipeline.retrain import retrain_from_data, retrain_from_store
    from recsys.registry import Registry
    from recsys.store import open_store

    registry = Registry(arguments.registry)
    with Progress() as progress:
        if arguments.data is not None:
            progress(f"reading {arguments.data}")
            config = parse_config(registry.manifest(registry.resolve(None)).config)
            dataset = load_dataset(arguments.data, config)
            decision = retrain_from_data(registry, dataset, dry_run=arguments.dry_run, progress=progress)
        else:
            with closing(open_store(arguments.store)) as store:
                decision = retrain_from_store(registry, store, dry_run=arguments.dry_run, progress=progress)
    if arguments.json:
        output.print_json(decision.to_dict())
    else:
        would = "would be " if arguments.dry_run and decision.action != "skipped" else ""
        print(f"{would}{decision.action}: {decision.reason}")
