"""Distillation: the teacher's probabilities as soft targets of the interest model.

Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network", 2015.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from torch import nn

from recsys.text.attention import attended_events
from recsys.text.examples import Examples
from recsys.text.network import InterestNetwork
from recsys.text.plan import StagePlan
from recsys.text.scoring import Scorer
from recsys.text.teaching.teacher import Teacher
from recsys.text.teaching.teacher_training import Pools, draw_requests


@dataclass(frozen=True)
class SoftTargets:
    """What the teacher says of some requests: a probability for each item of their pools.

    Attributes:
        examples: the requests.
        items: (n, k) item numbers.
        log_probabilities: (n, k) of each item, by interest and teacher together.
        weight: of this in the loss.
    """

    examples: Examples
    items: NDArray[np.int64]
    log_probabilities: NDArray[np.float32]
    weight: float

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def of(cls, teacher: Teacher, scorer: Scorer, training: Examples, plan: StagePlan, weight: float) -> "SoftTargets":
        """Soft targets of as many requests with a history as the teacher can read until the plan's deadline."""
        generator = np.random.default_rng([plan.seed, 3])
        parts: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
        chosen: list[NDArray[np.int64]] = []
        for rows in draw_requests(training, generator):
            if plan.is_over() and parts:
                break
            pools = Pools.of(scorer, training.select(rows))
            logits = teacher.rerank(pools.logits, pools.examples.histories(), pools.items)
            parts.append((pools.items, log_softmax(logits, axis=1).astype(np.float32)))
            chosen.append(rows)
        items, log_probabilities = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(training.select(np.concatenate(chosen)), items, log_probabilities, weight)

    def loss(
        self,
        network: InterestNetwork,
        texts: Callable[[NDArray[np.int64]], torch.Tensor],
        rows: NDArray[np.int64],
        max_history: int,
        n_kinds: int,
    ) -> torch.Tensor:
        """How far the network is from the teacher: the mean divergence of Kullback and Leibler.

        Args:
            network: that learns.
            texts: (n,) item numbers to (n, dim) what these say, see `InterestNetwork.read_texts`.
            rows: (m,) which of the requests are looked at.
            max_history, n_kinds: of the network.
        """
        events = attended_events(self.examples.select(rows).histories(), max_history, n_kinds)
        past, indices = np.unique(events.items, return_inverse=True)
        items, columns = np.unique(self.items[rows], return_inverse=True)
        logits = network(texts(past), events, indices, len(rows), texts(items))
        listed = torch.from_numpy(columns.reshape(self.items[rows].shape)).to(logits.device)
        said = nn.functional.log_softmax(logits.gather(1, listed), dim=1)
        taught = torch.from_numpy(self.log_probabilities[rows]).to(logits.device)
        return nn.functional.kl_div(said, taught, reduction="batchmean", log_target=True)
