"""Forgetting users: their ids and events are removed from what was learned from."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.log.interactions import InteractionLog

_NOBODY = "\udc00"
"""Half a surrogate pair: no text that comes from outside can hold it."""


_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The mark that a user was forgotten: it outlives the user's events, and does not hold the id."""

    user_digest: str


def user_digest(user_id: str) -> str:
    """sha256 of a user id, hex: an id can be recognised by it, but not read from it."""
    return hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()


class DigestIndex:
    """Numbers of users by the digests of their ids, 12 bytes a user, so that users to be forgotten are found without
    hashing each id. It stays valid when its vocabulary is extended, or users get other names.
    """

    def __init__(self, users: Vocabulary) -> None:
        heads = np.array([_head(user_digest(users.id(number))) for number in range(len(users))], dtype=np.uint64)
        self._order = np.argsort(heads, kind="stable").astype(np.int32)  # (n_users,)
        self._heads = heads[self._order]  # (n_users,)

    def numbers(self, users: Vocabulary, digests: Collection[str]) -> list[int]:
        """The numbers of the users with these digests; `users` is the vocabulary of today."""
        wanted = frozenset(filter(_DIGEST.fullmatch, digests))  # others, which another program stored, are nobody's
        heads = np.array([_head(digest) for digest in wanted], dtype=np.uint64)
        indices = zip(np.searchsorted(self._heads, heads), np.searchsorted(self._heads, heads, "right"), strict=True)
        alike = [int(number) for first, end in indices for number in self._order[first:end]]
        since = range(len(self._order), len(users))
        return [number for number in (*alike, *since) if user_digest(users.id(number)) in wanted]


def _head(digest: str) -> int:
    """The first 64 bits of a digest in hex."""
    return int(digest[:16], 16)


def forgotten(users: Vocabulary, digests: Collection[str], index: DigestIndex) -> Vocabulary:
    """The vocabulary with the users' ids replaced by names that nobody has; the numbers of all others stay.

    Args:
        index: of the users, or of the first of them.
    """
    return nameless(users, index.numbers(users, digests))


def nameless(users: Vocabulary, numbers: Collection[int]) -> Vocabulary:
    """The vocabulary with the ids of some numbers replaced by names that nobody has."""
    return users.renamed({number: f"{_NOBODY}{number}" for number in numbers}) if numbers else users


def is_forgotten(id_: str) -> bool:
    """Whether this is the name of a forgotten user's number."""
    return id_.startswith(_NOBODY)


def without_users(log: InteractionLog, digests: Collection[str]) -> InteractionLog:
    """The log without the users' events and ids; the users behind them get lower numbers."""
    wanted = frozenset(digests)
    ids = list(log.user_vocabulary)
    stays = np.array([user_digest(id_) not in wanted for id_ in ids], dtype=bool)
    if stays.all():
        return log
    numbers = (np.cumsum(stays) - 1).astype(np.int32)
    kept = log.select(stays[log.users])
    vocabulary = Vocabulary([id_ for id_, stay in zip(ids, stays.tolist(), strict=True) if stay])
    return replace(kept, user_vocabulary=vocabulary, users=numbers[kept.users])
