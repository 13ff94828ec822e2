"""`recsys train`: a dataset directory in, a published version out."""

import argparse
import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.cli import figures, options, output
from recsys.cli.progress import ProgressLines

if TYPE_CHECKING:
    from recsys.config import Config
    from recsys.data.dataset import Dataset
    from recsys.eval.results import EvaluationReport
    from recsys.locations import Location
    from recsys.rank.tuning import Tuning
    from recsys.registry import Registry


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys train DIR --registry REG [--config FILE] [--set KEY=VALUE ...] [--until TIME] [--seed N]
    [--tune N] [--engine local|ray] [--workers W]`."""
    parser = subparsers.add_parser("train", help="train on a dataset directory and publish the version")
    parser.add_argument(
        "directory", type=options.location, metavar="DIR", help="folder (or URL) with items.* and events.*"
    )
    options.add_registry(parser)
    options.add_config(parser)
    parser.add_argument("--until", metavar="TIME", help="use events before this moment only (ISO 8601 or epoch)")
    options.add_seed(parser)
    parser.add_argument(
        "--tune",
        type=options.positive,
        metavar="N",
        help="tune the ranker's settings first, in N trials (recsys[tune])",
    )
    options.add_engine(parser, "this one")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, publish, show the figures of the test window, and say what to type next."""
    config = options.read_config(arguments)
    until = None if arguments.until is None else options.read_time(arguments.until)

    from recsys.locations import name_of
    from recsys.pipeline.training.kept_vectors import keep_vectors_of
    from recsys.pipeline.training.train import train
    from recsys.registry import Registry
    from recsys.text.cache import VectorCache

    directory: Location = arguments.directory
    registry = Registry(arguments.registry)
    with ProgressLines() as progress:
        dataset = options.read_data(directory, config, progress)
        if until is not None:
            dataset = _before(dataset, until)
        registry.prepare()
        cache = VectorCache(registry.vectors_file)
        several = arguments.engine == "ray" or arguments.workers is not None
        bundle = train(
            dataset,
            config,
            seed=arguments.seed,
            name=name_of(directory),
            cache=cache,
            tuning=_tuning(arguments, config, dataset, registry),
            engine=options.engine(arguments) if several else None,
            progress=progress,
        )
        progress(f"publishing to {arguments.registry}")
        version = registry.publish(bundle, why="recsys train")
        keep_vectors_of(registry, [bundle], progress)
    report = dataclasses.replace(bundle.report, version=version)
    if arguments.json:
        sizes = {"n_items": len(dataset.catalogue), "n_events": len(dataset.log), "n_users": dataset.log.n_users}
        output.print_json({"version": version, **sizes, "n_rejected": dataset.n_rejected, "report": report.to_json()})
    else:
        _print_result(report, directory, arguments.registry)
    return 0


def _print_result(report: "EvaluationReport", data: "Location", registry: Path) -> None:
    """The figures of the test window, and what to type next."""
    figures.print_report(report)
    print(f"version {report.version} is current in {registry}; next:")
    for words in (
        ("evaluate", data, "--registry", registry, "--report", "report.html"),
        ("rank", "--registry", registry, "--users", "all", "--out", "lists.parquet"),
        ("serve", "--registry", registry),
    ):
        print(f"  {output.command(*words)}")


def _tuning(
    arguments: argparse.Namespace, config: "Config", dataset: "Dataset", registry: "Registry"
) -> "Tuning | None":
    """What `--tune` asks for. Trials of the same data, config and seed that are stored already count."""
    if arguments.tune is None:
        return None
    from recsys.rank.tuning import Tuning

    same = f"{dataset.fingerprint} {arguments.seed} {config.model_dump_json()}"
    return Tuning(arguments.tune, registry.studies_file, hashlib.sha256(same.encode()).hexdigest()[:16])


def _before(dataset: "Dataset", time: int) -> "Dataset":
    """The data set as it was at a moment (microseconds).

    Raises:
        DataError: nothing had happened yet.
    """
    from recsys.data.loading import fingerprint
    from recsys.errors import DataError

    log = dataset.log.before(time)
    if not len(log):
        raise DataError(f"--until: no event is before it; all {len(dataset.log):,} events are later: give a later time")
    return dataclasses.replace(dataset, log=log, fingerprint=fingerprint(dataset.catalogue, log, dataset.profiles))
