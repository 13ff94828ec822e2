"""`recsys simulate`: a shop with users whose tastes are known, around the real API: does retraining pay?"""

import argparse
import tempfile
from pathlib import Path

from recsys.cli import destinations, options, output
from recsys.cli.progress import ProgressLines

SETTINGS = (
    "text.peft=none",
    "text.budget_minutes=0.3",
    "text.max_tokens=32",
    "ranker.ablation=false",
    "data.max_requests=2000",
    "retrain.full_every=1",  # the log grows by a quarter each week: training from scratch costs as little as continuing
    "retrain.max_drift=1",  # what is shown changes as soon as lists are not random, and tastes shift
    "retrain.max_coverage_loss=0.9",
)
"""What differs from the defaults, so that weeks pass in minutes on two cores; `--set` comes after it."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys simulate DIR [--weeks N] [--users N] [--turn WEEK] [--work FOLDER] [--seed N] [--json] ...`."""
    parser = subparsers.add_parser("simulate", help="serve, log, retrain and promote in a shop of simulated users")
    parser.add_argument("directory", type=options.path, metavar="DIR", help="folder with items.*: the catalogue")
    parser.add_argument("--weeks", type=options.positive, default=8, metavar="N", help="simulated weeks (default 8)")
    parser.add_argument(
        "--users", type=options.positive, default=300, metavar="N", help="users at the start (default 300)"
    )
    parser.add_argument(
        "--visits", type=options.positive, default=3, metavar="N", help="weekly lists per user (default 3)"
    )
    parser.add_argument(
        "--items",
        type=options.positive,
        default=1_000,
        metavar="N",
        help="how many items of DIR to use at most (default 1000)",
    )
    parser.add_argument(
        "--turn", type=options.whole, default=5, metavar="WEEK", help="when tastes shift; 0: never (default 5)"
    )
    parser.add_argument("--work", type=options.path, metavar="FOLDER", help="keep registry, store and logs here")
    options.add_seed(parser)
    options.add_overrides(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Let the weeks pass, then say what they showed."""
    from recsys.config import load_config
    from recsys.simulation.arms import ARMS
    from recsys.simulation.catalogue import catalogue_of
    from recsys.simulation.verdict import rows, verdict
    from recsys.simulation.weeks import Plan, Simulation, check_unused

    destinations.check_folder("--work", arguments.work)
    if arguments.work is not None:
        check_unused(arguments.work)
    plan = Plan(weeks=arguments.weeks, users=arguments.users, visits=arguments.visits, shift_week=arguments.turn)
    config = load_config(None, (*SETTINGS, *arguments.overrides))
    with ProgressLines() as progress, tempfile.TemporaryDirectory() as folder:
        most_bad = config.data.max_rejected
        catalogue = catalogue_of(arguments.directory, arguments.items, arguments.seed, most_bad, progress)
        work = arguments.work or Path(folder)
        weeks = Simulation(catalogue, config, plan, work, arguments.seed, progress).run()
    found = verdict(weeks, plan.shift_week)
    if arguments.json:
        output.print_json(found)
        return 0
    output.print_table(["week", *ARMS, "retraining"], rows(found), title="clicks a list of ten")
    for other in ("popularity", "frozen"):
        test = found[f"against_{other}"]
        print(f"retrained {test['retrained']:.3f}, {other} {test[other]:.3f}: p = {test['p_value']:.2g}")
    for arm, share in found.get("recovery", {}).items():
        print(f"{arm}: the last week has {share:.0%} of the clicks of the week before tastes shifted")
    return 0
