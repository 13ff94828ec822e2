"""Does retraining pay? Simulated weeks through the real server, and off-policy estimates compared with the truth.

    python -m benchmarks.simulation [--data ../shared/data/scientific] [--items 4000] [--weeks 6] [--turn 4]
                                   [--users 800] [--runs 50]

First the weeks of `recsys simulate`: clicks with retraining rise until tastes shift, beat popularity, and come back
after the turn where those of the frozen version do not. Then come `--runs` runs in which a version explores at half of
its positions, users whose tastes are known click, and IPS, SNIPS and DR estimate from the log what the version's lists
would have earned without exploring: their 95 % intervals should hold the true value nine times out of ten.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.arguments import parser_of, print_progress, real_data
from recsys.cli.simulate import SETTINGS
from recsys.config import load_config
from recsys.data.events.event_batch import log_of_events
from recsys.data.requests.request import Request
from recsys.eval.offpolicy import OffPolicy, off_policy
from recsys.moments import moment_of
from recsys.pipeline.evaluation.evaluate import pipeline_of
from recsys.pipeline.evaluation.logged import logged_placements
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.registry import Registry
from recsys.simulation.arms import ARMS, Week, user_id_of
from recsys.simulation.catalogue import catalogue_of
from recsys.simulation.verdict import rows, verdict
from recsys.simulation.weeks import LIST_LENGTH, Plan, Simulation

_EXPLORING = {"exploration": 0.3, "explored_places": LIST_LENGTH // 2}
_LISTS = 200
ESTIMATES = ("ips", "snips", "dr")


def main() -> None:
    """Parse, simulate, print tables and verdicts."""
    parser = parser_of(__doc__)
    data = real_data()
    parser.add_argument("--data", type=Path, default=data / "scientific", metavar="DIR", help="folder with items.*")
    parser.add_argument("--items", type=int, default=4_000, help="most items of it")
    parser.add_argument("--weeks", type=int, default=6, help="0: only the estimates")
    parser.add_argument("--turn", type=int, default=4, metavar="WEEK")
    parser.add_argument("--users", type=int, default=800)
    parser.add_argument("--runs", type=int, default=50, help="of estimates; 0: none")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    most_bad = load_config(None, SETTINGS).data.max_rejected
    catalogue = catalogue_of(arguments.data, arguments.items, arguments.seed, most_bad, print_progress)
    with tempfile.TemporaryDirectory() as folder:

        def shop(name: str, weeks: int) -> Simulation:
            plan = Plan(weeks=weeks, users=arguments.users, shift_week=arguments.turn)
            return Simulation(
                catalogue, load_config(None, SETTINGS), plan, Path(folder, name), arguments.seed, print_progress
            )

        if arguments.weeks:
            print("\n".join(of_weeks(shop("weeks", arguments.weeks).run(), arguments.turn)), flush=True)
        if arguments.runs:
            print("\n".join(of_estimates(estimates(shop("estimates", 1), arguments.runs))), flush=True)


def of_weeks(weeks: Sequence[Week], turn: int) -> Iterator[str]:
    """Table and verdicts of the weeks."""
    found = verdict(weeks, turn)
    yield f"| week | {' | '.join(ARMS)} | retraining |"
    yield "| --- |" + " --- |" * (len(ARMS) + 1)
    for row in rows(found):
        yield f"| {' | '.join(row)} |"
    yield ""
    for other in ("popularity", "frozen"):
        test = found[f"against_{other}"]
        words = f"retrained {test['retrained']:.3f}, {other} {test[other]:.3f} clicks a list, p = {test['p_value']:.2g}"
        yield _said(f"beats {other}", test["p_value"] < 0.01, words)
    calm = [week.rate("retrained") for week in weeks if not turn or week.number < turn]
    yield _said("clicks rise with retraining", calm[-1] > calm[0], f"{calm[0]:.3f} to {calm[-1]:.3f} before the turn")
    if "recovery" in found:
        back = found["recovery"]
        after = found["against_frozen_after_the_turn"]
        words = ", ".join(f"{arm} {share:.0%}" for arm, share in back.items())
        words += f" of the clicks before it; after it p = {after['p_value']:.2g} against frozen"
        yield _said("recovers after the turn", back["retrained"] > back["frozen"] and after["p_value"] < 0.01, words)


def estimates(shop: Simulation, runs: int) -> Iterator[tuple[OffPolicy, float]]:
    """For each run the estimates, from its log, for lists without exploration, and what a position really earns."""
    registry = Registry(shop.folder / "registry")
    shop.first_version(registry)
    bundle = Bundle.load(registry)
    recommender, numbers = Recommender(bundle), bundle.catalogue.vocabulary
    ids = shop.catalogue.frame["item_id"].to_list()
    indices = {id_: index for index, id_ in enumerate(ids)}
    known, random = shop.world.known.copy(), np.random.default_rng(shop.seed)
    start = int(bundle.log.times[-1]) + 1
    pipeline = pipeline_of(bundle, recommender.scoring, bundle.log.user_vocabulary)
    for run in range(runs):
        users = random.choice(len(shop.world.users), min(_LISTS, len(shop.world.users)), replace=False).tolist()
        requests = [Request(user_id_of(user), n=LIST_LENGTH, time=start + index) for index, user in enumerate(users)]
        events, earned = [], []
        exploring = [
            Request(one.user_id, n=LIST_LENGTH, time=one.time, request_id=f"{run} {one.user_id}", policy=_EXPLORING)
            for one in requests
        ]
        pairs = zip(recommender.recommend_many(requests), recommender.recommend_many(exploring), strict=True)
        for index, (user, (own, shown)) in enumerate(zip(users, pairs, strict=True)):
            earned.append(
                shop.world.value(user, np.array([indices[id_] for id_ in own.ids], dtype=np.int32)) / LIST_LENGTH
            )
            items = np.array([indices[id_] for id_ in shown.ids], dtype=np.int32)
            assert shown.propensities is not None, "the list explores"
            events += shop.show(user, items, moment_of(start + index), shown.propensities.tolist())[0]
        shop.world.known[:] = known
        learned, weights = bundle.log, bundle.config.events
        window, _ = log_of_events(events, numbers, learned.user_vocabulary, learned.event_names, weights)
        logged = logged_placements(pipeline, window, _LISTS, run)
        assert logged is not None, "propensities were logged"
        yield off_policy(logged, seed=run), float(np.mean(earned))


def of_estimates(found: Iterator[tuple[OffPolicy, float]]) -> Iterator[str]:
    """Verdicts over the runs."""
    runs = list(found)
    truths = np.array([truth for _, truth in runs])
    yield f"\nclicks a position of the lists without exploration, {len(runs)} runs: truth {np.mean(truths):.4f}"
    for name in ESTIMATES:
        low, mean, high = np.array([[getattr(one, name)[key] for key in ("low", "mean", "high")] for one, _ in runs]).T
        held = int(np.sum((low <= truths) & (truths <= high)))
        words = (
            f"mean {mean.mean():.4f}, intervals {np.mean(high - low):.4f} wide, the truth is in {held} of {len(runs)}"
        )
        yield _said(name.upper(), held >= 0.9 * len(runs), words)


def _said(what: str, holds: bool, words: str) -> str:
    return f"{'yes' if holds else 'NO '}  {what}: {words}"


if __name__ == "__main__":
    main()
