"""The two clients: the same calls, with and without asyncio."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from recsys.client.answers import RankedItem, RankedItems, Stored
from recsys.client.attempts import Answer, attempts
from recsys.client.calls import Call, events_call, forget_call, items_call, rank_call, recommend_call, similar_call
from recsys.errors import ConfigError, DataError


def _checked_retries(retries: int) -> int:
    if retries < 0:
        raise ConfigError(f"retries = {retries}; write 0 for one attempt alone, or how many more there may be")
    return retries


def _settings(url: str, key: str, timeout: float) -> dict[str, Any]:
    """What both kinds of httpx clients are made with. What could not be sent is found here: no further attempt helps.

    Raises:
        ConfigError: see `Client`.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise ConfigError(f"url = {url!r}; write it with http:// or https://, such as http://localhost:8000")
    if key != key.strip() or not all(" " <= letter <= "~" for letter in key):
        raise ConfigError("key holds a character that no key can have, such as the end of the line of its file")
    if not timeout > 0:
        raise ConfigError(f"timeout = {timeout}; write seconds above 0")
    return {"base_url": url, "headers": {"Authorization": f"Bearer {key}"} if key else {}, "timeout": timeout}


def _unsendable(error: Exception) -> DataError:
    return DataError(f"this cannot be sent as JSON: {error}")


class Client:
    """A client for ordinary code; one may be used by several threads.

    Args:
        url: of the server, for example `http://localhost:8000`.
        key: API key; empty: none.
        timeout: seconds for one attempt.
        retries: further attempts after one that failed, from 0.

    Raises:
        ConfigError: `url` is none of HTTP, `key` holds what no key can, `timeout` is not above 0, `retries` is below 0.
    """

    def __init__(self, url: str, key: str = "", *, timeout: float = 10.0, retries: int = 4) -> None:
        self._retries = _checked_retries(retries)
        self._http = httpx.Client(**_settings(url, key, timeout))

    def recommend(self, user_id: str | None = None, n: int = 10, **options: Any) -> RankedItems:
        """The best items for a user.

        Raises, as every call:
            DataError: what was sent cannot be written as JSON, or the server refuses it and says why.
            StoreError: no answer, or none but to come back, after all retries.
            RecsysError: the server answered with any other error.
        """
        found: RankedItems = self._call(recommend_call(user_id, n, options))
        return found

    def rank(self, items: Sequence[str], user_id: str | None = None, **options: Any) -> RankedItems:
        """The given items in the order that suits a user."""
        found: RankedItems = self._call(rank_call(items, user_id, options))
        return found

    def send(self, events: Sequence[Mapping[str, Any]]) -> Stored:
        """Store events, all or none; they are on disk when this returns."""
        stored: Stored = self._call(events_call(events))
        return stored

    def put_items(self, items: Sequence[Mapping[str, Any]]) -> int:
        """Add items or replace them; returns how many."""
        return int(self._call(items_call(items))["upserted"])

    def similar(self, item_id: str, n: int = 10, by: str = "both") -> list[RankedItem]:
        """Items like one item."""
        found: list[RankedItem] = self._call(similar_call(item_id, n, by))["items"]
        return found

    def forget(self, user_id: str) -> int:
        """Forget a user; returns how many events were removed."""
        return int(self._call(forget_call(user_id))["events"])

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, call: Call) -> Any:
        steps, answer = attempts(self._retries), None
        try:
            while True:
                pause = steps.send(answer)
                if pause is None:
                    answer = self._answer(call)
                else:
                    time.sleep(pause)
                    answer = None
        except StopIteration as end:
            return end.value

    def _answer(self, call: Call) -> Answer:
        method, path, body = call
        try:
            return self._http.request(method, path, json=body)
        except httpx.RequestError as error:
            return error
        except (ValueError, TypeError) as error:
            raise _unsendable(error) from error


class AsyncClient:
    """The same for asyncio: arguments and calls are those of `Client`."""

    def __init__(self, url: str, key: str = "", *, timeout: float = 10.0, retries: int = 4) -> None:
        self._retries = _checked_retries(retries)
        self._http = httpx.AsyncClient(**_settings(url, key, timeout))

    async def recommend(self, user_id: str | None = None, n: int = 10, **options: Any) -> RankedItems:
        """See `Client`."""
        found: RankedItems = await self._call(recommend_call(user_id, n, options))
        return found

    async def rank(self, items: Sequence[str], user_id: str | None = None, **options: Any) -> RankedItems:
        """See `Client`."""
        found: RankedItems = await self._call(rank_call(items, user_id, options))
        return found

    async def send(self, events: Sequence[Mapping[str, Any]]) -> Stored:
        """See `Client`."""
        stored: Stored = await self._call(events_call(events))
        return stored

    async def put_items(self, items: Sequence[Mapping[str, Any]]) -> int:
        """See `Client`."""
        return int((await self._call(items_call(items)))["upserted"])

    async def similar(self, item_id: str, n: int = 10, by: str = "both") -> list[RankedItem]:
        """See `Client`."""
        found: list[RankedItem] = (await self._call(similar_call(item_id, n, by)))["items"]
        return found

    async def forget(self, user_id: str) -> int:
        """See `Client`."""
        return int((await self._call(forget_call(user_id)))["events"])

    async def close(self) -> None:
        """See `Client`."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _call(self, call: Call) -> Any:
        steps, answer = attempts(self._retries), None
        try:
            while True:
                pause = steps.send(answer)
                if pause is None:
                    answer = await self._answer(call)
                else:
                    await asyncio.sleep(pause)
                    answer = None
        except StopIteration as end:
            return end.value

    async def _answer(self, call: Call) -> Answer:
        method, path, body = call
        try:
            return await self._http.request(method, path, json=body)
        except httpx.RequestError as error:
            return error
        except (ValueError, TypeError) as error:
            raise _unsendable(error) from error
