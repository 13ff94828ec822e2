"""The steps of a fit: encode, split by time, train (see `training`), calibrate."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.config import TextConfig
from recsys.data.float16 import rounded_to_float16
from recsys.data.interactions import InteractionLog
from recsys.errors import ConfigError
from recsys.progress import Progress
from recsys.text.cache import VectorCache
from recsys.text.calibration import PlattScaling, labelled_pairs
from recsys.text.checkpoint import Checkpoints, fingerprint
from recsys.text.curves import Point
from recsys.text.encoder import TextEncoder
from recsys.text.examples import Examples
from recsys.text.lexicon import Lexicon
from recsys.text.lower import LowerLayers
from recsys.text.network import InterestNetwork
from recsys.text.plan import StagePlan, Stopwatch
from recsys.text.reader import TextReader
from recsys.text.sampling import PassedOver, Sampler
from recsys.text.scoring import Scorer
from recsys.text.teacher import Teacher
from recsys.text.teacher_training import train_teacher
from recsys.text.team import ALONE, Together
from recsys.text.training import NETWORK, TEACHER, Learned, Training

_VALIDATION_SHARE = 0.05
_ENOUGH = 500
"""A small log holds out twice that share, but at most this many examples: stopping and calibration need some."""
_MOST_VALIDATION, _LEAST_VALIDATION = 2_000, 200
_VALIDATION_SCORES = 60_000_000
"""Scores of one check: with a large catalogue fewer examples are held out, or checking would eat the budget."""
_FEWEST_EXAMPLES = 40
_WITHOUT_HISTORY = 4
"""Of examples without a history one in this many is kept: they teach the prior, and little else."""


@dataclass(frozen=True)
class Fitted:
    """What a fit gives."""

    reader: TextReader
    scorer: Scorer
    base_vectors: NDArray[np.float32]
    click: PlattScaling
    purchase: PlattScaling
    curve: tuple[Point, ...]


def fit(
    texts: Sequence[str],
    log: InteractionLog,
    config: TextConfig,
    *,
    seed: int,
    minutes: float,
    cache: VectorCache | None,
    earlier: TextReader | None,
    warm_passes: float,
    checkpoint: Path | None,
    together: Together | None,
    progress: Progress,
) -> Fitted:
    """Fit a model; the arguments are those of `InterestModel.fit`."""
    if together is not None and config.distil > 0:
        raise ConfigError("text.distil: a teacher is trained by one process alone; set it to 0, or do without --engine")
    log = log.with_own_requests()
    encoder = TextEncoder.load(config.encoder, config.max_tokens)
    base = vectors = _encoded(encoder, texts, cache, progress)
    again = max(1, int(warm_passes * config.epochs))
    epochs = {NETWORK: config.epochs, config.peft: config.epochs, TEACHER: config.epochs}
    if earlier is not None and earlier.encoder.tuning is not None and earlier.encoder.base_version == encoder.version:
        encoder = encoder.changed(earlier.encoder.tuning.weights)
        vectors = _encoded(encoder, texts, cache, progress)
        epochs[config.peft] = again
    tokens = encoder.tokens(texts)
    lexicon = Lexicon.from_texts(tokens)
    n_kinds = 1 + len(log.event_names)
    torch.manual_seed(seed)
    network = InterestNetwork(encoder.dim, len(lexicon), config.history, n_kinds).to(encoder.device)
    if earlier is not None and earlier.network.prior.shape == network.prior.shape:
        network.warm_start_from(earlier.network, earlier.lexicon.places(lexicon.tokens))
        epochs[NETWORK] = again
    training, validation = split(Examples.from_log(log, config.history), len(texts))
    bags = lexicon.bags(tokens)
    curve: tuple[Point, ...] = ()
    if len(training) >= _FEWEST_EXAMPLES and len(validation) and minutes > 0:
        passed_over = PassedOver.from_log(log)
        sampler = Sampler(training, len(texts), config.history, n_kinds, config.batch_size, passed_over)
        checkpoints = None
        if checkpoint is not None:
            name = fingerprint(texts, log, config, seed, minutes, encoder.version)
            checkpoints = Checkpoints(checkpoint.absolute(), name)
        learned = Learned(encoder, network, vectors, curve)
        training_of = Training(learned, tokens, bags, sampler, validation, checkpoints, config, epochs, seed, minutes)
        learned = together(training_of.run, progress) if together else training_of.run(ALONE, progress)
        encoder, network, vectors, curve = learned.encoder, learned.network, learned.vectors, learned.curve
        if cache is not None and encoder.tuning is not None:
            cache.keep(encoder.version, texts, vectors)
    reader = TextReader(encoder, lexicon, network)
    scorer = network.scorer(vectors, bags)
    click, purchase = labelled_pairs(scorer, log, validation, config.history, seed).calibrations()
    return Fitted(reader, scorer, rounded_to_float16(base), click, purchase, curve)


def split(examples: Examples, n_items: int) -> tuple[Examples, Examples]:
    """Examples to train on, and later ones to stop by: the newest share, never more than is needed."""
    most = min(_MOST_VALIDATION, max(_LEAST_VALIDATION, _VALIDATION_SCORES // max(1, n_items)))
    share = int(len(examples) * _VALIDATION_SHARE)
    held = min(max(share, min(2 * share, _ENOUGH)), most)
    cut = len(examples) - held
    has_history = examples.stops > examples.starts
    taught = has_history | (np.cumsum(~has_history) % _WITHOUT_HISTORY == 0)
    return examples.select(taught & (np.arange(len(examples)) < cut)), examples.select(slice(cut, None))


def _encoded(
    encoder: TextEncoder, texts: Sequence[str], cache: VectorCache | None, progress: Progress
) -> NDArray[np.float32]:
    def encoded(count: int) -> None:
        progress(f"text: encoded {count} texts")

    return encoder.encode(texts, encoded) if cache is None else cache.vectors(encoder, texts, encoded)


def fit_teacher(
    encoder: TextEncoder,
    scorer: Scorer,
    texts: Sequence[str],
    log: InteractionLog,
    config: TextConfig,
    seed: int,
    minutes: float,
    progress: Progress,
) -> Teacher:
    """Train a teacher beside a fitted model; the arguments are those of `InterestModel.teacher`."""
    training, validation = split(Examples.from_log(log, config.history), len(texts))
    lower = LowerLayers(encoder, encoder.tokens(texts), config.upper_layers)
    plan = StagePlan(TEACHER, config.epochs, config.learning_rate, 1, seed, Stopwatch(), 0.0, 60.0 * minutes)
    lower.keep(plan.is_over)
    teacher = Teacher.untrained(lower, seed)
    if len(training):
        train_teacher(teacher, scorer, training, validation, plan, progress)
    return teacher
