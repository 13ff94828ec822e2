"""Events, changes of items and users since training, and answered lists. `open_store` turns a URL into a store.

Promises
    store                       a whole store: event_log, item_store, user_store, served_list_store
    precomputed_lists, stream   ranked lists of a batch; a stream that events are read from
Finding them
    open, address               the store, lists or stream of a URL
    circuit_breaker             nobody waits twice for a server that does not answer
Its rooms
    sqlite, postgres, redis     a database each
Beside them
    kafka_stream                events from Kafka
    tail                        the newest part of the log, which several servers share through Redis
"""

from recsys.store.address import is_database_url, sqlite_file, sqlite_url, stores_of
from recsys.store.event_log import AppendResult, EventLog
from recsys.store.item_store import ItemStore
from recsys.store.open import open_precomputed_lists, open_store, open_stream
from recsys.store.served_list_store import ServedListStore
from recsys.store.store import Store, read_log
from recsys.store.user_store import UserStore

__all__ = [
    "AppendResult",
    "EventLog",
    "ItemStore",
    "ServedListStore",
    "Store",
    "UserStore",
    "is_database_url",
    "open_precomputed_lists",
    "open_store",
    "open_stream",
    "read_log",
    "sqlite_file",
    "sqlite_url",
    "stores_of",
]
