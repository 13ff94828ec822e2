"""Who is forgotten is found by a digest, whatever became of the vocabulary since."""

from typing import Any

import pytest

from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.users import forget
from recsys.data.users.forget import DigestIndex, forgotten, is_forgotten, user_digest

USERS = [f"user {number}" for number in range(1_000)]


def test_users_are_found_among_those_of_the_index_and_those_since() -> None:
    first = Vocabulary(USERS)
    index = DigestIndex(first)
    users = first.extended(["late", "later"])
    digests = [user_digest(id_) for id_ in ("user 0", "user 999", "later", "nobody")]
    left = forgotten(users, digests, index)
    assert [number for number in range(len(left)) if is_forgotten(left.id(number))] == [0, 999, 1_001]
    assert [left.number(id_) for id_ in ("user 0", "user 999", "later", "user 1", "late")] == [-1, -1, -1, 1, 1_000]


def test_who_came_back_is_found_under_the_new_number() -> None:
    index = DigestIndex(Vocabulary(USERS))
    once = forgotten(Vocabulary(USERS), [user_digest("user 7")], index)
    back = once.extended(["user 7"])
    assert index.numbers(back, [user_digest("user 7")]) == [1_000]
    assert index.numbers(once, [user_digest("user 7")]) == []


def test_an_index_of_nobody_finds_nobody() -> None:
    users = Vocabulary([])
    assert forgotten(users, [user_digest("u")], DigestIndex(users)) is users
    assert DigestIndex(users).numbers(users, []) == []


def test_forgetting_one_user_hashes_few_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    users = Vocabulary(USERS)
    index, hashed = DigestIndex(users), []

    def told(user_id: str) -> Any:
        hashed.append(user_id)
        return user_digest(user_id)

    monkeypatch.setattr(forget, "user_digest", told)
    assert forgotten(users, [user_digest("user 500")], index).number("user 500") == -1
    assert hashed == ["user 500"]


@pytest.mark.parametrize("digest", ["", "nonsense", "٣" * 64, user_digest("user 7").upper(), "-" + "0" * 63])
def test_what_is_no_digest_is_nobodys_and_stops_nothing(digest: str) -> None:
    """Another program may have written into the store's table."""
    assert DigestIndex(Vocabulary(USERS)).numbers(Vocabulary(USERS), [digest, user_digest("user 7")]) == [7]
