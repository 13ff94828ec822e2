"""`recsys models`: which versions there are, which one is served, why, and changing that."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.cli import destinations, options, output

if TYPE_CHECKING:
    from recsys.registry import Registry


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys models list | show V | promote V | rollback | diff A B | history | push URL | pull URL ...`."""
    parser = subparsers.add_parser("models", help="list, compare, promote and roll back trained versions")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_action(actions, "list", _list, "all versions, oldest first")
    _add_action(actions, "show", _show, "the manifest of a version, after checking its files", "version")
    _add_action(
        actions, "promote", _promote, "make a version current, so that it is served", "version", why="promoted by hand"
    )
    _add_action(
        actions, "rollback", _rollback, "make the version current that was served before", why="rolled back by hand"
    )
    _add_action(actions, "diff", _diff, "what differs between two versions", "first", "second")
    for name, action, summary in (
        ("push", _push, "copy a version to a registry at a URL (s3://...) and make it current there"),
        ("pull", _pull, "copy a version from a registry at a URL and make it current"),
    ):
        moved = _add_action(actions, name, action, summary)
        moved.add_argument(
            "url", type=_url, metavar="URL", help="URL of the other registry; needs fsspec's library for it"
        )
        moved.add_argument("--version", metavar="V", help="a version's name (default: the current one)")
    history = _add_action(actions, "history", _history, "what was promoted, rolled back, refused and skipped, and why")
    history.add_argument("--report", type=Path, metavar="FILE.html", help="also write it as a page, with all checks")


def run(arguments: argparse.Namespace) -> int:
    """Open the registry and run the chosen action."""
    from recsys.errors import BundleError
    from recsys.registry import Registry

    registry = Registry(arguments.registry)
    if not registry.is_there and arguments.action is not _pull:
        raise BundleError(f"there is no registry at {registry.path}; `recsys train` makes one")
    arguments.action(registry, arguments)
    return 0


def _add_action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    action: Any,
    summary: str,
    *versions: str,
    why: str | None = None,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary)
    for version in versions:
        parser.add_argument(version, metavar="V", help="a version's name")
    if why is not None:
        parser.add_argument(
            "--why",
            type=options.word,
            default=why,
            metavar="TEXT",
            help=f"reason, kept in the history (default: {why})",
        )
    options.add_registry(parser)
    options.add_json(parser)
    parser.set_defaults(run=run, action=action)
    return parser


def _url(text: str) -> str:
    """A place, for argparse, without slashes at its end. An empty one would be the current folder."""
    url = text.rstrip("/")
    if not url:
        raise argparse.ArgumentTypeError(f"{text!r} names no folder of a registry; write one, such as s3://bucket/reg")
    return url


def _list(registry: "Registry", arguments: argparse.Namespace) -> None:
    from dataclasses import asdict

    from recsys.registry import summary_of

    versions = registry.versions()
    current, problem = _current(registry)
    found = [summary_of(registry, version) for version in versions]
    if arguments.json:
        rows = [{**asdict(one), "current": one.version == current} for one in found]
        output.print_json({"current": current, "problem": problem, "versions": rows})
        return
    columns = ["", "version", "created", "events", "items", "problem"]
    cells = [
        (
            "*" if one.version == current else "",
            one.version,
            f"{one.created_at:%Y-%m-%d %H:%M:%S}" if one.created_at is not None else "",
            *map(_text, (one.events, one.items, one.problem)),
        )
        for one in found
    ]
    output.print_table(columns, cells, title=str(registry.path))
    if problem is not None:
        print(problem, file=sys.stderr)


def _current(registry: "Registry") -> tuple[str | None, str | None]:
    """The current version, and what is wrong with that: a damaged registry is shown as far as it can be read."""
    from recsys.errors import BundleError

    versions = registry.versions()
    try:
        current = registry.current()
    except BundleError as error:
        return None, str(error)
    if current is None and versions:
        return None, f"no version of {registry.path} is current; promote one"
    if current is not None and current not in versions:
        return current, f"{registry.current_file} names version {current}, which is not there; promote another one"
    return current, None


def _show(registry: "Registry", arguments: argparse.Namespace) -> None:
    from recsys.moments import moment_of
    from recsys.registry.compare import flat

    registry.path_of(arguments.version)
    manifest = registry.manifest(arguments.version).model_dump(mode="json")
    if arguments.json:
        output.print_json(manifest)
        return
    files = manifest.pop("files")
    manifest["files"] = f"{len(files)}, {sum(file['size'] for file in files.values()) / 1e6:.1f} MB, all checked"
    manifest["data"] |= {end: f"{moment_of(manifest['data'][end]):%Y-%m-%d %H:%M:%S} UTC" for end in ("start", "end")}
    output.print_table(["key", "value"], [(key, _text(value)) for key, value in flat(manifest)])


def _promote(registry: "Registry", arguments: argparse.Namespace) -> None:
    registry.promote(arguments.version, arguments.why)
    _say_current(registry, arguments)


def _rollback(registry: "Registry", arguments: argparse.Namespace) -> None:
    registry.rollback(arguments.why)
    _say_current(registry, arguments)


def _push(registry: "Registry", arguments: argparse.Namespace) -> None:
    from recsys.registry.remote import push

    version = push(registry, arguments.version, arguments.url)
    if arguments.json:
        output.print_json({"pushed": version})
    else:
        print(f"version {version} is current at {arguments.url}")


def _pull(registry: "Registry", arguments: argparse.Namespace) -> None:
    from recsys.registry.remote import pull

    pull(registry, arguments.version, arguments.url)
    _say_current(registry, arguments)


def _say_current(registry: "Registry", arguments: argparse.Namespace) -> None:
    if arguments.json:
        output.print_json({"current": registry.current()})
    else:
        print(f"current version: {registry.current()}")


def _diff(registry: "Registry", arguments: argparse.Namespace) -> None:
    from recsys.registry.compare import differences

    found = differences(registry.manifest(arguments.first), registry.manifest(arguments.second))
    if arguments.json:
        changed = {key: {"first": first, "second": second} for key, (first, second) in found.items()}
        output.print_json({"first": arguments.first, "second": arguments.second, "differences": changed})
        return
    if not found:
        print(f"nothing differs between the manifests of {arguments.first} and {arguments.second}, except their files")
        return
    rows = [(key, _text(first), _text(second)) for key, (first, second) in found.items()]
    output.print_table(["key", arguments.first, arguments.second], rows)


def _history(registry: "Registry", arguments: argparse.Namespace) -> None:
    from recsys.registry.history_page import headline, write_history

    destinations.check_file("--report", arguments.report)
    current, problem = _current(registry)
    entries = registry.decisions_so_far() if current is None else registry.decisions()
    if arguments.report is not None:
        with destinations.written_whole("--report", arguments.report) as page:
            write_history(page, entries, str(registry.path))
    if arguments.json:
        output.print_json({"problem": problem, "history": [entry.model_dump(mode="json") for entry in entries]})
        return
    rows = [(f"{entry.at:%Y-%m-%d %H:%M:%S}", headline(entry), entry.why) for entry in entries]
    output.print_table(["time (UTC)", "decision", "why"], rows, title=str(registry.path))
    if problem is not None:
        print(problem, file=sys.stderr)


def _text(value: Any) -> str:
    """A value in one cell."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
