"""How much each source counts when candidates are merged."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SourceWeights:
    """Source -> how much its ranks count; 1 for a source that is not named.

    A source that is right about users with a history may know nothing of others, so newcomers have weights of their
    own.

    Attributes:
        known: for users with a history.
        newcomers: for those without.
    """

    known: Mapping[str, float] = field(default_factory=dict)
    newcomers: Mapping[str, float] = field(default_factory=dict)

    def of(self, source: str, has_history: NDArray[np.bool_]) -> NDArray[np.float32]:
        """(n_requests,) how much a source counts: by `has_history` (n_requests,), as for known users or newcomers."""
        known, newcomers = self.known.get(source, 1.0), self.newcomers.get(source, 1.0)
        return np.where(has_history, np.float32(known), np.float32(newcomers))

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "SourceWeights":
        """Read what `save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
