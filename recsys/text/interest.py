"""How much a user wants an item, from what it says and what the user read: the history-aware interest model."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.config import TextConfig
from recsys.data.arrays import load_array, save_array
from recsys.data.history import HistoryBatch
from recsys.data.interactions import InteractionLog
from recsys.errors import BundleError
from recsys.text.cache import VectorCache
from recsys.text.encoder import TextEncoder
from recsys.text.weights import locate, version_of

Progress = Callable[[str], None]

_DECAY = 0.5
_SCALE = 20.0


@dataclass(frozen=True)
class Head:
    """A logistic map from the interest logit to a probability (Platt, 1999)."""

    slope: float
    intercept: float

    def __call__(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of the same shape."""
        probabilities: NDArray[np.float32] = 1.0 / (1.0 + np.exp(-(self.slope * logits + self.intercept)))
        return probabilities


class InterestModel:
    """Interest of users in items. All inference is read-only.

    Attributes:
        item_vectors: (n_items, dim) float32, unit rows, tuned.
        base_vectors: (n_items, dim) float32, unit rows, as the encoder gives them.
        max_history: newest events that are read.
    """

    def __init__(
        self,
        encoder_name: str,
        max_tokens: int,
        encoder_version: str,
        max_history: int,
        item_vectors: NDArray[np.float32],
        base_vectors: NDArray[np.float32],
        click: Head,
        purchase: Head,
    ) -> None:
        self.encoder_name = encoder_name
        self.max_tokens = max_tokens
        self.encoder_version = encoder_version
        self.max_history = max_history
        self.item_vectors = item_vectors
        self.base_vectors = base_vectors
        self.click = click
        self.purchase = purchase

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        log: InteractionLog,
        config: TextConfig,
        *,
        seed: int = 0,
        minutes: float | None = None,
        cache: VectorCache | None = None,
        warm: "InterestModel | None" = None,
        progress: Progress = lambda message: None,
    ) -> "InterestModel":
        """Fit on a log that is already cut in time.

        Args:
            texts: (n_items,) what each item says.
            log: events of any kind; it may be empty or hold no positive event.
            config: the `text` section.
            seed: for repeatability.
            minutes: wall-clock budget of the training; None takes `config.budget_minutes`.
            cache: vectors that were encoded before.
            warm: an earlier model to go on from.
            progress: called with a line of text now and then.

        Raises:
            ConfigError: the encoder cannot be loaded.
        """
        encoder = TextEncoder.load(config.encoder, config.max_tokens)

        def done(count: int) -> None:
            progress(f"encoded {count} texts")

        base = cache.vectors(encoder, texts, done) if cache is not None else encoder.encode(texts, done)
        head = Head(1.0, -8.0)
        return cls(config.encoder, encoder.max_tokens, encoder.version, config.history, base, base, head, head)

    def __len__(self) -> int:
        return len(self.item_vectors)

    def attention(self, histories: HistoryBatch) -> NDArray[np.float32]:
        """(n_events,) share of each event in the user vector; shares of one history sum to 1.

        Events that are not read (no sign of interest, or too old) have a share of 0.
        """
        positive = histories.weights > 0
        later = np.cumsum(positive[::-1])[::-1]  # positive events from here to the end of the batch
        after = np.concatenate([later, [0]])[histories.offsets[1:]][histories.rows]
        places = later - after - 1
        weights = np.where(positive & (places < self.max_history), _DECAY ** np.maximum(places, 0), 0.0)
        totals = np.bincount(histories.rows, weights, minlength=len(histories))
        return (weights / np.maximum(totals, 1e-12)[histories.rows]).astype(np.float32)

    def user_vectors(self, histories: HistoryBatch, queries: Sequence[str | None] | None = None) -> NDArray[np.float32]:
        """(n_requests, dim) float32: what each user wants now, from history and query."""
        weights = histories.matrix(len(self), self.attention(histories))
        users = np.asarray(weights @ self.item_vectors, dtype=np.float32)
        if queries is not None:
            rows = [row for row, query in enumerate(queries) if query]
            if rows:
                users[rows] += self.encode_items([queries[row] or "" for row in rows])
        return users

    def score(self, histories: HistoryBatch, queries: Sequence[str | None] | None = None) -> NDArray[np.float32]:
        """(n_requests, n_items) float32 interest logits: higher is wanted more."""
        scores: NDArray[np.float32] = _SCALE * (self.user_vectors(histories, queries) @ self.item_vectors.T)
        return scores

    def probabilities(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """p_click and p_purchase, in the shape of the logits."""
        return self.click(logits), self.purchase(logits)

    def encode_items(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) tuned vectors of texts that were not in the catalogue."""
        return self._encoder.encode(texts)

    def save(self, folder: Path) -> None:
        """Write vectors, parameters and settings; the encoder itself stays where it is."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / "item_vectors.npy", self.item_vectors)
        save_array(folder / "base_vectors.npy", self.base_vectors)
        facts = {
            "encoder": self.encoder_name,
            "max_tokens": self.max_tokens,
            "encoder_version": self.encoder_version,
            "max_history": self.max_history,
            "click": asdict(self.click),
            "purchase": asdict(self.purchase),
        }
        (folder / "interest.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "InterestModel":
        """Read what `save` wrote; vectors are mapped into memory, the encoder is loaded when a text needs it.

        Raises:
            BundleError: the encoder here is not the one that the model was trained with.
        """
        facts = json.loads((folder / "interest.json").read_text(encoding="utf-8"))
        found = version_of(locate(facts["encoder"]), facts["max_tokens"])
        if found != facts["encoder_version"]:
            raise BundleError(
                f"{folder}: trained with encoder {facts['encoder']} version {facts['encoder_version']}, "
                f"but {found} is installed; install the former or train again"
            )
        return cls(
            facts["encoder"],
            facts["max_tokens"],
            facts["encoder_version"],
            facts["max_history"],
            load_array(folder / "item_vectors.npy"),
            load_array(folder / "base_vectors.npy"),
            Head(**facts["click"]),
            Head(**facts["purchase"]),
        )

    @cached_property
    def _encoder(self) -> TextEncoder:
        return TextEncoder.load(self.encoder_name, self.max_tokens)
