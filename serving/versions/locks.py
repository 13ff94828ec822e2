"""The locks over what is served."""

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Locks:
    """Held while the served versions change; no list waits for any of them.

    Whoever takes several takes them in this order (`Service.putting` comes before). Which version answers changes with
    all three held, so that it stays the same for whoever holds one.

    Attributes:
        reloading: versions are chosen and loaded.
        updating: served versions take changes of items, or go over to a snapshot.
        observing: served versions take events, or exchange their recommender.
    """

    reloading: threading.Lock = field(default_factory=threading.Lock)
    updating: threading.Lock = field(default_factory=threading.Lock)
    observing: threading.Lock = field(default_factory=threading.Lock)
