"""How much a user wants an item, from what it says and what the user read: the history-aware interest model."""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.float16 import Float16Bits
from recsys.arrays.npy import load_array, save_array
from recsys.data.log.history import HistoryBatch
from recsys.errors import BundleError, StoreError
from recsys.retrieval.scores import DenseScores, Scores
from recsys.text.cache import VectorCache
from recsys.text.curves import Point, load_curve, save_curve
from recsys.text.float16_vectors import Float16Vectors
from recsys.text.nearest import NearestItems, TextScores, recall
from recsys.text.query_vectors import QueryVectors
from recsys.text.scoring import Scorer, TextVectors, updated_rows
from recsys.text.settings import InterestSettings

if TYPE_CHECKING:  # torch and transformers are imported when a text must be read, not to serve from vectors
    from recsys.text.reader import TextReader

logger = logging.getLogger("recsys.text")

_BASE = "base_vectors.npy"
_CURVE = "curve.json"
_NEAREST = "nearest"

_RECALL_ITEMS = 64


def import_libraries() -> None:
    """Import ahead of time what reading a text needs, so that forked processes share it."""
    import transformers

    import recsys.text.reader

    _ = recsys.text.reader, transformers.AutoTokenizer, transformers.AutoModel, transformers.PreTrainedModel
    _ = transformers.BertModel, transformers.BertTokenizerFast  # imported when named: what most small encoders are


class InterestModel:
    """Interest of users in items, from text alone. Inference is read-only and safe in several threads.

    Each positive event of a history proposes what its user may want next; attention over the events (their order, age,
    kind, weight and text) says how much each proposal counts; a learned prior stands in where there is no history.
    """

    def __init__(
        self,
        settings: InterestSettings,
        scorer: Scorer,
        base_vectors: NDArray[np.float32],
        reader: "TextReader | Path",
        curve: tuple[Point, ...] = (),
        nearest: NearestItems | None = None,
        float16: Float16Vectors | None = None,
    ) -> None:
        self.settings = settings
        self.scorer = scorer
        self.base_vectors = base_vectors  # (n_items, dim) as `TextReader.base_vectors` gives them
        self.curve = curve  # loss and validation ndcg@10 of the training, see `curves.draw_curve`
        self.nearest = nearest  # of a catalogue that is too large to be scored as a whole; else None
        self.float16 = float16  # likewise; None in versions of earlier code too
        self.vectors_file: Path | None = None  # where vectors of texts that come later are kept; None: nowhere
        self._source = reader
        self._query_vectors = QueryVectors()

    def __len__(self) -> int:
        return len(self.item_vectors)

    @property
    def item_vectors(self) -> NDArray[np.float32]:
        """(n_items, dim) float32 unit rows, tuned: what each item offers."""
        return self.scorer.items.targets

    @cached_property
    def reader(self) -> "TextReader":
        """What reads texts; loaded on first use."""
        if not isinstance(self._source, Path):
            return self._source
        from recsys.text.reader import TextReader

        return TextReader.load(self._source, self.settings.encoder, self.settings.max_tokens)

    def score(self, histories: HistoryBatch, queries: Sequence[str | None] | None = None) -> NDArray[np.float32]:
        """(n_requests, n_items) float32 interest logits: higher is wanted more.

        Args:
            histories: what each user did; an empty history is normal.
            queries: (n_requests,) free text, None or empty where there is none.
        """
        return self.scorer.score(histories, self._read_queries(queries))

    def scores(self, histories: HistoryBatch, queries: Sequence[str | None] | None = None) -> Scores:
        """The logits of `score`. With `nearest`, only those that are asked for are computed."""
        if self.nearest is None:
            return DenseScores(self.score(histories, queries))
        mixtures = list(self.scorer.mixtures(histories, self._read_queries(queries)))
        targets = self.scorer.items.targets if self.float16 is None else self.float16.targets
        return TextScores(self.scorer, self.nearest, targets, mixtures)

    @property
    def affinities(self) -> Mapping[str, NDArray[np.float32] | Float16Bits]:
        """Name -> (n_items, dim) vectors whose dot products say how alike items are, with and without tuning."""
        if self.float16 is not None:
            return {"text": self.float16.targets, "frozen": self.float16.frozen}
        return {"text": self.item_vectors, "frozen": self.base_vectors}

    def indexed(self, seed: int = 0, earlier: "InterestModel | None" = None) -> "InterestModel":
        """This model with `nearest` and `float16`, for a large catalogue; it takes over `nearest` of an earlier model
        with the same scorer."""
        nearest = None if earlier is None else earlier.nearest
        if earlier is None or nearest is None or len(nearest.fresh) or not self.scorer.equals(earlier.scorer):
            nearest = NearestItems.of(self.scorer, seed)
        float16 = Float16Vectors.of(self.item_vectors, self.base_vectors)
        return InterestModel(self.settings, self.scorer, self.base_vectors, self._source, self.curve, nearest, float16)

    def recall(self, seed: int = 0) -> float:
        """Share of the exact nearest items that `nearest` holds, over some items drawn by seed."""
        if self.nearest is None:
            return 1.0
        sample = np.random.default_rng(seed).integers(0, len(self), _RECALL_ITEMS).astype(np.int32)
        return recall(self.scorer, self.nearest, sample)

    def probabilities(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """p_click (any positive reaction) and p_purchase (one of the largest weight in the log).

        With impressions in the log: that a shown item gets the reaction. Without: that it is the user's next event.
        """
        clicks = self.settings.click.probability(logits)
        return clicks, np.minimum(clicks, self.settings.purchase.probability(logits))

    def encode_items(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) tuned vectors of new items, comparable with `item_vectors`."""
        return self.reader.read(texts).targets

    def read_ahead(self, texts: Sequence[str]) -> None:
        """Encode texts that are about to come, so that every process finds their vectors on disk; does nothing where
        none are kept there."""
        if texts and self.vectors_file is not None:
            self._read(texts)

    def updated(self, numbers: NDArray[np.int32], texts: Sequence[str]) -> "InterestModel":
        """This model with new texts: they can be scored, and stand in histories.

        Args:
            numbers: (n,) of the items that say something else now; from `len(self)` on they are new, without a gap.
            texts: (n,) what they say.
        """
        read, base_vectors = self._read(texts)
        scorer = Scorer(self.scorer.items.updated(numbers, read), self.scorer.parameters)
        base = updated_rows(self.base_vectors, numbers, base_vectors)
        nearest = self.nearest.updated(scorer, numbers) if self.nearest else None
        float16 = self.float16.updated(numbers, Float16Vectors.of(read.targets, base_vectors)) if self.float16 else None
        updated = InterestModel(self.settings, scorer, base, self.reader, self.curve, nearest, float16)
        updated.vectors_file = self.vectors_file
        return updated

    @property
    def encoder_version(self) -> str:
        """Version under which vectors of texts are cached."""
        return self.reader.encoder.version

    @property
    def base_encoder_version(self) -> str:
        """Version under which vectors of the untuned encoder are cached."""
        return self.reader.encoder.base_version

    def _read(self, texts: Sequence[str]) -> tuple[TextVectors, NDArray[np.float32]]:
        """Texts of items, by the tuned and the untuned encoder; cached if possible, so that a restart does not read
        them again."""
        if self.vectors_file is not None:
            try:
                cache = VectorCache(self.vectors_file)
                return self.reader.read(texts, cache), self.reader.base_vectors(texts, cache)
            except (StoreError, BundleError) as error:  # a full disk, or a folder that may not be written
                logger.warning("vectors of texts are not kept: %s", error)
        return self.reader.read(texts), self.reader.base_vectors(texts)

    def save(self, folder: Path) -> None:
        """Write vectors, parameters, tuned weights, curve and settings; the encoder itself stays where it is."""
        folder.mkdir(parents=True, exist_ok=True)
        self.reader.save(folder)
        self.scorer.save(folder)
        save_array(folder / _BASE, self.base_vectors)
        save_curve(self.curve, folder / _CURVE)
        if self.nearest is not None:
            self.nearest.save(folder / _NEAREST)
        if self.float16 is not None:
            self.float16.save(folder)
        self.settings.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "InterestModel":
        """Read what `save` wrote: vectors are mapped into memory, the encoder waits until a text must be read.

        Raises:
            BundleError: the encoder that is installed here is not the one that the model was trained with.
            ConfigError: the encoder is not installed here.
        """
        settings = InterestSettings.load(folder)
        scorer, base = Scorer.load(folder), load_array(folder / _BASE)
        nearest = NearestItems.load(folder / _NEAREST) if (folder / _NEAREST).is_dir() else None
        return cls(settings, scorer, base, folder, load_curve(folder / _CURVE), nearest, Float16Vectors.load(folder))

    def query_similarities(
        self, queries: Sequence[str | None], rows: NDArray[np.int64], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """(n_pairs,) cosine of the free text of a request and the text of an item; 0 where there is no free text.

        Args:
            queries: (n_requests,) as in `score`.
            rows, items: (n_pairs,) of each pair.
        """
        vectors = self._read_queries(queries)
        if vectors is None:
            return np.zeros(len(rows), dtype=np.float32)
        return np.asarray(np.einsum("pd,pd->p", vectors[rows], self.item_vectors[items]), dtype=np.float32)

    def _read_queries(self, queries: Sequence[str | None] | None) -> NDArray[np.float32] | None:
        return self._query_vectors.of(queries, self.encode_items)
