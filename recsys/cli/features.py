"""`recsys features`: which columns the ranker sees, and what they look like on a data set."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from recsys.cli import options, output
from recsys.cli.progress import ProgressLines

if TYPE_CHECKING:
    from features.declarations import Feature


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys features list | show NAME | stats DIR [--config FILE] [--set KEY=VALUE ...] [--json]`."""
    parser = subparsers.add_parser("features", help="list the ranker's features, or show their values on a data set")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, run, summary in (
        ("list", _list, "every feature of the config: name, group, scope, kind, meaning"),
        ("show", _show, "everything about one feature"),
        (
            "stats",
            _stats,
            "features in the rows of a training: coverage, distribution, drift from the ranker window to the test",
        ),
    ):
        action = actions.add_parser(name, help=summary)
        if name == "show":
            action.add_argument("name", metavar="NAME", help="a feature's name")
        if name == "stats":
            action.add_argument(
                "directory", type=options.location, metavar="DIR", help="folder (or URL) with items.* and events.*"
            )
        options.add_config(action)
        options.add_json(action)
        action.set_defaults(run=run)


def _list(arguments: argparse.Namespace) -> int:
    from features.configured import configured

    features = [_described(feature) for feature in configured(options.read_config(arguments).features)]
    if arguments.json:
        output.print_json({"features": features})
        return 0
    columns = ("name", "group", "scope", "kind", "meaning")
    output.print_table(columns, [[row[column] for column in columns] for row in features])
    return 0


def _show(arguments: argparse.Namespace) -> int:
    import difflib
    import inspect

    from features.configured import configured
    from recsys.errors import ConfigError

    features = {feature.name: feature for feature in configured(options.read_config(arguments).features)}
    if arguments.name not in features:
        nearest = difflib.get_close_matches(arguments.name, features, n=1, cutoff=0.0)
        raise ConfigError(f"there is no feature {arguments.name!r}; the nearest is {nearest[0]!r}")
    feature = features[arguments.name]
    how, _, _ = inspect.cleandoc(type(feature.kind).__doc__ or "").partition("\n\nRaises:")
    described = {**_described(feature), "how": how}
    if arguments.json:
        output.print_json(described)
        return 0
    for key, value in described.items():
        print(f"{key}: {value}")
    return 0


def _stats(arguments: argparse.Namespace) -> int:
    from recsys.eval.results import SHIFTED
    from recsys.pipeline.training.feature_report import feature_report

    config = options.read_config(arguments)
    with ProgressLines() as progress:
        dataset = options.read_data(arguments.directory, config, progress)
        found = feature_report(dataset, config, progress=progress)
    if arguments.json:
        output.print_json({"features": [asdict(one) for one in found]})
        return 0
    rows = [
        [
            one.name,
            f"{one.coverage:.1%}",
            f"{one.newer_coverage:.1%}",
            *(f"{value:.4g}" for value in (one.low, one.median, one.high)),
            f"{one.drift:.3f}{' *' if one.drift >= SHIFTED else ''}",
        ]
        for one in found
    ]
    columns = ("feature", "coverage", "in the test", "5 %", "median", "95 %", "drift")
    output.print_table(columns, rows, title=f"ranker window; drift to the test window (* {SHIFTED} or more)")
    return 0


def _described(feature: "Feature") -> dict[str, Any]:
    return {
        "name": feature.name,
        "group": feature.group,
        "scope": feature.scope,
        "kind": repr(feature.kind),
        "meaning": feature.meaning,
    }
