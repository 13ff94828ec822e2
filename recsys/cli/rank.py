"""`recsys rank`: lists for many users or requests, into one parquet file."""

import argparse
import dataclasses
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.cli import options, output
from recsys.cli.progress import Progress

if TYPE_CHECKING:
    from recsys.data.requests import Request
    from recsys.pipeline.recommend import Recommender


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys rank --registry REG (--users all|FILE | --requests FILE) [-n 10] --out FILE.parquet ...`."""
    parser = subparsers.add_parser("rank", help="write ranked lists of many users to a parquet file")
    options.add_registry(parser)
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument("--users", metavar="all|FILE", help="every user of the log, or a file with one user_id a line")
    whom.add_argument("--requests", type=Path, metavar="FILE", help="requests file: user, history, candidates, n, ...")
    parser.add_argument("-n", type=options.positive, default=10, metavar="N", help="items a list (default 10)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.parquet", help="appears when it is complete")
    parser.add_argument("--data", type=Path, metavar="DIR", help="take also the events of this dataset directory")
    parser.add_argument("--engine", choices=["local"], default="local", help="where the work is done")
    parser.add_argument(
        "--workers", type=options.positive, default=os.cpu_count() or 1, metavar="W", help="processes (default: cores)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run of the same lists")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rank everybody who was asked for, write the file, say what is in it."""
    from recsys.data.loading import load_dataset
    from recsys.data.request_file import read_requests
    from recsys.pipeline.batch import UserRequests, rank_to_parquet
    from recsys.pipeline.bundle import Bundle
    from recsys.pipeline.matching import Matched
    from recsys.pipeline.recommend import Recommender
    from recsys.pipeline.workers import Workers
    from recsys.registry import Registry

    with Progress() as progress:
        progress(f"loading from {arguments.registry}")
        bundle = Bundle.load(Registry(arguments.registry))
        if arguments.data is not None:
            progress(f"reading {arguments.data}")
            dataset = load_dataset(arguments.data, bundle.config)
            bundle = dataclasses.replace(bundle, log=Matched.of(bundle, dataset).log)
        recommender = Recommender(bundle)
        requests: Sequence[Request]
        if arguments.requests is not None:
            requests = read_requests(arguments.requests, n=arguments.n)
        else:
            requests = UserRequests(_ids_of(recommender, arguments.users), arguments.n)
        with tempfile.TemporaryDirectory() as folder:
            workers = None
            if arguments.workers > 1:
                log = Path(folder) / "log" if arguments.data is not None else None
                if log is not None:
                    bundle.log.save(log)
                workers = Workers(arguments.registry, bundle.version, arguments.workers, log)
            summary = rank_to_parquet(
                recommender, requests, arguments.out, resume=arguments.resume, workers=workers, progress=progress
            )
    if arguments.json:
        output.print_json({**summary.to_dict(), "out": str(arguments.out)})
    else:
        print(f"{arguments.out}: {summary.requests:,} lists, {summary.rows:,} rows, {summary.items:,} different items")
        print(f"{summary.cold_users:,} lists for users without a history, {summary.empty:,} empty lists")
    return 0


def _ids_of(recommender: "Recommender", users: str) -> list[str]:
    """The users that `--users` means."""
    from recsys.data.request_file import read_user_ids

    vocabulary = recommender.bundle.log.user_vocabulary
    return vocabulary.ids(range(len(vocabulary))) if users == "all" else read_user_ids(Path(users))
