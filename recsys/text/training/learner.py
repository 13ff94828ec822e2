"""What learns in a training of the text model, and what it learns from: the same in all stages."""

import math
import time
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from recsys.progress import Progress
from recsys.text.curves import Point, TensorBoardLog
from recsys.text.examples import Examples
from recsys.text.network import InterestNetwork
from recsys.text.scoring import Scorer
from recsys.text.team import ALONE, Team
from recsys.text.training.checkpoint import Checkpoints, Position
from recsys.text.training.sampling import Sampler
from recsys.text.training.validation import ndcg_of_targets


@dataclass
class Learner:
    """What the stages of a training share: the network that learns, what it learns from, and how well it does.

    In a team every process draws the same batches, and works on its share of the targets, texts and validation
    examples; summed over processes, the gradients are those of one process alone.

    Attributes:
        network: what learns, in place.
        vectors: (n_items, dim) float32 encoder vectors as the adapter stands.
        bags: (n_items, n_tokens) words of each text.
        sampler, validation: examples to learn from, and later ones to stop by.
        checkpoints, board: where checkpoints and learning curves go; None: nowhere.
        curve: what was measured, all stages in turn.
        seconds_per_check, seconds_per_step: what the last ones took; 0 before the first.
    """

    network: InterestNetwork
    vectors: NDArray[np.float32]
    bags: sp.csr_matrix
    sampler: Sampler
    validation: Examples
    progress: Progress
    checkpoints: Checkpoints | None = None
    board: TensorBoardLog | None = None
    team: Team = ALONE
    curve: tuple[Point, ...] = field(default=(), init=False)
    seconds_per_check: float = field(default=0.0, init=False)
    seconds_per_step: float = field(default=0.0, init=False)
    _epoch: tuple[int, list[NDArray[np.int64]]] = field(default=(-1, []), init=False)

    def scorer(self) -> Scorer:
        """The network as it stands, for inference."""
        return self.network.scorer(self.vectors, self.bags)

    def saved(self) -> tuple[Position, dict[str, torch.Tensor]] | None:
        """What an interrupted training left, as the first process of the team finds it."""
        first = self.checkpoints is not None and self.team.rank == 0
        return self.team.broadcast(self.checkpoints.read() if self.checkpoints is not None and first else None)

    def check(self) -> NDArray[np.float64]:
        """(n_validation,) ndcg@10 of each later example, as the network stands."""
        started = time.monotonic()
        share, values = self.team.share(len(self.validation)), np.zeros(len(self.validation))
        with np.errstate(over="ignore", invalid="ignore"):  # scores that overflow rank behind all others
            values[share] = ndcg_of_targets(self.scorer(), self.validation.select(share))
        values = self.team.sum(torch.from_numpy(values)).numpy()
        self.seconds_per_check = time.monotonic() - started
        return values

    def record(self, point: Point) -> None:
        """Add a point to the curve."""
        self.curve = (*self.curve, point)
        if self.board is not None:
            self.board.add(point)

    def examples_of(self, seed: int, number: int) -> NDArray[np.int64]:
        """The examples of one batch: every epoch is a permutation of its own."""
        n = len(self.sampler.examples)
        epoch, index = divmod(number, math.ceil(n / self.sampler.batch_size))
        if self._epoch[0] != epoch:
            order = np.random.default_rng([seed, 0, epoch]).permutation(n)
            self._epoch = epoch, np.array_split(order, math.ceil(n / self.sampler.batch_size))
        return self._epoch[1][index]

    def read(self, items: NDArray[np.int64]) -> torch.Tensor:
        """(n, dim) what some items say, with gradient to the network alone."""
        return self.network.read_texts(
            torch.from_numpy(self.vectors[items]).to(self.network.prior.device), self.bags[items]
        )
