"""What one server needs to know; JSON, so that worker processes can be told."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from recsys.config import Config, ServingConfig
from recsys.store import sqlite_url


class Settings(BaseModel):
    """Settings of one server.

    Attributes:
        registry: folder of the trained versions; CURRENT in it says which one is served.
        store: URL of the event log.
        unknown_items: what happens to events of items that the served catalogue lacks.
        pseudonymise: serve only versions that know users by pseudonyms. Those that do are always served so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    registry: Path
    store: str
    serving: ServingConfig = ServingConfig()
    unknown_items: Literal["reject", "add"] = "reject"
    pseudonymise: bool = False

    @classmethod
    def of(cls, config: Config, registry: Path, store: str | None = None) -> Self:
        """Settings from the config tree; the store is REG/store.db unless another is named."""
        return cls(
            registry=registry.absolute(),
            store=store or sqlite_url(registry / "store.db"),
            serving=config.serving,
            unknown_items=config.data.unknown_items,
            pseudonymise=config.privacy.pseudonymise,
        )
