"""A client of the online API, for callers with or without asyncio: `from recsys.client import Client, AsyncClient`.

Calls that got no answer, or one that says to come back, are made again. That is safe: lists change nothing, and events
carry an id from their first attempt on, so that the server counts each once.
"""

import asyncio
import random
import time
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypedDict
from urllib.parse import quote
from uuid import uuid4

from recsys.errors import ConfigError, DataError, RecsysError, StoreError

try:
    import httpx
except ImportError as error:
    raise ConfigError("recsys.client needs httpx: install recsys[client]") from error

AGAIN = frozenset({429, 502, 503, 504})
"""Answers after which a call is made again."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0


class RankedItem(TypedDict, total=False):
    """One place of a list."""

    item_id: str
    rank: int
    score: float
    p_click: float | None
    p_purchase: float | None
    sources: list[str]
    propensity: float | None
    explanation: dict[str, Any] | None


class PolicyChange(TypedDict):
    """What one step of the policy changed: items that it forbade, places that it filled anew."""

    step: str
    removed: int
    moved: int


class RankedItems(TypedDict, total=False):
    """A list. `cursor` in a further call fetches what comes next; `made_at` is there where a batch made the list
    before, `policy` with `explain`."""

    made_at: str | None
    request_id: str
    model_version: str
    variant: str | None
    items: list[RankedItem]
    degraded: list[str]
    policy: list[PolicyChange] | None
    cursor: str | None
    unknown_items: list[str]


class Stored(TypedDict):
    """What became of events."""

    accepted: int
    duplicates: int


Call = tuple[str, str, Any]
"""Method, path, body."""


def recommend_call(user_id: str | None, n: int, options: Mapping[str, Any]) -> Call:
    """A list for a user; `options` are the further fields of the request: history, context, filter, ..."""
    return "POST", "/v1/recommend", {"user_id": user_id, "n": n, **options}


def rank_call(items: Sequence[str], user_id: str | None, options: Mapping[str, Any]) -> Call:
    """These items in the order that suits a user."""
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


Step = Generator[float | None, "httpx.Response | httpx.TransportError | None", Any]
"""Yields None to have the call made, or seconds to have a pause; takes what the call gave; returns the JSON."""


def attempts(retries: int) -> Step:
    """One call, made again as often as it is worth it.

    Raises:
        DataError: the server refuses what was sent, its words say where and what; or it is nothing that JSON holds.
        StoreError: no answer, or none but to come back, after all retries.
        RecsysError: anything else.
    """
    pause = FIRST_PAUSE
    for left in range(retries, -1, -1):
        answer = yield None
        assert answer is not None
        if isinstance(answer, httpx.Response) and answer.status_code not in AGAIN:
            return _content(answer)
        if not left:
            break
        given = answer.headers.get("retry-after", "") if isinstance(answer, httpx.Response) else ""
        wait = float(given) if given.isdecimal() else pause * (0.5 + random.random())
        yield min(wait, LONGEST_PAUSE)
        pause = min(2 * pause, LONGEST_PAUSE)
    words = f"status {answer.status_code}" if isinstance(answer, httpx.Response) else str(answer)
    raise StoreError(f"the service gives no answer after {retries + 1} attempts: {words}")


def _content(answer: httpx.Response) -> Any:
    if answer.is_success:
        try:
            return answer.json()
        except ValueError as error:
            raise RecsysError(f"status {answer.status_code}, but no JSON: {answer.text[:200]}") from error
    try:
        problem = answer.json()
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in problem["errors"])
        words = ": ".join(filter(None, [problem["detail"], faults]))
    except (ValueError, KeyError, TypeError):
        words = answer.text[:200]
    kind = DataError if answer.status_code in (400, 404, 413, 422) else RecsysError
    raise kind(f"status {answer.status_code}: {words}")


def _checked_retries(retries: int) -> int:
    if retries < 0:
        raise ConfigError(f"retries = {retries}; write 0 for one attempt alone, or how many more there may be")
    return retries


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


class Client:
    """A client for ordinary code; one may be used by several threads.

    Args:
        url: of the server, for example `http://localhost:8000`.
        key: API key; empty: none.
        timeout: seconds for one attempt.
        retries: further attempts after one that failed, from 0.

    Raises:
        ConfigError: `retries` is below 0.
    """

    def __init__(self, url: str, key: str = "", *, timeout: float = 10.0, retries: int = 4) -> None:
        self._retries = _checked_retries(retries)
        self._http = httpx.Client(base_url=url, headers=_headers(key), timeout=timeout)

    def recommend(self, user_id: str | None = None, n: int = 10, **options: Any) -> RankedItems:
        """The best items for a user. Raises as `attempts`, like every call."""
        found: RankedItems = self._made(recommend_call(user_id, n, options))
        return found

    def rank(self, items: Sequence[str], user_id: str | None = None, **options: Any) -> RankedItems:
        """These items in the order that suits a user."""
        found: RankedItems = self._made(rank_call(items, user_id, options))
        return found

    def send(self, events: Sequence[Mapping[str, Any]]) -> Stored:
        """Store events, all or none; they are on disk when this returns."""
        stored: Stored = self._made(events_call(events))
        return stored

    def put_items(self, items: Sequence[Mapping[str, Any]]) -> int:
        """Add items or replace them; returns how many."""
        return int(self._made(items_call(items))["upserted"])

    def similar(self, item_id: str, n: int = 10, by: str = "both") -> list[RankedItem]:
        """Items like one item."""
        found: list[RankedItem] = self._made(similar_call(item_id, n, by))["items"]
        return found

    def forget(self, user_id: str) -> int:
        """Forget a user; returns how many events were removed."""
        return int(self._made(forget_call(user_id))["events"])

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _made(self, call: Call) -> Any:
        (method, path, body), steps = call, attempts(self._retries)
        answer: httpx.Response | httpx.TransportError | None = None
        try:
            while True:
                pause = steps.send(answer)
                answer = None
                if pause is not None:
                    time.sleep(pause)
                    continue
                try:
                    answer = self._http.request(method, path, json=body)
                except httpx.TransportError as error:
                    answer = error
                except (ValueError, TypeError) as error:
                    raise DataError(f"this cannot be sent as JSON: {error}") from error
        except StopIteration as end:
            return end.value


class AsyncClient:
    """The same for asyncio."""

    def __init__(self, url: str, key: str = "", *, timeout: float = 10.0, retries: int = 4) -> None:
        self._retries = _checked_retries(retries)
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(key), timeout=timeout)

    async def recommend(self, user_id: str | None = None, n: int = 10, **options: Any) -> RankedItems:
        """See `Client`."""
        found: RankedItems = await self._made(recommend_call(user_id, n, options))
        return found

    async def rank(self, items: Sequence[str], user_id: str | None = None, **options: Any) -> RankedItems:
        """See `Client`."""
        found: RankedItems = await self._made(rank_call(items, user_id, options))
        return found

    async def send(self, events: Sequence[Mapping[str, Any]]) -> Stored:
        """See `Client`."""
        stored: Stored = await self._made(events_call(events))
        return stored

    async def put_items(self, items: Sequence[Mapping[str, Any]]) -> int:
        """See `Client`."""
        return int((await self._made(items_call(items)))["upserted"])

    async def similar(self, item_id: str, n: int = 10, by: str = "both") -> list[RankedItem]:
        """See `Client`."""
        found: list[RankedItem] = (await self._made(similar_call(item_id, n, by)))["items"]
        return found

    async def forget(self, user_id: str) -> int:
        """See `Client`."""
        return int((await self._made(forget_call(user_id)))["events"])

    async def close(self) -> None:
        """See `Client`."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _made(self, call: Call) -> Any:
        (method, path, body), steps = call, attempts(self._retries)
        answer: httpx.Response | httpx.TransportError | None = None
        try:
            while True:
                pause = steps.send(answer)
                answer = None
                if pause is not None:
                    await asyncio.sleep(pause)
                    continue
                try:
                    answer = await self._http.request(method, path, json=body)
                except httpx.TransportError as error:
                    answer = error
                except (ValueError, TypeError) as error:
                    raise DataError(f"this cannot be sent as JSON: {error}") from error
        except StopIteration as end:
            return end.value
