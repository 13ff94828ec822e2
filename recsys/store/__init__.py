"""Events, what became of items and users since training, and answered lists. `open_store` turns a URL into a store.

Promises:   store is event_log, item_store, user_store and list_store together; lists (made by a batch), stream
Databases:  open finds the one of a URL (address): sqlite, postgres or redis, with their *_connection(s), *_schema or
            *_scripts, and *_lists; sqlite_log is the file's write-ahead log
Streams:    redis_stream, kafka_stream
Servers:    tail is what several of them share of the log
"""

from recsys.store.event_log import AppendResult, EventLog
from recsys.store.item_store import ItemStore
from recsys.store.list_store import ListStore
from recsys.store.open import open_store, sqlite_file, sqlite_url, stores_of
from recsys.store.store import Store, read_log
from recsys.store.user_store import UserStore

__all__ = [
    "AppendResult",
    "EventLog",
    "ItemStore",
    "ListStore",
    "Store",
    "UserStore",
    "open_store",
    "read_log",
    "sqlite_file",
    "sqlite_url",
    "stores_of",
]
