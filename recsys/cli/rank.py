"""`recsys rank`: lists for many users or requests, into one parquet file."""

import argparse
import dataclasses
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
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run of the same lists")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rank everybody who was asked for, write the file, say what is in it."""
    from recsys.data.loading import load_dataset
    from recsys.data.request_file import read_requests
    from recsys.pipeline.batch import rank_to_parquet
    from recsys.pipeline.bundle import Bundle
    from recsys.pipeline.matching import Matched
    from recsys.pipeline.recommend import Recommender
    from recsys.registry import Registry

    with Progress() as progress:
        progress(f"loading from {arguments.registry}")
        bundle = Bundle.load(Registry(arguments.registry))
        if arguments.data is not None:
            progress(f"reading {arguments.data}")
            dataset = load_dataset(arguments.data, bundle.config)
            bundle = dataclasses.replace(bundle, log=Matched.of(bundle, dataset).log)
        recommender = Recommender(bundle)
        if arguments.requests is not None:
            requests = read_requests(arguments.requests, n=arguments.n)
        else:
            requests = _of_users(recommender, arguments.users, arguments.n)
        summary = rank_to_parquet(recommender, requests, arguments.out, resume=arguments.resume, progress=progress)
    if arguments.json:
        output.print_json({**summary.to_dict(), "out": str(arguments.out)})
    else:
        print(f"{arguments.out}: {summary.requests:,} lists, {summary.rows:,} rows, {summary.items:,} different items")
        print(f"{summary.cold_users:,} lists for users without a history, {summary.empty:,} empty lists")
    return 0


def _of_users(recommender: "Recommender", users: str, n: int) -> "list[Request]":
    """One request a user; the user's id is the request's."""
    from recsys.data.request_file import read_user_ids
    from recsys.data.requests import Request

    vocabulary = recommender.bundle.log.user_vocabulary
    ids = vocabulary.ids(range(len(vocabulary))) if users == "all" else read_user_ids(Path(users))
    return [Request(user_id=user, n=n, request_id=user) for user in ids]
