"""Events, and what became of items and users since training, kept for good. `open_store` turns a URL into a store."""

from recsys.store.event_log import AppendResult, EventLog
from recsys.store.item_store import ItemStore
from recsys.store.open import open_store, sqlite_url
from recsys.store.store import Store, read_log
from recsys.store.user_store import UserStore

__all__ = ["AppendResult", "EventLog", "ItemStore", "Store", "UserStore", "open_store", "read_log", "sqlite_url"]
