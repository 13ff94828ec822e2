"""How much does a user table help? A shop where town and age decide what users like, and a third of them are new.

    python -m benchmarks.profiles [--seed 0]

Lists are judged by the true probabilities with which their user chooses the listed items, as a share of the ten best
ones. Texts are frozen; a run takes a minute. docs/experiments/newcomers.md has the figures.
"""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.arguments import parser_of
from recsys import Recommender, Request, load_config, load_dataset, train

_GOODS, _KNOWN, _NEW, _TOWNS, _DAYS, _LISTED = 400, 1_000, 500, 8, 60, 10
_BEGUN = 1_750_000_000
_SETTINGS = ("text.budget_minutes=0", "ranker.ablation=false")


def shop(seed: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, NDArray[np.float64]]:
    """Items, events, users, and (n_users, n_items) the chance with which each user chooses each item."""
    rng, n_users = np.random.default_rng(seed), _KNOWN + _NEW
    town, age, plan = (rng.integers(low, high, n_users) for low, high in ((0, _TOWNS), (18, 80), (0, 3)))
    of_town, of_age = rng.integers(0, _TOWNS, _GOODS), 18 + 60 * rng.random(_GOODS)
    liked = rng.lognormal(0, 1, _GOODS) * np.where(of_town == town[:, None], 8, 1)
    liked *= np.exp(-(((of_age - age[:, None]) / 15) ** 2))
    chances = liked / liked.sum(axis=1, keepdims=True)
    events = [
        (f"u{user}", f"i{item}", "click", _BEGUN + int(rng.integers(0, _DAYS * 86_400)))
        for user in range(_KNOWN)
        for item in rng.choice(_GOODS, rng.poisson(6), p=chances[user])
    ]
    ids = [f"u{user}" for user in range(n_users)]
    users = pl.DataFrame({"user_id": ids, "town": [f"t{one}" for one in town], "age": age, "plan": plan})
    items = pl.DataFrame({"item_id": [f"i{item}" for item in range(_GOODS)]}).with_columns(title="item_id")
    log = pl.DataFrame(events, ["user_id", "item_id", "event", "timestamp"], orient="row").sort("timestamp")
    return items, log, users, chances


def main() -> None:
    """Print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--seed", type=int, default=0)
    items, log, users, chances = shop(parser.parse_args().seed)
    best = np.sort(chances, axis=1)[:, -_LISTED:].sum(axis=1)
    popular = log["item_id"].value_counts(sort=True)["item_id"].head(_LISTED)
    ranked = popular.str.slice(1).cast(pl.Int64).to_numpy()
    shares = chances[:, ranked].sum(axis=1) / best
    print("| lists | new users | known users | own report, ndcg@10 |\n| --- | --- | --- | --- |")
    print(f"| most popular | {shares[_KNOWN:].mean():.2f} | {shares[:_KNOWN].mean():.2f} | |")
    for name in ("without users.csv", "with users.csv"):
        with tempfile.TemporaryDirectory() as folder:
            items.write_parquet(Path(folder) / "items.parquet")
            log.write_parquet(Path(folder) / "events.parquet")
            if name == "with users.csv":
                users.write_csv(Path(folder) / "users.csv")
            config = load_config(None, _SETTINGS)
            bundle = train(load_dataset(folder, config), config)
        lists = Recommender(bundle).recommend_many([Request(user, n=_LISTED) for user in users["user_id"]])
        numbers = [[int(item[1:]) for item in one.ids] for one in lists]
        worth = np.array([own[one].sum() for own, one in zip(chances, numbers, strict=True)]) / best
        own = bundle.report.metrics["ndcg@10"]["mean"]
        print(f"| {name} | {worth[_KNOWN:].mean():.2f} | {worth[:_KNOWN].mean():.2f} | {own:.3f} |", flush=True)


if __name__ == "__main__":
    main()
