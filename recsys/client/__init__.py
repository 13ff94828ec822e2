"""A client of the online API, for callers with or without asyncio: `from recsys.client import Client, AsyncClient`.

answers (types of what comes back), calls (what is asked), attempts (when a call is made again), clients (both)
"""

from recsys.errors import ConfigError

try:
    import httpx as httpx
except ImportError as error:
    raise ConfigError("recsys.client needs httpx: install recsys[client]") from error

from recsys.client.answers import PolicyChange, RankedItem, RankedItems, Stored
from recsys.client.clients import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "PolicyChange", "RankedItem", "RankedItems", "Stored"]
