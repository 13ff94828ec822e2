"""What one server needs to know."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from recsys.config import Config, ServingConfig
from recsys.store import sqlite_url, stores_of


class Settings(BaseModel):
    """Settings of one server.

    Attributes:
        registry: folder of the trained versions; CURRENT in it says which one is served.
        store: URL of events, items and answered lists.
        shared: URL of the Redis by which servers on one store pass events on to each other; empty: there is none.
        workers: processes on one port.
        unknown_items: what happens to events of items that the served catalogue lacks.
        pseudonymise: serve only versions that know users by pseudonyms. Those that do are always served so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    registry: Path
    store: str
    shared: str = ""
    serving: ServingConfig = ServingConfig()
    workers: int = 1
    unknown_items: Literal["reject", "add"] = "reject"
    pseudonymise: bool = False

    @classmethod
    def of(cls, config: Config, registry: Path, *stores: str) -> Self:
        """Settings from the config tree; the store is REG/store.db unless another is named.

        Args:
            stores: the store's URL; and a second one, redis://..., through which several servers share live events.

        Raises:
            ConfigError: these URLs do not go together.
        """
        store, shared = stores_of(stores, default=sqlite_url(registry / "store.db"))
        return cls(
            registry=registry.absolute(),
            store=store,
            shared=shared,
            serving=config.serving,
            unknown_items=config.data.unknown_items,
            pseudonymise=config.privacy.pseudonymise,
        )
