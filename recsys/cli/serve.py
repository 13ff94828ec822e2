"""`recsys serve`: the online API."""

import argparse
from pathlib import Path

from recsys.cli import options

_READS = ("serving.", "data.unknown_items", "privacy.pseudonymise")
"""Keys that a server reads; the others are of the version."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys serve --registry REG [--store URL] [--host H] [--port P] [--workers W] [--config FILE] [--set K=V]`"""
    parser = subparsers.add_parser("serve", help="answer over HTTP from the current version, and take in events")
    options.add_registry(parser)
    parser.add_argument(
        "--store",
        metavar="URL",
        action="append",
        default=[],
        help="events and items: sqlite:///FILE (default: REG/store.db), postgresql://... or redis://...; "
        "a second one, redis://..., shares live events between several servers",
    )
    parser.add_argument("--host", metavar="H", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=options.whole, metavar="P", help="port to listen on; 0 takes a free one (default: 8000)"
    )
    parser.add_argument("--workers", type=options.positive, default=1, metavar="W", help="processes (default: 1)")
    options.add_config(parser, "serving.threads=4")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until it is stopped."""
    from recsys.config import parse_config
    from serving.server import run as serve
    from serving.settings import Settings

    tree = options.read_config(arguments, _READS).model_dump()
    for name in ("host", "port"):
        if (value := getattr(arguments, name)) is not None:
            tree["serving"][name] = value
    registry: Path = arguments.registry
    return serve(Settings.of(parse_config(tree), registry, *arguments.store), arguments.workers)
