"""`recsys demo`: the main job on real data: read, train, measure, and two lists with their reasons."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.cli import figures, options, output
from recsys.cli.progress import ProgressLines

if TYPE_CHECKING:
    from recsys.data.datasets.source import Frames
    from recsys.pipeline.recommender.recommend import Recommender

DEPARTMENTS = ("PRODUCE", "MEAT", "MEAT-PCKGD", "DELI", "PASTRY", "SEAFOOD", "SEAFOOD-PCKGD", "SALAD BAR")
"""Fresh food: the part of the catalogue that the demo uses."""

HOUSEHOLDS = 0.4
"""Share of the households of Complete Journey, chosen by a hash of their number: the same ones everywhere."""

WEEKS = 26
"""Newest weeks that are used."""

SETTINGS = ("text.budget_minutes=2", "data.max_requests=2000")
"""What differs from the defaults, to be done within minutes on two cores."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys demo [--dir DIR]`."""
    parser = subparsers.add_parser("demo", help="the main job on real grocery purchases, end to end")
    parser.add_argument(
        "--dir", type=options.path, default=Path("demo"), metavar="DIR", help="folder to work in (default demo/)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say what to type next."""
    from recsys.cli import lists
    from recsys.config import load_config
    from recsys.data.datasets.source import write_dataset
    from recsys.data.loading import load_dataset
    from recsys.data.requests.request import Request
    from recsys.eval.report.render import write_report
    from recsys.pipeline.recommender.bundle import Bundle
    from recsys.pipeline.recommender.recommend import Recommender
    from recsys.pipeline.training.train import train
    from recsys.registry import Registry
    from recsys.text.cache import VectorCache

    directory: Path = arguments.dir
    data, registry = directory / "data", Registry(directory / "registry")
    config = load_config(None, SETTINGS)
    registry.prepare()
    with ProgressLines() as progress:
        progress(f"fresh food of Complete Journey: {HOUSEHOLDS:.0%} of the households, the last {WEEKS} weeks of 2017")
        progress("on two idle cores this takes some 10 minutes")
        write_dataset(data, _fresh_food())
        dataset = load_dataset(data, config)
        cache = VectorCache(registry.vectors_file)
        bundle = train(dataset, config, name="Complete Journey, fresh food", cache=cache, progress=progress)
        version = registry.publish(bundle, why="recsys demo")
        progress(f"published version {version}")
        served = Bundle.load(registry)
        write_report(directory / "report.html", served.report)
        recommender = Recommender(served)
    for user_id in _two_users(recommender):
        ranked = recommender.recommend(Request(user_id=user_id, n=10), explain=True)
        lists.print_user(recommender, user_id, ranked)
    figures.print_report(served.report)
    print(f"The report is in {directory / 'report.html'}. Next:")
    for words in (("serve",), ("explain", "--user", user_id)):
        print(f"  {output.command(*words, '--registry', registry.path)}")
    return 0


def _fresh_food() -> "Frames":
    import polars as pl

    from recsys.data.datasets.completejourney import read_completejourney
    from recsys.data.datasets.source import Frames

    whole = read_completejourney(households=HOUSEHOLDS, last_weeks=WEEKS)
    items = whole.items.filter(pl.col("department").is_in(DEPARTMENTS))
    return Frames(items, whole.events.join(items, on="item_id", how="semi", maintain_order="left"))


def _two_users(recommender: "Recommender") -> Iterator[str]:
    """One of whom much is known and one of whom little is: the 90th and the 10th percentile by events."""
    import numpy as np

    log = recommender.bundle.log
    by_events = np.argsort(np.bincount(log.users, minlength=log.n_users), kind="stable")
    for share in (0.9, 0.1):
        yield log.user_vocabulary.id(int(by_events[int(share * (log.n_users - 1))]))
