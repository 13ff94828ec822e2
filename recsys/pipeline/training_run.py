"""How a training is done, whatever it learns from."""

from dataclasses import dataclass

from recsys.pipeline.engines.engine import Engine
from recsys.progress import Progress, silent
from recsys.text.cache import VectorCache
from recsys.text.plan import WARM_PASSES


@dataclass(frozen=True)
class TrainingRun:
    """What all parts of one training share.

    Attributes:
        seed: every random draw follows from it.
        cache: text vectors encoded before; None keeps none.
        engine: its processes encode texts, train the text model and fit rankers; without it, this one does.
        progress: called with a line of text now and then.
        warm_passes: of the text model in a step that continues from an earlier one, see `InterestFitting`.
    """

    seed: int = 0
    cache: VectorCache | None = None
    engine: Engine | None = None
    progress: Progress = silent
    warm_passes: float = WARM_PASSES
