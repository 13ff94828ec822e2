"""A small shop with two tastes, and what a command line did."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

_THINGS = {
    "garden": ("spade", "watering can", "rose seeds", "compost", "hedge shears", "flower pot", "lawn rake", "trowel"),
    "kitchen": ("frying pan", "bread knife", "tea kettle", "soup ladle", "baking tray", "whisk", "salt mill", "wok"),
}
_KINDS = ("small", "steel", "classic", "red")


@dataclass(frozen=True)
class Outcome:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        answer: dict[str, object] = json.loads(self.out)
        return answer


Run = Callable[..., Outcome]


def shop_items() -> pl.DataFrame:
    """64 items, half for the garden, half for the kitchen."""
    rows = [
        (f"{taste[0]}{number}", f"{kind} {thing}", taste, 2.0 + number)
        for taste, things in _THINGS.items()
        for number, (kind, thing) in enumerate((kind, thing) for kind in _KINDS for thing in things)
    ]
    return pl.DataFrame(rows, schema=["item_id", "title", "category", "price"], orient="row")


def shop_events(n_users: int = 60, each: int = 14) -> pl.DataFrame:
    """Purchases over half a year; nine in ten are to the user's taste."""
    random = np.random.default_rng(7)
    items = shop_items()
    tastes = items["category"].unique(maintain_order=True).to_list()
    by_taste = {taste: items.filter(category=taste)["item_id"].to_list() for taste in tastes}
    start, day = 1_700_000_000, 86_400
    rows = []
    for user in range(n_users):
        liked, other = (by_taste[tastes[(user + shift) % 2]] for shift in (0, 1))
        for time in np.sort(random.integers(0, 180 * day, each)):
            pool = liked if random.random() < 0.9 else other
            rows.append((f"u{user}", pool[random.integers(len(pool))], "purchase", start + int(time)))
    return pl.DataFrame(rows, schema=["user_id", "item_id", "event", "timestamp"], orient="row")


def write_shop(folder: Path) -> Path:
    """The shop as a dataset directory of two CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    shop_items().write_csv(folder / "items.csv")
    shop_events().write_csv(folder / "events.csv")
    return folder
