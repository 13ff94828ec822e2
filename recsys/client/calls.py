"""What is asked of the API: method, path and body of each call."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from recsys.errors import DataError

Call = tuple[str, str, Any]
"""Method, path, body."""


def recommend_call(user_id: str | None, n: int, options: Mapping[str, Any]) -> Call:
    """A list for a user; `options` are the further fields of the request: history, context, filter, ..."""
    return "POST", "/v1/recommend", {"user_id": user_id, "n": n, **options}


def rank_call(items: Sequence[str], user_id: str | None, options: Mapping[str, Any]) -> Call:
    """The given items in the order that suits a user.

    Raises:
        DataError: `items` is one text, whose letters would be taken for ids.
    """
    if isinstance(items, str):
        raise DataError(f"items must be a list of item ids, not {items!r}")
    return "POST", "/v1/rank", {"user_id": user_id, "items": list(items), **options}


def events_call(events: Sequence[Mapping[str, Any]]) -> Call:
    """Events with an id each."""
    return (
        "POST",
        "/v1/events",
        {"events": [{**event, "event_id": event.get("event_id") or uuid4().hex} for event in events]},
    )


def items_call(items: Sequence[Mapping[str, Any]]) -> Call:
    """Items to be added or put in the place of others."""
    return "PUT", "/v1/items", {"items": [dict(item) for item in items]}


def _in_path(id_: str) -> str:
    """An id as one part of a path; `.` and `..` would be taken for a way through folders."""
    return quote(id_, safe="").replace(".", "%2E")


def similar_call(item_id: str, n: int, by: str) -> Call:
    """Items like one item."""
    return "GET", f"/v1/items/{_in_path(item_id)}/similar?{httpx.QueryParams(n=n, by=by)}", None


def forget_call(user_id: str) -> Call:
    """A user who is to be forgotten."""
    return "DELETE", f"/v1/users/{_in_path(user_id)}", None
