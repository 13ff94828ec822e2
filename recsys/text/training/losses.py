"""The training loss: sampled softmax over next events, and over what was shown beside them."""

import numpy as np
import torch
from torch import nn

from recsys.text.network import InterestNetwork
from recsys.text.team import ALONE, Team
from recsys.text.training.sampling import Batch

_NOTHING = -1e9
"""Logit of an item that is no candidate."""


def batch_loss(network: InterestNetwork, texts: torch.Tensor, whole: Batch, team: Team = ALONE) -> torch.Tensor:
    """Mean cross-entropy of the targets, among the candidates and among what was shown with them and passed over.

    In a team, a process looks at its share of the targets, and the sum over all processes is that mean.

    Args:
        network: the model.
        texts: (n_needed, dim), what the items of the batch say.
        whole: histories, targets and candidates.
    """
    batch = whole.part(team.share(len(whole.labels))) if team.size > 1 else whole
    device = texts.device
    past, indices = np.unique(batch.indices, return_inverse=True)
    logits = network(
        texts[torch.from_numpy(past).to(device)],
        batch.events,
        indices,
        len(batch.labels),
        texts[torch.from_numpy(batch.candidates).to(device)],
    )
    weights, labels = torch.from_numpy(batch.weights).to(device), torch.from_numpy(batch.labels).to(device)
    corrected = logits - torch.from_numpy(batch.log_probabilities).to(device)
    corrected = corrected.masked_fill(torch.from_numpy(batch.masked).to(device), _NOTHING)
    loss = (nn.functional.cross_entropy(corrected, labels, reduction="none") * weights).sum() / len(whole.labels)
    rows = np.flatnonzero(batch.skipped.any(axis=1))
    if not len(rows):
        return loss
    # Not corrected by probabilities: these items were shown, and not drawn by the sampler.
    shown = batch.skipped[rows]
    shown[np.arange(len(rows)), batch.labels[rows]] = True
    chosen = torch.from_numpy(rows).to(device)
    beside = logits[chosen].masked_fill(~torch.from_numpy(shown).to(device), _NOTHING)
    losses = nn.functional.cross_entropy(beside, labels[chosen], reduction="none") * weights[chosen]
    return loss + losses.sum() / len(whole.labels)
