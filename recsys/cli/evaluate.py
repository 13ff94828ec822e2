"""`recsys evaluate`: how good a version is, beside simpler rankings, on requests that it has not seen."""

import argparse
from pathlib import Path

from recsys.cli import figures, options, output
from recsys.cli.progress import Progress
from recsys.errors import DataError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys evaluate DIR --registry REG [--version V] [--requests FILE] [--json] [--report FILE.html]
    [--per-request FILE.parquet]`."""
    parser = subparsers.add_parser("evaluate", help="measure a version against simpler rankings")
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder with items.* and events.*")
    options.add_registry(parser)
    parser.add_argument("--version", metavar="V", help="a version of the registry (default: the current one)")
    parser.add_argument("--requests", type=Path, metavar="FILE", help="requests file with a target column")
    options.add_json(parser)
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="also write a page with figures and plots")
    parser.add_argument(
        "--per-request", type=Path, metavar="FILE.parquet", help="also write the figures of every request, to compare"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the figures, write the page."""
    from recsys.data.loading import load_dataset
    from recsys.data.request_file import read_requests
    from recsys.eval.report import write_report
    from recsys.pipeline.bundle import Bundle
    from recsys.pipeline.evaluate import evaluate
    from recsys.registry import Registry

    directory: Path = arguments.directory
    with Progress() as progress:
        progress(f"loading from {arguments.registry}")
        bundle = Bundle.load(Registry(arguments.registry), arguments.version)
        progress(f"reading {directory}")
        dataset = load_dataset(directory, bundle.config)
        requests = None if arguments.requests is None else read_requests(arguments.requests)
        report = evaluate(bundle, dataset, requests, name=directory.resolve().name, progress=progress)
    if arguments.report is not None:
        write_report(arguments.report, report)
    if arguments.per_request is not None:
        if report.per_request is None:
            raise DataError(f"version {report.version} was trained before figures were kept by request; train again")
        report.per_request.write_parquet(arguments.per_request)
    if arguments.json:
        output.print_json(report.to_json())
    else:
        figures.print_figures(report.to_json())
        if arguments.report is not None:
            print(f"the report is in {arguments.report}")
    return 0
