"""A cursor carries what was shown, belongs to one list, and survives nothing else."""

import base64

import orjson
import pytest

from serving.errors import ProblemError
from serving.lists.cursor import next_cursor, shown_before
from serving.schemas.lists import MAX_CURSOR, RankRequest, RecommendRequest
from serving.schemas.values import MAX_IDS


def test_a_cursor_brings_back_what_was_shown() -> None:
    request = RecommendRequest(user_id="u", filter={"category": ["a"]})
    assert shown_before(request) == []
    shown = ["i1", "é/?", "中文", "🎈"]
    cursor = next_cursor(request, shown)
    assert shown_before(request.model_copy(update={"cursor": cursor})) == shown
    assert shown_before(request.model_copy(update={"cursor": cursor, "n": 3, "explain": True})) == shown


@pytest.mark.parametrize(
    "change",
    [{"user_id": "other"}, {"filter": {}}, {"exclude": ["i9"]}, {"context": {"query": "tea"}}, {"history": []}],
)
def test_a_cursor_belongs_to_one_list(change: dict[str, object]) -> None:
    request = RecommendRequest(user_id="u", filter={"category": ["a"]})
    cursor = next_cursor(request, ["i1"])
    with pytest.raises(ProblemError, match="another list"):
        shown_before(request.model_copy(update={"cursor": cursor, **change}))


def test_a_cursor_belongs_to_the_items_that_were_ranked() -> None:
    cursor = next_cursor(RankRequest(items=["i1", "i2"]), ["i1"])
    with pytest.raises(ProblemError, match="another list"):
        shown_before(RankRequest(items=["i1", "i3"], cursor=cursor))


@pytest.mark.parametrize(
    "token",
    ["", "x", "....", "é", "AAAA", "=", base64.urlsafe_b64encode(b"[1]").decode()]
    + [base64.urlsafe_b64encode(orjson.dumps(tree)).decode() for tree in ({"list": "x"}, {"list": 1, "items": [2]})],
)
def test_what_is_no_cursor_is_refused(token: str) -> None:
    with pytest.raises(ProblemError, match="not a valid cursor") as caught:
        shown_before(RecommendRequest(cursor=token))
    assert caught.value.status == 422
    assert caught.value.errors[0].loc == ["body", "cursor"]


def test_a_cursor_too_long_to_send_back_is_not_given() -> None:
    assert next_cursor(RecommendRequest(), ["i" * 256] * (MAX_CURSOR // 256)) is None


def test_a_cursor_of_more_items_than_may_be_sent_back_is_not_given() -> None:
    request = RecommendRequest(user_id="u")
    shown = [f"i{number}" for number in range(MAX_IDS + 1)]
    cursor = next_cursor(request, shown[:MAX_IDS])
    assert shown_before(request.model_copy(update={"cursor": cursor})) == shown[:MAX_IDS]
    assert next_cursor(request, shown) is None
