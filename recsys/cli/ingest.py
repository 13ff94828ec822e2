"""`recsys ingest`: events from Redis Streams or Kafka into the store that the server and retraining read."""

import argparse
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from recsys.cli import destinations, options, output
from recsys.cli.progress import ProgressLines
from recsys.counts import counted
from recsys.errors import ConfigError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys ingest --from URL --store URL [--once] [--rejected FILE] [--json]`."""
    parser = subparsers.add_parser("ingest", help="take events from Redis Streams or Kafka into the store")
    parser.add_argument(
        "--from",
        dest="stream",
        required=True,
        metavar="URL",
        help="redis://HOST:PORT/DB?stream=NAME or kafka://HOST:PORT/TOPIC, each with group=NAME (default recsys)",
    )
    parser.add_argument("--store", required=True, metavar="URL", help="where events go, e.g. sqlite:///REG/store.db")
    parser.add_argument("--once", action="store_true", help="stop when no message is left (default: wait for more)")
    parser.add_argument(
        "--rejected",
        type=Path,
        default=Path("rejected-messages.jsonl"),
        metavar="FILE",
        help="file for messages that are not valid events (default rejected-messages.jsonl)",
    )
    options.add_config(parser, "privacy.pseudonymise=true")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ingest until there is nothing left, or until interrupted; say what came."""
    from recsys.data.tables.rejections import is_report
    from recsys.data.users.pseudonyms import Pseudonyms
    from recsys.pipeline.ingest import ingest
    from recsys.store import open_store, open_stream

    destinations.check_file("--rejected", arguments.rejected)
    try:
        taken = is_report(arguments.rejected)
    except OSError as error:
        raise ConfigError(f"--rejected {arguments.rejected} cannot be read: {error}; name another file") from error
    if taken:
        raise ConfigError(
            f"--rejected {arguments.rejected} holds bad rows of a data set, and the next reading of that replaces it; "
            "name another file"
        )
    pseudonyms = Pseudonyms.of_config(options.read_config(arguments, ("privacy.",)).privacy)
    with (
        ProgressLines() as progress,
        closing(open_store(arguments.store)) as store,
        closing(open_stream(arguments.stream, progress)) as stream,
    ):
        total = ingest(
            stream,
            store,
            rejected=arguments.rejected,
            pseudonyms=pseudonyms,
            seconds=5.0,
            goes_on=(lambda anything: anything) if arguments.once else (lambda anything: True),
            progress=progress,
        )
    if arguments.json:
        output.print_json(asdict(total))
    else:
        print(f"{counted(total.accepted, 'event')}, {total.duplicates:,} known before, {total.rejected:,} rejected")
    return 0
