"""`recsys rank`: lists for many users or requests, into a parquet file or to where they are looked up by id."""

import argparse
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from recsys.cli import destinations, options, output
from recsys.cli.progress import ProgressLines
from recsys.counts import counted
from recsys.errors import ConfigError

if TYPE_CHECKING:
    from recsys.data.requests.request import Request
    from recsys.locations import Location
    from recsys.pipeline.offline.caught_up import CaughtUp
    from recsys.pipeline.recommender.recommend import Recommender


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys rank --registry REG (--users all|FILE | --requests FILE) [-n 10] --out FILE.parquet|URL ...`."""
    parser = subparsers.add_parser("rank", help="write ranked lists of many users to a parquet file or a store")
    options.add_registry(parser)
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument(
        "--users",
        type=options.word,
        metavar="all|FILE",
        help="every user of the log, or a file with one user_id per line",
    )
    whom.add_argument(
        "--requests", type=options.location, metavar="FILE", help="requests file: user, history, candidates, n, ..."
    )
    parser.add_argument("-n", type=options.positive, default=10, metavar="N", help="items per list (default 10)")
    parser.add_argument(
        "--out",
        type=options.word,
        required=True,
        metavar="FILE.parquet|URL",
        help="a file or its URL (s3://...); for look-up by id sqlite:///FILE, postgresql://... or redis://...; "
        "written whole or not at all",
    )
    newer = parser.add_mutually_exclusive_group()
    newer.add_argument(
        "--data",
        type=options.location,
        metavar="DIR",
        help="also use the newer events of this dataset directory, and which of its items are available",
    )
    newer.add_argument(
        "--store",
        metavar="URL",
        help="also use the events, items and forgotten users of the server's store, e.g. sqlite:///REG/store.db",
    )
    options.add_engine(parser, "one per core")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run of the same lists")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rank everybody who was asked for, write the file, say what is in it."""
    from recsys.pipeline.offline.batch import rank_to_parquet
    from recsys.pipeline.offline.published import PublishedVersion

    out = _checked_out(arguments)
    lists = out if isinstance(out, Path) else _file_on_the_way(arguments)
    with ProgressLines() as progress:
        progress(f"loading from {arguments.registry}")
        known = _caught_up(arguments, progress)
        requests, n_searches = _requests_of(arguments, known.recommender, progress)
        engine = options.engine(arguments)
        with _folder_of_events(lists, arguments) as events:
            progress(f"adding up {counted(known.n_events, 'event')}")
            published = PublishedVersion.of(known, arguments.registry.absolute(), events)
            del known  # its log may be in memory; from here on all processes map the same file
            recommender = published.open()
            if n_searches and not recommender.reads_texts:
                asked = counted(n_searches, "query is", "queries are")
                progress(f"{asked} not read: the version was trained without text")
            summary = rank_to_parquet(
                recommender,
                requests,
                lists,
                resume=arguments.resume,
                spread=partial(engine.run, published.open) if engine else None,
                deliver=partial(_deliver, out, recommender, progress) if isinstance(out, str) else None,
                progress=progress,
            )
    written = _without_password(arguments.out)
    if arguments.json:
        output.print_json({**asdict(summary), "out": written})
    else:
        listed = f"{counted(summary.requests, 'list')}, {counted(summary.rows, 'row')}"
        print(f"{written}: {listed}, {counted(summary.items, 'different item')}")
        cold = f"{counted(summary.cold_users, 'list')} for users without a history"
        print(f"{cold}, {counted(summary.empty, 'empty list')}")
    return 0


def _caught_up(arguments: argparse.Namespace, progress: ProgressLines) -> "CaughtUp":
    """The current version with what `--data` or `--store` has beyond it."""
    from recsys.pipeline.offline.caught_up import CaughtUp
    from recsys.pipeline.recommender.bundle import Bundle
    from recsys.registry import Registry

    bundle = Bundle.load(Registry(arguments.registry))
    if arguments.data is not None:
        return CaughtUp.with_files(bundle, options.read_data(arguments.data, bundle.config, progress), progress)
    if arguments.store is not None:
        with closing(options.existing_store(arguments.store)) as store:
            return CaughtUp.with_store(bundle, store, progress)
    return CaughtUp.as_trained(bundle)


def _checked_out(arguments: argparse.Namespace) -> "Location":
    """Where `--out` has the lists go: a path or a URL. That they can be written there is checked before hours go into
    them.

    Raises:
        ConfigError: the file is of another kind than Parquet, is one that is read, or the library for such URLs is not
            installed.
        StoreError: the host or the store cannot be reached.
    """
    from recsys.locations import check
    from recsys.store import is_database_url, open_precomputed_lists

    out = options.location(arguments.out)
    if is_database_url(arguments.out):
        open_precomputed_lists(arguments.out).close()
        return out
    if PurePath(str(out)).suffix.lower() not in ("", ".parquet"):
        raise ConfigError(
            f"--out {_without_password(arguments.out)}: lists are written as Parquet; name a file.parquet"
        )
    check(out)
    if isinstance(out, Path):
        users = None if arguments.users in (None, "all") else options.location(arguments.users)
        destinations.check_not_read("--out", out, arguments.requests, users)
        destinations.check_kind("--out", out)
    return out


def _requests_of(
    arguments: argparse.Namespace, recommender: "Recommender", progress: ProgressLines
) -> "tuple[Sequence[Request], int]":
    """Who is to be ranked for, and how many of these requests search for a text."""
    from recsys.data.requests.request_file import read_requests
    from recsys.pipeline.offline.batch import UserRequests

    if arguments.requests is None:
        return UserRequests(_ids_of(recommender, arguments.users), arguments.n), 0
    requests = read_requests(arguments.requests, arguments.n, progress)
    return requests, sum(bool(request.context.get("query")) for request in requests)


@contextmanager
def _folder_of_events(lists: Path, arguments: argparse.Namespace) -> Iterator[Path]:
    """The folder in which all processes find the events while they rank: beside the lists; on a cluster, beside the
    version.

    One run at a time holds it, until its lists are delivered.
    """
    from recsys.pipeline.offline.batch import only_run

    lists = lists.resolve()
    folder = lists.with_name(f"{lists.name}.events")
    if arguments.engine == "ray":  # here lists of one name from several folders meet
        folder = arguments.registry.absolute() / "cache" / f"{_digest_of(str(lists))}.events"
    with only_run(lists.with_name(f".{lists.name}.run"), _without_password(arguments.out)):
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _file_on_the_way(arguments: argparse.Namespace) -> Path:
    """Where lists on their way to a URL are written, the same for the same URL, so that `--resume` finds them."""
    folder: Path = arguments.registry / "cache"
    return folder / f"lists-{_digest_of(arguments.out)}.parquet"


def _digest_of(url: str) -> str:
    """A short name for a URL, always the same."""
    return hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _deliver(url: str, recommender: "Recommender", progress: ProgressLines, lists: Path) -> None:
    """The file to its URL, or the lists to where they are looked up by the ids under which the server knows users."""
    from recsys.locations import put
    from recsys.pipeline.offline.deliver import deliver
    from recsys.store import is_database_url, open_precomputed_lists

    progress(f"delivering to {_without_password(url)}")
    if is_database_url(url):
        with closing(open_precomputed_lists(url)) as target:
            deliver(lists, target, recommender.users.stored_id)
    else:
        put(lists, url)
    lists.unlink()


def _without_password(out: str) -> str:
    """A path or URL as messages name it: of a URL all but user and password."""
    parts = urlsplit(out)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.netloc else out


def _ids_of(recommender: "Recommender", users: str) -> list[str]:
    """The users that `--users` means."""
    from recsys.data.requests.request_file import read_user_ids
    from recsys.data.users.forget import is_forgotten

    if users != "all":
        return read_user_ids(options.location(users))
    return [id_ for id_ in recommender.users.vocabulary if not is_forgotten(id_)]
