"""The steps of a fit: encode, split by time, train the network, tune the encoder, calibrate."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.config import TextConfig
from recsys.data.interactions import InteractionLog
from recsys.text.adapter import AdaptedEncoder
from recsys.text.cache import VectorCache
from recsys.text.calibration import Head, labelled_pairs
from recsys.text.encoder import TextEncoder
from recsys.text.finetune import Plan, Trainer
from recsys.text.instances import Instances
from recsys.text.lexicon import Lexicon
from recsys.text.network import InterestNetwork
from recsys.text.reader import TextReader
from recsys.text.sampling import Sampler
from recsys.text.scoring import Scorer

Progress = Callable[[str], None]

_VALIDATION_SHARE = 0.05
_MOST_VALIDATION = 2_000
_FEWEST_EXAMPLES = 40
_NETWORK_SHARE = 0.6
"""Share of the time budget for the network on frozen vectors, before an adapter joins."""
_PASSES = 4
"""An adapter is worth starting if so many passes over the catalogue fit into the time that is left."""

_WITHOUT_HISTORY = 4
"""One in so many examples without a history is kept: they teach the prior, and little else."""


@dataclass(frozen=True)
class Fitted:
    """What a fit gives."""

    reader: TextReader
    scorer: Scorer
    base_vectors: NDArray[np.float32]
    click: Head
    purchase: Head


def fit(
    texts: Sequence[str],
    log: InteractionLog,
    config: TextConfig,
    seed: int,
    minutes: float,
    cache: VectorCache | None,
    warm: TextReader | None,
    progress: Progress,
) -> Fitted:
    """Fit a model; the arguments are those of `InterestModel.fit`."""
    encoder = TextEncoder.load(config.encoder, config.max_tokens)

    def encoded(count: int) -> None:
        progress(f"text: encoded {count} texts")

    base = encoder.encode(texts, encoded) if cache is None else cache.vectors(encoder, texts, encoded)
    tokens = encoder.tokens(texts)
    lexicon = Lexicon.from_texts(tokens)
    bags = lexicon.bags(tokens)
    torch.manual_seed(seed)
    network = InterestNetwork(encoder.dim, len(lexicon), config.history, 1 + len(log.event_names)).to(encoder.device)
    if warm is not None and warm.network.prior.shape == network.prior.shape:
        network.go_on_from(warm.network, warm.lexicon.places(lexicon.tokens))
    training, validation = split(Instances.from_log(log, config.history))
    reader = TextReader(encoder, lexicon, network)
    vectors = base
    if len(training) >= _FEWEST_EXAMPLES and len(validation) and minutes > 0:
        sampler = Sampler(training, len(texts), config.history, 1 + len(log.event_names), config.batch_size)
        trainer = Trainer(network, base, bags, sampler, validation, progress)
        started = time.monotonic()
        deadline = started + 60.0 * minutes
        share = _NETWORK_SHARE if config.peft == "lora" else 1.0
        between = started + share * (deadline - started)
        trainer.fit(Plan(config.epochs, config.learning_rate, seed, started, between))
        if config.peft == "lora":
            reader = _tune(trainer, reader, tokens, config, seed, deadline, progress)
        vectors = trainer.vectors
    scorer = network.scorer(vectors, bags)
    click, purchase = labelled_pairs(scorer, log, validation, config.history, seed).heads()
    return Fitted(reader, scorer, base, click, purchase)


def split(instances: Instances) -> tuple[Instances, Instances]:
    """Examples to train on, and later ones to stop by: the newest share, never more than is needed."""
    held = min(int(len(instances) * _VALIDATION_SHARE), _MOST_VALIDATION)
    cut = len(instances) - held
    has_history = instances.stops > instances.starts
    taught = has_history | (np.cumsum(~has_history) % _WITHOUT_HISTORY == 0)
    return instances.select(taught & (np.arange(len(instances)) < cut)), instances.select(slice(cut, None))


def _tune(
    trainer: Trainer,
    reader: TextReader,
    tokens: Sequence[Sequence[int]],
    config: TextConfig,
    seed: int,
    deadline: float,
    progress: Progress,
) -> TextReader:
    """Train an adapter together with the network, if the time that is left is enough for it."""
    adapter = AdaptedEncoder(reader.encoder, tokens, config.lora_rank, config.upper_layers)
    left = deadline - time.monotonic()
    if adapter.seconds_per_pass * _PASSES > left:
        progress(
            f"text: no LoRA: {left:.0f} s are left of the budget, and reading the catalogue alone takes about "
            f"{adapter.seconds_per_pass:.0f} s; raise text.budget_minutes"
        )
        return TextReader(adapter.removed(), reader.lexicon, reader.network)
    adapter.keep_lower_states()
    trainer.fit(Plan(config.epochs, config.learning_rate, seed, time.monotonic(), deadline), adapter)
    return TextReader(adapter.adapted(), reader.lexicon, reader.network)
