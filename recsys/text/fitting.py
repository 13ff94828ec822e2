"""The steps of a fit: encode, split by time, train the network, tune the encoder, calibrate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.config import TextConfig
from recsys.data.interactions import InteractionLog
from recsys.text.adapter import AdaptedEncoder
from recsys.text.cache import VectorCache
from recsys.text.calibration import Head, labelled_pairs
from recsys.text.checkpoint import Checkpoints, fingerprint
from recsys.text.curves import Point, TensorBoardLog
from recsys.text.encoder import TextEncoder
from recsys.text.finetune import Trainer
from recsys.text.instances import Instances
from recsys.text.lessons import Lessons
from recsys.text.lexicon import Lexicon
from recsys.text.lower import LowerLayers
from recsys.text.network import InterestNetwork
from recsys.text.plan import Clock, Plan
from recsys.text.reader import TextReader
from recsys.text.sampling import PassedOver, Sampler
from recsys.text.scoring import Scorer
from recsys.text.teacher import Teacher
from recsys.text.teaching import train_teacher

Progress = Callable[[str], None]

_VALIDATION_SHARE = 0.05
_ENOUGH = 500
"""A small log holds out twice that share, up to so many: stopping and calibration need more than a handful."""
_MOST_VALIDATION, _LEAST_VALIDATION = 2_000, 200
_VALIDATION_SCORES = 60_000_000
"""Scores of one check: with a large catalogue fewer examples are held out, or checking would eat the budget."""
_FEWEST_EXAMPLES = 40
_PASSES = 4
"""The encoder is worth tuning if so many passes over the catalogue fit into the time that is left."""
_NETWORK, _TEACHER = "network", "teacher"
_TO_TEACH, _TO_ASK = 0.5, 0.2
"""Shares of the teacher's time in which it learns, and in which it says what it thinks; in the rest that is learned."""
_GENTLY = 0.25
"""Learning rate of a network that learns from a teacher over that of one that starts."""

_AGAIN = 0.5
"""Passes over the examples where an earlier model has learned already, as a share of those of a new one."""

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
    curve: tuple[Point, ...]


def fit(
    texts: Sequence[str],
    log: InteractionLog,
    config: TextConfig,
    seed: int,
    minutes: float,
    cache: VectorCache | None,
    warm: TextReader | None,
    checkpoint: Path | None,
    progress: Progress,
) -> Fitted:
    """Fit a model; the arguments are those of `InterestModel.fit`."""
    encoder = TextEncoder.load(config.encoder, config.max_tokens)
    base = vectors = _encoded(encoder, texts, cache, progress)
    again = max(1, int(_AGAIN * config.epochs))
    epochs = {_NETWORK: config.epochs, config.peft: config.epochs, _TEACHER: config.epochs}
    if warm is not None and warm.encoder.tuning is not None and warm.encoder.base_version == encoder.version:
        encoder = encoder.changed(warm.encoder.tuning.weights)
        vectors = _encoded(encoder, texts, cache, progress)
        epochs[config.peft] = again
    tokens = encoder.tokens(texts)
    lexicon = Lexicon.from_texts(tokens)
    n_kinds = 1 + len(log.event_names)
    torch.manual_seed(seed)
    network = InterestNetwork(encoder.dim, len(lexicon), config.history, n_kinds).to(encoder.device)
    if warm is not None and warm.network.prior.shape == network.prior.shape:
        network.go_on_from(warm.network, warm.lexicon.places(lexicon.tokens))
        epochs[_NETWORK] = again
    training, validation = split(Instances.from_log(log, config.history), len(texts))
    reader = TextReader(encoder, lexicon, network)
    bags = lexicon.bags(tokens)
    curve: tuple[Point, ...] = ()
    if len(training) >= _FEWEST_EXAMPLES and len(validation) and minutes > 0:
        passed_over = PassedOver.from_log(log)
        sampler = Sampler(training, len(texts), config.history, n_kinds, config.batch_size, passed_over)
        checkpoints = None
        if checkpoint is not None:
            checkpoints = Checkpoints(checkpoint, fingerprint(texts, log, config, seed, minutes, encoder.version))
        board = TensorBoardLog(Path(config.tensorboard)) if config.tensorboard else None
        trainer = Trainer(network, vectors, bags, sampler, validation, progress, checkpoints, board)
        reader = _train(trainer, reader, tokens, config, epochs, seed, minutes, progress)
        vectors, curve = trainer.vectors, trainer.curve
        if board is not None:
            board.close()
        if cache is not None and reader.encoder.tuning is not None:
            cache.keep(reader.encoder.version, texts, vectors)
    scorer = network.scorer(vectors, bags)
    click, purchase = labelled_pairs(scorer, log, validation, config.history, seed).heads()
    return Fitted(reader, scorer, base, click, purchase, curve)


def split(instances: Instances, n_items: int) -> tuple[Instances, Instances]:
    """Examples to train on, and later ones to stop by: the newest share, never more than is needed."""
    most = min(_MOST_VALIDATION, max(_LEAST_VALIDATION, _VALIDATION_SCORES // max(1, n_items)))
    share = int(len(instances) * _VALIDATION_SHARE)
    held = min(max(share, min(2 * share, _ENOUGH)), most)
    cut = len(instances) - held
    has_history = instances.stops > instances.starts
    taught = has_history | (np.cumsum(~has_history) % _WITHOUT_HISTORY == 0)
    return instances.select(taught & (np.arange(len(instances)) < cut)), instances.select(slice(cut, None))


def _encoded(
    encoder: TextEncoder, texts: Sequence[str], cache: VectorCache | None, progress: Progress
) -> NDArray[np.float32]:
    def encoded(count: int) -> None:
        progress(f"text: encoded {count} texts")

    return encoder.encode(texts, encoded) if cache is None else cache.vectors(encoder, texts, encoded)


def _train(
    trainer: Trainer,
    reader: TextReader,
    tokens: Sequence[Sequence[int]],
    config: TextConfig,
    epochs: Mapping[str, int],
    seed: int,
    minutes: float,
    progress: Progress,
) -> TextReader:
    """Train the network, then with it the encoder, if the time that is left is enough for it."""
    begun = trainer.checkpoints.read() if trainer.checkpoints is not None else None
    position = begun[0] if begun is not None else None
    clock = Clock(position.seconds if position is not None else 0.0)
    deadline = 60.0 * minutes

    def plan(stage: str, started: float) -> Plan:
        return Plan(stage, epochs[stage], config.learning_rate, config.accumulate, seed, clock, started, deadline)

    if position is None or position.stage == _NETWORK:
        trainer.fit(plan(_NETWORK, 0.0))
        if config.distil > 0:
            _learn_from_teacher(trainer, reader.encoder, tokens, config, plan(_TEACHER, clock.seconds), progress)
    if config.peft != "none":
        started = position.started if position is not None and position.stage == config.peft else clock.seconds
        reader = _tune(trainer, reader, tokens, config, plan(config.peft, started), progress)
    if trainer.checkpoints is not None:
        trainer.checkpoints.clear()
    return reader


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
    training, validation = split(Instances.from_log(log, config.history), len(texts))
    lower = LowerLayers(encoder, encoder.tokens(texts), config.upper_layers)
    plan = Plan(_TEACHER, config.epochs, config.learning_rate, 1, seed, Clock(), 0.0, 60.0 * minutes)
    lower.keep(plan.is_over)
    teacher = Teacher.untrained(lower, seed)
    if len(training):
        train_teacher(teacher, scorer, training, validation, plan, progress)
    return teacher


def _learn_from_teacher(
    trainer: Trainer,
    encoder: TextEncoder,
    tokens: Sequence[Sequence[int]],
    config: TextConfig,
    plan: Plan,
    progress: Progress,
) -> None:
    """Train a teacher, and the network on what it says; the network is set back where that is no gain."""
    left = (plan.deadline - plan.started) * (1.0 if config.peft == "none" else 0.5)

    def until(share: float) -> Plan:
        return replace(plan, started=plan.clock.seconds, deadline=plan.started + share * left)

    lower = LowerLayers(encoder, tokens, config.upper_layers)
    if not lower.keep(until(_TO_TEACH).is_over):
        progress("text: no teacher: the budget is spent; raise text.budget_minutes")
        return
    teacher, scorer, training = Teacher.untrained(lower, plan.seed), trainer.scorer(), trainer.sampler.instances
    train_teacher(teacher, scorer, training, trainer.validation, until(_TO_TEACH), progress)
    lessons = Lessons.of(teacher, scorer, training, until(_TO_TEACH + _TO_ASK), config.distil)
    last = replace(until(1.0), learning_rate=_GENTLY * plan.learning_rate)
    if teacher.weight == 0.0 or not trainer.fit(last, lessons=lessons):
        progress("text: the teacher is left out: with it the newest events are not ranked better")


def _tune(
    trainer: Trainer,
    reader: TextReader,
    tokens: Sequence[Sequence[int]],
    config: TextConfig,
    plan: Plan,
    progress: Progress,
) -> TextReader:
    """Tune the encoder together with the network; both stay as they are where that is not clearly better."""
    if config.peft == "none" or plan.is_over():
        progress(f"text: no {config.peft}: the budget is spent; raise text.budget_minutes to tune the encoder")
        return reader
    adapter = AdaptedEncoder(reader.encoder, tokens, config.peft, config.lora_rank, config.upper_layers)
    needed = _PASSES * adapter.seconds_per_pass
    if plan.is_over(needed) or not adapter.lower.keep(plan.is_over):
        progress(
            f"text: no {config.peft}: {max(0.0, plan.deadline - plan.clock.seconds):.0f} s of the budget are left, and "
            f"tuning takes at least {needed:.0f} s; raise text.budget_minutes"
        )
        return TextReader(adapter.abandoned(), reader.lexicon, reader.network)
    if trainer.fit(plan, adapter):
        return TextReader(adapter.finished(), reader.lexicon, reader.network)
    progress(f"text: {config.peft} is left out: it does not rank the newest events better than the encoder as it is")
    return TextReader(adapter.abandoned(), reader.lexicon, reader.network)
