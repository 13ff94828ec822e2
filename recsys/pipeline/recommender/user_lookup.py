"""What a recommender knows about its users, for people who look them up."""

import numpy as np

from recsys.pipeline.recommender.recommend import Recommender

_MOST_COMPARED = 1_000
"""Most users that a search compares."""


def history_of(recommender: Recommender, user_id: str, n: int = 100) -> list[tuple[str, str, int]]:
    """The newest `n` events of a user: (item_id, event, microseconds), oldest first; empty for an unknown user."""
    users = np.array([recommender.users.number(user_id)], dtype=np.int32)
    history = recommender.scoring.histories(users, np.array([recommender.now()]), n)
    items = recommender.catalogue.vocabulary.ids(history.items)
    names = [recommender.event_names[event] for event in history.events]
    return list(zip(items, names, history.times.tolist(), strict=True))


def profile_of(recommender: Recommender, user_id: str) -> dict[str, list[str]]:
    """What the user table says of a user now, by column, see `UserProfiles.of_user`."""
    profiles, id_ = recommender.scoring.sources.user_profiles, recommender.users.remembered_id(user_id)
    found: dict[str, list[str]] = {}
    attributes = [] if profiles is None or id_ is None else profiles.of_user(id_, recommender.now())
    for column, value in attributes:
        found.setdefault(column, []).append(value)
    return found


def users_like(recommender: Recommender, text: str, n: int) -> list[tuple[str, int]]:
    """At most `n` users whose id contains a text, whatever the case: (user_id, number of known events).

    The id that equals the text comes first, then ids that begin with it, the most active users first. Only the first
    `_MOST_COMPARED` matches and the exact one are considered. Empty where users are known by pseudonyms.
    """
    found = recommender.users.find(text, _MOST_COMPARED)
    if not found:
        return []
    numbers, now = np.array(list(found), dtype=np.int32), np.full(len(found), recommender.now())
    lengths = recommender.scoring.histories(numbers, now).lengths
    best = np.lexsort((-lengths, np.array(list(found.values()))))[:n]
    return list(zip(recommender.users.vocabulary.ids(numbers[best].tolist()), lengths[best].tolist(), strict=True))
