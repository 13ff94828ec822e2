"""Ranked lists in Redis: a hash for each batch, and a key that names the one that counts."""

from collections.abc import Iterable
from itertools import islice
from uuid import uuid4

from recsys.store.redis.connections import RedisConnections

_CURRENT = "recsys:lists"
_PAGE = 1_000
_UNFINISHED_SECONDS = 86_400
"""After this time, what a batch that died has written is removed."""

_GET = "return redis.call('HGET', redis.call('GET', KEYS[1]) or '', ARGV[1])"
_FORGET = "return redis.call('HDEL', redis.call('GET', KEYS[1]) or '', ARGV[1])"


class RedisPrecomputedLists:
    """`PrecomputedLists` in one Redis database, under keys that begin with `recsys:lists`. The URL is that of redis-py.

    Raises:
        ConfigError: redis-py is not installed, or the URL names no database.
        StoreError: Redis cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self._redis = RedisConnections(url, "lists in")
        self._client = self._redis.client
        with self._redis.store_errors():
            self._client.ping()
        self._get, self._forget = self._client.register_script(_GET), self._client.register_script(_FORGET)

    def replace(self, lists: Iterable[tuple[str, str]]) -> int:
        """A new hash is filled beside the old one, and takes its place in one step."""
        key, rows, count = f"{_CURRENT}:{uuid4().hex}", iter(lists), 0
        with self._redis.store_errors():
            while page := dict(islice(rows, _PAGE)):
                with self._client.pipeline() as pipeline:
                    pipeline.hset(key, mapping=page).expire(key, _UNFINISHED_SECONDS)
                    pipeline.execute()
                count += len(page)
            with self._client.pipeline() as pipeline:
                pipeline.persist(key).set(_CURRENT, key, get=True)
                _, old = pipeline.execute()
            if old is not None:
                self._client.unlink(old)
        return count

    def get(self, id_: str) -> str | None:
        """The list of an id."""
        with self._redis.store_errors():
            content = self._get(keys=[_CURRENT], args=[id_])
        return None if content is None else str(content, "utf-8")

    def forget(self, id_: str) -> None:
        """Remove the list of an id."""
        with self._redis.store_errors():
            self._forget(keys=[_CURRENT], args=[id_])

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()
