"""Does a free text find what it names? Titles of known items, asked for as `context.query` of any version.

    python -m benchmarks.queries REGISTRY [--items 200]

Each title is asked for nobody in particular and for a known user, among all items that the policy may list, seen ones
included. The item itself should be first; others of the same title do not count against it.
"""

from pathlib import Path

import numpy as np

from benchmarks.arguments import parser_of
from recsys.data.requests.request import Request
from recsys.pipeline.recommender.recommend import Recommender

_EVENTS = 5
"""Fewest events of an item whose title is asked for."""


def main() -> None:
    """Parse, and print a line for each kind of user."""
    parser = parser_of(__doc__)
    parser.add_argument("registry", type=Path)
    parser.add_argument("--items", type=int, default=200, help="so many titles, drawn by chance")
    arguments = parser.parse_args()
    recommender = Recommender.load(arguments.registry)
    log, rng = recommender.bundle.log, np.random.default_rng(0)
    known = np.flatnonzero(np.bincount(log.items, minlength=log.n_items) >= _EVENTS)
    items = rng.choice(known, min(arguments.items, len(known)), replace=False)
    users = log.user_vocabulary.ids(rng.choice(log.n_users, len(items)))
    for name, asking in (("nobody in particular", [None] * len(items)), ("known users", users)):
        ranks = [rank_of(recommender, int(item), user) for item, user in zip(items, asking, strict=True)]
        found = np.mean([at <= 10 for at in ranks])
        print(f"{name}: median rank {np.median(ranks):.0f}, among the first ten {found:.0%} of {len(items)} titles")


def rank_of(recommender: Recommender, item: int, user: str | None) -> float:
    """How many other titles stand before the item when its title is asked for, plus one; infinite if not listed."""
    titles = recommender.catalogue.frame["title"]
    n = recommender.bundle.config.candidates.n
    request = Request(user, n=n, context={"query": titles[item]}, policy={"seen": "keep"})
    listed = recommender.catalogue.vocabulary.numbers(recommender.recommend(request).ids).tolist()
    if item not in listed:
        return float("inf")
    return float(1 + sum(titles[other] != titles[item] for other in listed[: listed.index(item)]))


if __name__ == "__main__":
    main()
