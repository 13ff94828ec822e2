"""A data set: the catalogue and the log, in one set of numbers."""

from dataclasses import dataclass

from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.data.users.user_profiles import UserProfiles


@dataclass(frozen=True)
class Dataset:
    """What training needs.

    Attributes:
        catalogue: the items, in the order of their numbers.
        log: the events, in time order.
        n_rejected: rows that were set aside.
        fingerprint: sha256 of the content, for the manifest.
        profiles: what the user table says; None without one that says anything.
    """

    catalogue: ItemCatalogue
    log: InteractionLog
    n_rejected: int = 0
    fingerprint: str = ""
    profiles: UserProfiles | None = None
