"""The steps of a fit: encode, split by time, train (see `recsys.text.training`), calibrate."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.arrays.float16 import rounded_to_float16
from recsys.config import TextConfig
from recsys.counts import counted
from recsys.data.log.interactions import InteractionLog
from recsys.errors import ConfigError
from recsys.progress import Progress, silent
from recsys.text.cache import VectorCache
from recsys.text.encoder import TextEncoder, TunedWeights
from recsys.text.examples import Examples
from recsys.text.interest import InterestModel
from recsys.text.lexicon import Lexicon
from recsys.text.logit_calibration import labelled_pairs
from recsys.text.network import InterestNetwork
from recsys.text.plan import WARM_PASSES, StagePlan, Stopwatch
from recsys.text.reader import TextReader
from recsys.text.settings import InterestSettings
from recsys.text.teaching.teacher import Teacher
from recsys.text.teaching.teacher_training import train_teacher
from recsys.text.team import ALONE, Together
from recsys.text.training.checkpoint import Checkpoints, fingerprint
from recsys.text.training.sampling import PassedOver, Sampler
from recsys.text.training.stages import NETWORK, TEACHER, Learned, Training
from recsys.text.tuning.lower import LowerLayers

_VALIDATION_SHARE = 0.05
"""Newest share of the examples: held out, to stop by and to calibrate."""

_ENOUGH = 500
"""A small log holds out twice that share, but at most this many examples: stopping and calibration need some."""

_MOST_VALIDATION, _LEAST_VALIDATION = 2_000, 200
_VALIDATION_SCORES = 60_000_000
"""Scores of one check: with a large catalogue fewer examples are held out, or checking would eat the budget."""

_FEWEST_EXAMPLES = 40
"""With fewer, nothing is trained."""

_WITHOUT_HISTORY = 4
"""Of examples without a history one in this many is kept: they teach the prior, and little else."""


@dataclass(frozen=True)
class InterestFitting:
    """One fit of an interest model.

    Attributes:
        texts: (n_items,) what each item says.
        log: events of any kind, already cut in time. Without a positive one the model stays as it starts, which ranks
            by similarity to the newest events.
        config: the `text` section.
        seed: the same seed gives the same model, as long as the time budget does not bind.
        minutes: wall-clock budget of the training, encoding not counted; None takes `config.budget_minutes`.
        cache: vectors that were encoded before.
        earlier: an earlier model, to continue from; None starts from scratch.
        warm_passes: passes over the examples when continuing, as a share of `config.epochs`; at least one is made.
        checkpoint: a folder for checkpoints of the training. After an interruption the same fit resumes from it; it is
            empty again at the end.
        together: has the training done by several processes, see `recsys.text.team`; a checkpoint must then be on a
            disk that all of them share. None: this process trains alone.
        progress: called with a line of text now and then.
    """

    texts: Sequence[str]
    log: InteractionLog
    config: TextConfig
    seed: int = 0
    minutes: float | None = None
    cache: VectorCache | None = None
    earlier: InterestModel | None = None
    warm_passes: float = WARM_PASSES
    checkpoint: Path | None = None
    together: Together | None = None
    progress: Progress = silent

    def run(self) -> InterestModel:
        """Encode all texts, train on all but the newest examples, and calibrate on those.

        Raises:
            ConfigError: the encoder cannot be loaded or adapted; several are to train together with a teacher.
        """
        texts, config = self.texts, self.config
        if self.together is not None and config.distil > 0:
            raise ConfigError(
                "text.distil: a teacher is trained by one process alone; set it to 0, or do without --engine"
            )
        log = self.log.with_own_requests()
        encoder = TextEncoder.load(config.encoder, config.max_tokens)
        base = vectors = self._encoded(encoder)
        tuning = self._earlier_tuning(encoder)
        if tuning is not None:
            encoder = encoder.changed(tuning.weights)
            vectors = self._encoded(encoder)
        tokens = encoder.tokens(texts)
        lexicon = Lexicon.from_texts(tokens)
        n_kinds = 1 + len(log.event_names)
        network, continues = self._network(encoder, lexicon, n_kinds)
        training, validation = split(Examples.from_log(log, config.history), len(texts))
        bags = lexicon.bags(tokens)
        learned = Learned(encoder, network, vectors, curve=())
        if len(training) >= _FEWEST_EXAMPLES and len(validation) and self.budget_minutes > 0:
            sampler = Sampler(
                training, len(texts), config.history, n_kinds, config.batch_size, PassedOver.from_log(log)
            )
            task = Training(
                start=learned,
                tokens=tokens,
                bags=bags,
                sampler=sampler,
                validation=validation,
                checkpoints=self._checkpoints(log, encoder),
                config=config,
                epochs=self._epochs(continues, tuning is not None),
                seed=self.seed,
                minutes=self.budget_minutes,
            )
            learned = self._trained(task)
        scorer = learned.network.scorer(learned.vectors, bags)
        click, purchase = labelled_pairs(scorer, log, validation, config.history, self.seed).calibrations()
        encoder, reader = learned.encoder, TextReader(learned.encoder, lexicon, learned.network)
        settings = InterestSettings(config.encoder, encoder.base_version, encoder.max_tokens, click, purchase)
        return InterestModel(settings, scorer, rounded_to_float16(base), reader, learned.curve)

    @property
    def budget_minutes(self) -> float:
        """Wall-clock budget of the training."""
        return self.config.budget_minutes if self.minutes is None else self.minutes

    def _encoded(self, encoder: TextEncoder) -> NDArray[np.float32]:
        """(n_items, dim) vectors of the texts, from the cache where it has them."""

        def report(count: int) -> None:
            self.progress(f"text: encoded {counted(count, 'text')}")

        if self.cache is None:
            return encoder.encode(self.texts, report)
        return self.cache.vectors(encoder, self.texts, report)

    def _earlier_tuning(self, encoder: TextEncoder) -> TunedWeights | None:
        """How the earlier model's encoder was tuned; None where it was not, or where it is another encoder."""
        if self.earlier is None or self.earlier.base_encoder_version != encoder.version:
            return None
        return self.earlier.reader.encoder.tuning

    def _network(self, encoder: TextEncoder, lexicon: Lexicon, n_kinds: int) -> tuple[InterestNetwork, bool]:
        """The network to be trained, and whether it continues from the earlier model's, whose form must be the same."""
        torch.manual_seed(self.seed)
        network = InterestNetwork(encoder.dim, len(lexicon), self.config.history, n_kinds).to(encoder.device)
        earlier = self.earlier.reader if self.earlier is not None else None
        if earlier is None or earlier.network.prior.shape != network.prior.shape:
            return network, False
        network.warm_start_from(earlier.network, earlier.lexicon.indices(lexicon.tokens))
        return network, True

    def _trained(self, task: Training) -> Learned:
        """What a training makes, here or in a team; the vectors of an encoder that it tuned are kept."""
        learned = self.together(task.run, self.progress) if self.together else task.run(ALONE, self.progress)
        if self.cache is not None and learned.encoder.tuning is not None:
            self.cache.keep(learned.encoder.version, self.texts, learned.vectors)
        return learned

    def _epochs(self, network_continues: bool, tuning_continues: bool) -> dict[str, int]:
        """Most passes over the examples of each stage: fewer for what continues from an earlier model."""
        from_scratch = self.config.epochs
        warm = max(1, int(self.warm_passes * from_scratch))
        return {
            NETWORK: warm if network_continues else from_scratch,
            self.config.peft: warm if tuning_continues else from_scratch,
            TEACHER: from_scratch,
        }

    def _checkpoints(self, log: InteractionLog, encoder: TextEncoder) -> Checkpoints | None:
        if self.checkpoint is None:
            return None
        name = fingerprint(self.texts, log, self.config, self.seed, self.budget_minutes, encoder.version)
        return Checkpoints(self.checkpoint.absolute(), name)


def split(examples: Examples, n_items: int) -> tuple[Examples, Examples]:
    """Examples to train on, and later ones to stop by: the newest share, never more than is needed."""
    most = min(_MOST_VALIDATION, max(_LEAST_VALIDATION, _VALIDATION_SCORES // max(1, n_items)))
    share = int(len(examples) * _VALIDATION_SHARE)
    held = min(max(share, min(2 * share, _ENOUGH)), most)
    cut = len(examples) - held
    has_history = examples.stops > examples.starts
    taught = has_history | (np.cumsum(~has_history) % _WITHOUT_HISTORY == 0)
    return examples.select(taught & (np.arange(len(examples)) < cut)), examples.select(slice(cut, None))


def fit_teacher(
    model: InterestModel,
    texts: Sequence[str],
    log: InteractionLog,
    config: TextConfig,
    *,
    minutes: float,
    progress: Progress = silent,
) -> Teacher:
    """Train a cross-encoder that reranks the best items of a fitted model: slower, for a few.

    Args:
        model: what is reranked.
        texts: (n_items,) those that the model was fitted on.
        log: what the teacher learns from.
        config: the `text` section.
        minutes: wall-clock budget.
        progress: called with a line of text at the end.

    Raises:
        ConfigError: no cross-encoder can be made of the model's encoder.
    """
    encoder = model.reader.encoder
    training, validation = split(Examples.from_log(log, config.history), len(texts))
    lower = LowerLayers(encoder, encoder.tokens(texts), config.upper_layers)
    plan = StagePlan(
        stage=TEACHER,
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        accumulate=1,
        seed=0,
        clock=Stopwatch(),
        started=0.0,
        deadline=60.0 * minutes,
    )
    lower.keep(plan.is_over)
    teacher = Teacher.untrained(lower)
    if len(training):
        train_teacher(teacher, model.scorer, training, validation, plan, progress)
    return teacher
