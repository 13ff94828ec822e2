"""The event log: what users did, kept for good. `open_store` turns a URL into one."""

from recsys.store.event_log import AppendResult, EventLog
from recsys.store.open import open_store, sqlite_url

__all__ = ["AppendResult", "EventLog", "open_store", "sqlite_url"]
