"""Everything that turns a text into the vectors of the interest model; loaded only when a text must be read."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from recsys.arrays.float16 import rounded_to_float16
from recsys.text.cache import VectorCache
from recsys.text.encoder import TextEncoder
from recsys.text.lexicon import Lexicon
from recsys.text.network import InterestNetwork
from recsys.text.scoring import TextVectors

_WEIGHTS = "network.safetensors"
_TOKENS = "lexicon_tokens.npy"
_TOKEN_WEIGHTS = "lexicon_weights.npy"
_TUNING = "encoder_tuned.safetensors"


class TextReader:
    """Encoder (tuned or as it came), lexicon and network."""

    def __init__(self, encoder: TextEncoder, lexicon: Lexicon, network: InterestNetwork) -> None:
        self.encoder = encoder
        self.lexicon = lexicon
        self.network = network
        self._encoding = Lock()  # taking the tuning off is seen by every thread

    def read(self, texts: Sequence[str], cache: VectorCache | None = None) -> TextVectors:
        """Vectors of texts, whether in the catalogue or not.

        Args:
            cache: of what was encoded before.
        """
        with self._encoding:
            vectors = self.encoder.encode(texts) if cache is None else cache.vectors(self.encoder, texts)
        return self.network.describe(vectors, self.lexicon.bags(self.encoder.tokens(texts)))

    def base_vectors(self, texts: Sequence[str], cache: VectorCache | None = None) -> NDArray[np.float32]:
        """(n, dim) float32 unit rows of numbers that a float16 can hold: nearly what the encoder gives without tuning;
        arguments as for `read`."""
        with self._encoding, self.encoder.untuned() as encoder:
            return rounded_to_float16(encoder.encode(texts) if cache is None else cache.vectors(encoder, texts))

    def save(self, folder: Path) -> None:
        """Write network, lexicon and tuned weights; the encoder itself stays where it is."""
        save_file({name: tensor.cpu() for name, tensor in self.network.state_dict().items()}, folder / _WEIGHTS)
        np.save(folder / _TOKENS, self.lexicon.tokens, allow_pickle=False)
        np.save(folder / _TOKEN_WEIGHTS, self.lexicon.weights, allow_pickle=False)
        if self.encoder.tuning is not None:
            weights = self.encoder.tuning.weights
            save_file({name: tensor.cpu().contiguous() for name, tensor in weights.items()}, folder / _TUNING)

    @classmethod
    def load(cls, folder: Path, encoder_name: str, max_tokens: int) -> "TextReader":
        """Read what `save` wrote, and the encoder by its name."""
        encoder = TextEncoder.load(encoder_name, max_tokens)
        if (folder / _TUNING).is_file():
            encoder = encoder.changed(load_file(folder / _TUNING))
        lexicon = Lexicon(
            np.load(folder / _TOKENS, allow_pickle=False), np.load(folder / _TOKEN_WEIGHTS, allow_pickle=False)
        )
        state = load_file(folder / _WEIGHTS)
        network = InterestNetwork(encoder.dim, len(lexicon), len(state["place_logits"]), len(state["event_logits"]))
        network.load_state_dict(state)
        return cls(encoder, lexicon, network.eval().to(encoder.device))
