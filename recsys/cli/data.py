"""`recsys data`: what datasets there are, get one, check a directory."""

import argparse
import sys
from dataclasses import asdict

from recsys.cli.options import add_config, add_json, location, path, read_config
from recsys.cli.output import command, print_json, visible
from recsys.counts import counted
from recsys.errors import DataError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the verb."""
    parser = subparsers.add_parser("data", help="list known datasets, get one, check a dataset directory")
    verbs = parser.add_subparsers(required=True, metavar="list|get|check")
    known = verbs.add_parser("list", help="the datasets that `get` knows, with their licences")
    add_json(known)
    known.set_defaults(run=run_list)
    get = verbs.add_parser("get", help="read the official files of a dataset into a dataset directory")
    get.add_argument("name", metavar="NAME", help="see `recsys data list`")
    get.add_argument("--out", required=True, type=path, metavar="DIR", help="the dataset directory to write")
    get.add_argument(
        "--from", dest="given", type=path, metavar="PATH", help="official files at hand: a folder, a zip or a tar"
    )
    get.set_defaults(run=run_get)
    check = verbs.add_parser("check", help="read a dataset directory and report what is in it and what is wrong")
    check.add_argument("folder", type=location, metavar="DIR")
    add_json(check)
    add_config(check, "data.max_rejected=0.05")
    check.set_defaults(run=run_check)


def run_list(arguments: argparse.Namespace) -> int:
    """Print what `get` knows."""
    from recsys.data.datasets.known import DATASETS, FAMILIES, find_dataset

    datasets = [*DATASETS, *(find_dataset(name) for name in FAMILIES)]
    if arguments.json:
        keys = ("name", "what", "licence", "origin", "files")
        print_json({"datasets": [{key: getattr(dataset, key) for key in keys} for dataset in datasets]})
        return 0
    for dataset in datasets:
        print(f"{dataset.name}\n  {dataset.what}\n  licence: {dataset.licence}\n  files: {', '.join(dataset.files)}")
        print(f"  from: {dataset.origin}")
    return 0


def run_get(arguments: argparse.Namespace) -> int:
    """Read the official files and write a dataset directory."""
    from recsys.data.datasets.fetch import obtain
    from recsys.data.datasets.known import find_dataset
    from recsys.data.datasets.source import write_dataset

    dataset = find_dataset(arguments.name)
    frames = obtain(dataset, arguments.given, report=_say)
    write_dataset(arguments.out, frames)
    items, events = counted(frames.items.height, "item"), counted(frames.events.height, "event")
    _say(f"{dataset.name}: {items} and {events} in {arguments.out}")
    _say(f"licence: {dataset.licence}")
    _say(f"next: {command('train', arguments.out, '--registry', 'REG')}")
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    """Read a directory and report; bad rows go to rejected.jsonl even when there are too many of them."""
    from recsys.data.dataset_summary import summarise
    from recsys.data.loading import read_dataset
    from recsys.data.split import TemporalSplit
    from recsys.data.tables.rejections import NoUsableRowError, rejected_path, write_rejected

    config, aside = read_config(arguments, ("data.", "events.", "privacy.")), rejected_path(arguments.folder)
    try:
        dataset, report = read_dataset(arguments.folder, config)
    except NoUsableRowError as error:
        write_rejected(aside, error.rejections)
        if n_rejected := sum(map(len, error.rejections)):
            _say(f"{counted(n_rejected, 'rejected row is', 'rejected rows are')} in {aside}")
        raise
    write_rejected(aside, report.rejections)
    for line in report.warnings:
        _say(line)
    summary = summarise(dataset, report)
    if arguments.json:
        print_json(asdict(summary))
    else:
        print("\n".join(map(visible, summary.lines())))
    if report.n_rejected:
        _say(f"{counted(report.n_rejected, 'rejected row is', 'rejected rows are')} in {aside}")
    for part in report.rejections:
        part.check(config.data.max_rejected)
    try:
        TemporalSplit.of(dataset.log, config.data)
    except DataError as error:
        _say(f"training will refuse this: {error}")
    else:
        _say(f"next: {command('train', arguments.folder, '--registry', 'REG')}")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)
