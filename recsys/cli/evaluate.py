"""`recsys evaluate`: how good a version is, beside simpler rankings, on requests that it has not seen."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.cli import destinations, figures, options, output
from recsys.cli.progress import ProgressLines
from recsys.errors import ConfigError, DataError

if TYPE_CHECKING:
    from recsys.eval.results import EvaluationReport


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys evaluate DIR --registry REG [--version V] [--requests FILE | --split leave-one-out|rolling [--windows N]]
    [--json] [--report FILE.html] [--per-request FILE.parquet]`."""
    parser = subparsers.add_parser("evaluate", help="measure a version against simpler rankings")
    parser.add_argument(
        "directory", type=options.location, metavar="DIR", help="folder (or URL) with items.* and events.*"
    )
    options.add_registry(parser)
    parser.add_argument("--version", metavar="V", help="a version of the registry (default: the current one)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--requests", type=options.location, metavar="FILE", help="requests file with a target column")
    what.add_argument(
        "--split",
        choices=("leave-one-out", "rolling"),
        help="train again with the version's configuration and measure that: without the newest request of every user, "
        "or before each window of the newest events (default: measure the version on what is newer than its training)",
    )
    parser.add_argument("--windows", type=options.positive, metavar="N", help="windows of --split rolling (default 3)")
    options.add_json(parser)
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="also write a page with figures and plots")
    parser.add_argument(
        "--per-request", type=Path, metavar="FILE.parquet", help="also write the figures of every request"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the figures, write the page."""
    if arguments.windows is not None and arguments.split != "rolling":
        raise ConfigError("--windows goes with --split rolling alone; add that, or leave --windows out")
    destinations.check_file("--report", arguments.report)
    destinations.check_file("--per-request", arguments.per_request)

    with ProgressLines() as progress:
        report = _report(arguments, progress)
    if arguments.report is not None:
        from recsys.eval.report.render import write_report  # with what draws, which takes a second to come

        with destinations.written_whole("--report", arguments.report) as page:
            write_report(page, report)
    if arguments.per_request is not None:
        if report.per_request is None:
            raise DataError(f"version {report.version} was trained before figures were kept by request; train again")
        with destinations.written_whole("--per-request", arguments.per_request) as figures_file:
            report.per_request.write_parquet(figures_file)
    if arguments.json:
        output.print_json(report.to_json())
    else:
        figures.print_report(report)
        if arguments.report is not None:
            print(f"the report is in {arguments.report}")
    return 0


def _report(arguments: argparse.Namespace, progress: ProgressLines) -> "EvaluationReport":
    """Measure the version, or its configuration on the splits that were asked for."""
    from recsys.data.requests.request_file import read_requests
    from recsys.locations import Location, name_of
    from recsys.pipeline.evaluation.evaluate import evaluate
    from recsys.pipeline.recommender.bundle import Bundle
    from recsys.pipeline.training.splits import evaluate_splits
    from recsys.registry import Registry
    from recsys.text.cache import VectorCache

    directory: Location = arguments.directory
    progress(f"loading from {arguments.registry}")
    registry, name = Registry(arguments.registry), name_of(directory)
    bundle = Bundle.load(registry, arguments.version)
    dataset = options.read_data(directory, bundle.config, progress)
    if arguments.split is None:
        requests = None if arguments.requests is None else read_requests(arguments.requests, progress=progress)
        return evaluate(bundle, dataset, requests, name=name, progress=progress)
    cache, windows = VectorCache(registry.vectors_file), arguments.windows or 3
    return evaluate_splits(bundle, dataset, arguments.split, windows=windows, name=name, cache=cache, progress=progress)
