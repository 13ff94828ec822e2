"""Do lists follow what is bought, or what is looked at? A shop of views, carts and purchases whose truth is known.

    python -m benchmarks.funnel [--users 3000] [--seed 0] [--weights '{view=1.0,cart=2.0,purchase=4.0}' ...]

A quarter of the goods is looked at four times as often as the others, and never bought; of the others one to twelve in
a hundred views end in a purchase, and twice as many in a cart, within minutes. The shop is cut at nine tenths of its
events; lists made at the cut, without items that the user knows, are judged by the new items that the user then buys.
Texts are frozen, so that a run takes a minute or two. docs/experiments/learning.md has the figures.
"""

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.arguments import parser_of
from recsys import Recommender, Request, load_config, load_dataset, train
from recsys.data.requests.list_positions import discounts

_GOODS, _CATEGORIES, _DAYS = 1_200, 40, 60
_BEGUN = 1_750_000_000
_LISTED = 10
_KINDS = ("red", "blue", "small", "large", "old", "new", "fine", "plain")
USUAL = "{view=1.0,cart=2.0,purchase=4.0}"
OTHERS = ("{view=1.0,cart=2.0,purchase=100.0}", "{view=0.0,cart=1.0,purchase=3.0}")


def shop(n_users: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Items and events, in order of time."""
    rng = np.random.default_rng(seed)
    category = rng.integers(0, _CATEGORIES, _GOODS)
    for_show = rng.random(_GOODS) < 0.25
    appeal = rng.lognormal(0, 0.8, _GOODS) * np.where(for_show, 4, 1)
    bought = np.where(for_show, 0, rng.uniform(0.01, 0.12, _GOODS))
    items = pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(_GOODS)],
            "title": [f"{rng.choice(_KINDS)} thing{kind} {item}" for item, kind in enumerate(category)],
            "category": [f"thing{kind}" for kind in category],
        }
    )
    members = [np.flatnonzero(category == kind) for kind in range(_CATEGORIES)]
    chances = [appeal[own] / appeal[own].sum() for own in members]
    rows: list[tuple[str, str, str, int]] = []
    for user in range(n_users):
        likes, shares = rng.choice(_CATEGORIES, 3, replace=False), rng.dirichlet([1, 1, 1])
        for _ in range(rng.poisson(6)):
            time, kind = _BEGUN + int(rng.integers(0, _DAYS * 86_400)), likes[rng.choice(3, p=shares)]
            for item in rng.choice(members[kind], 1 + rng.poisson(3), p=chances[kind]):
                for event, chance in (("view", 1.0), ("cart", 2 * bought[item]), ("purchase", 0.5)):
                    if rng.random() >= chance:
                        break
                    time += int(rng.integers(20, 120))
                    rows.append((f"u{user}", f"i{item}", event, time))
    return items, pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row").sort("timestamp")


def judge(items: pl.DataFrame, events: pl.DataFrame, weights: str) -> str:
    """One row of the table: train on the events before the cut, and judge by those after it."""
    cut = events["timestamp"].quantile(0.9)
    past, later = events.filter(pl.col("timestamp") < cut), events.filter(pl.col("timestamp") >= cut)
    settings = ["text.budget_minutes=0", "data.max_requests=2500", "ranker.ablation=false", f"events.weights={weights}"]
    config = load_config(None, settings)
    with tempfile.TemporaryDirectory() as folder:
        items.write_parquet(Path(folder) / "items.parquet")
        past.write_parquet(Path(folder) / "events.parquet")
        bundle = train(load_dataset(folder, config), config)
    recommender, own = Recommender(bundle), bundle.report.metrics["ndcg@10"]["mean"]
    purchases, category = past.filter(pl.col("event") == "purchase"), dict(items.select("item_id", "category").rows())
    sold = purchases["item_id"].value_counts(sort=True)["item_id"].to_list()
    ever = set(events.filter(pl.col("event") == "purchase")["item_id"])
    known = dict(past.group_by("user_id").agg("item_id").rows())
    ours, theirs, idle = [], [], []
    wanted = later.filter(pl.col("event") == "purchase").group_by("user_id").agg(pl.col("item_id").unique())
    for user, bought in wanted.sort("user_id").iter_rows():
        seen = known.get(user, [])
        if not (new := set(bought) - set(seen)):
            continue
        counts = pl.Series([category[item] for item in seen], dtype=pl.String).value_counts(sort=True)
        liked = counts.to_series(0).to_list()[:2]
        listed = recommender.recommend(Request(user, n=_LISTED, policy={"seen": "exclude"})).ids
        simple = [item for item in sold if category[item] in liked and item not in seen][:_LISTED]
        ours.append(_ndcg(listed, new))
        theirs.append(_ndcg(simple, new))
        idle.append(np.mean([item not in ever for item in listed]))
    return (
        f"| `{weights}` | {np.mean(ours):.3f} | {np.mean(idle):.0%} | {np.mean(theirs):.3f} | "
        f"{'-' if own is None else f'{own:.3f}'} | {len(ours)} |"
    )


def _ndcg(listed: Sequence[str], wanted: Collection[str]) -> float:
    discount = discounts(np.arange(_LISTED))
    found = [position for position, item in enumerate(listed) if item in wanted]
    return float(discount[found].sum() / discount[: len(wanted)].sum())


def main() -> None:
    """Print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--users", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", nargs="+", default=[USUAL, *OTHERS], metavar="TABLE")
    arguments = parser.parse_args()
    items, events = shop(arguments.users, arguments.seed)
    print(", ".join(f"{n:,} {event}" for event, n in sorted(events["event"].value_counts().rows())))
    print("\n| `events.weights` | ndcg@10 | never bought | most bought of the user's categories | own report | users |")
    print("| --- | --- | --- | --- | --- | --- |")
    for weights in arguments.weights:
        print(judge(items, events, weights), flush=True)


if __name__ == "__main__":
    main()
