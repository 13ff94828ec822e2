"""Ranked lists for people and programs: with titles and reasons."""

from dataclasses import asdict
from typing import Any

from recsys.cli import output
from recsys.moments import day_of, iso_time
from recsys.pipeline.recommender.item_list import ItemList
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.recommender.user_lookup import history_of, profile_of

_HISTORY = 5

_WIDE = 120
"""Characters of a terminal from which on the parts of a score are shown beside the reasons."""


def print_user(recommender: Recommender, user_id: str, ranked: ItemList) -> None:
    """Print what a user did last, and an explained list with titles, the parts of each score, and reasons."""
    history = history_of(recommender, user_id, _HISTORY)
    if history:
        rows = [[day_of(time), event, _title(recommender, item)] for item, event, time in reversed(history)]
        output.print_table(["when", "event", "item"], rows, title=f"user {user_id}: the newest of what is known")
    profile = [f"{column} {', '.join(values)}" for column, values in profile_of(recommender, user_id).items()]
    if profile:
        print(f"user {user_id}, by the table of users: {'; '.join(profile)}")
    if not history and not profile:
        print(f"user {user_id!r} is not known; the list is one for a newcomer")
    narrow = output.is_narrow(_WIDE)
    parts = [] if narrow else ["text", "collab.", "behav.", "context"]
    rows = [
        [
            str(rank),
            _title(recommender, item),
            f"{chance:.3f}",
            *(f"{part:+.2f}" for part in (why.text, why.collaborative, why.behaviour, why.context)[: len(parts)]),
            "; ".join(why.reasons[:2]),
        ]
        for rank, (item, chance, why) in enumerate(
            zip(ranked.ids, ranked.p_click.tolist(), ranked.explain(), strict=True), start=1
        )
    ]
    title = f"list of user {user_id!r}; p: chance of interest"
    title += "" if narrow else "; text to context: what each part adds to the score"
    columns = ["", "item", "p", *parts, "why"]
    output.print_table(columns, rows, title=title)


def user_as_json(recommender: Recommender, user_id: str, ranked: ItemList) -> dict[str, Any]:
    """What `print_user` prints, for programs."""
    items = [
        {
            "item_id": item,
            "title": _title(recommender, item),
            "rank": rank,
            "score": float(ranked.scores[rank - 1]),
            "p_click": float(ranked.p_click[rank - 1]),
            "p_purchase": float(ranked.p_purchase[rank - 1]),
            "sources": list(ranked.sources[rank - 1]),
            "explanation": asdict(why),
        }
        for rank, (item, why) in enumerate(zip(ranked.ids, ranked.explain(), strict=True), start=1)
    ]
    history = [
        {"item_id": item, "event": event, "timestamp": iso_time(time)}
        for item, event, time in history_of(recommender, user_id)
    ]
    return {
        "model_version": ranked.model_version,
        "user_id": user_id,
        "profile": profile_of(recommender, user_id),
        "history": history,
        "items": items,
    }


def _title(recommender: Recommender, item_id: str) -> str:
    catalogue = recommender.catalogue
    title = catalogue.frame["title"][catalogue.vocabulary.number(item_id)]
    return str(title)[:60] if title else item_id
