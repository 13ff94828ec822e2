"""People who asked to be forgotten: their ids and events are taken out of what was learned from."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from recsys.data.interactions import InteractionLog
from recsys.data.vocabulary import Vocabulary

_NOBODY = "\udc00"
"""Half a surrogate pair: no text that comes from outside can hold it."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The mark that a user was forgotten: it outlives the user's events, and does not hold the id."""

    user_digest: str


def user_digest(user_id: str) -> str:
    """sha256 of a user id, hex: by it an id is found again, not read."""
    return hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()


def forgotten(users: Vocabulary, digests: Collection[str]) -> Vocabulary:
    """The vocabulary with the users' ids replaced by names that nobody has; the numbers of all others stay."""
    wanted = frozenset(digests)
    return nameless(users, [number for number in range(len(users)) if user_digest(users.id(number)) in wanted])


def nameless(users: Vocabulary, numbers: Collection[int]) -> Vocabulary:
    """The vocabulary with names that nobody has in place of the ids of some numbers."""
    return users.renamed({number: f"{_NOBODY}{number}" for number in numbers}) if numbers else users


def is_forgotten(id_: str) -> bool:
    """Whether this is the name that a forgotten user's number goes by."""
    return id_.startswith(_NOBODY)


def without_users(log: InteractionLog, digests: Collection[str]) -> InteractionLog:
    """The log without the users' events and ids; the users behind them get lower numbers."""
    wanted = frozenset(digests)
    ids = log.user_vocabulary.ids(range(log.n_users))
    stays = np.array([user_digest(id_) not in wanted for id_ in ids], dtype=bool)
    if stays.all():
        return log
    numbers = (np.cumsum(stays) - 1).astype(np.int32)
    kept = log.select(stays[log.users])
    vocabulary = Vocabulary([id_ for id_, stay in zip(ids, stays.tolist(), strict=True) if stay])
    return replace(kept, user_vocabulary=vocabulary, users=numbers[kept.users])
