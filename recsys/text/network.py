"""The interest model as a torch module: what is trained. Serving uses the same formulas in numpy (`scoring.py`)."""

import math

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import nn

from recsys.arrays.float16 import rounded_to_float16
from recsys.text.attention import AGES, AttendedEvents
from recsys.text.compiled import MAX_LOGIT
from recsys.text.scoring import PARAMETERS, Scorer, TextVectors

_TEMPERATURE = 0.07
"""The scale of dot products starts from one over this (Radford et al., CLIP, 2021)."""

_MAX_SCALE = 50.0
"""So that exp of a scaled dot product stays a float32."""

_DROPOUT = 0.2
_TOKEN_DROPOUT = 0.5
"""Of the towers' inputs, and of the words of a text: what one word alone says would be learned by heart."""

_UNKNOWN = 0.3
"""Share of training examples whose times, or event names, are hidden: histories given as ids only have neither."""


class Tower(nn.Module):
    """A linear map that starts as the identity."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(_DROPOUT)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(n, dim) -> (n, dim), rows of length 1."""
        return nn.functional.normalize(vectors + self.linear(self.dropout(vectors)), dim=-1)


class InterestNetwork(nn.Module):
    """Every event of a history proposes what comes next; attention says how much each proposal counts.

        logit(user, item) = log sum_c share_c exp(scale * source_c . target_item) + bias_item

    over the events c of the history and one component that is always there, the learned prior. A mixture keeps the
    separate interests of a user apart where one mean vector would blur them (late interaction: Khattab & Zaharia,
    ColBERT, 2020; mixture of softmaxes: Yang et al., 2018).

    Attributes:
        words: (n_tokens, dim) what each word adds to the encoder's vector of a text.
        source, target: what an item of a history asks for, and what an item offers.
        bias: how wanted an item is for what it says, whoever asks.
        content: attention logit of an event, from what its item says.
        log_scale: logarithm of the inverse temperature, see `scale`.
        prior: (dim,) source of the component that is always there; `prior_logit` is its attention logit.
        place_logits: (max_history,) attention logit by position in the history, 0 for the newest event.
        age_logits: (AGES,) by age, see `recsys.text.attention`; 0 stands for an unknown one.
        event_logits: (n_kinds,) by kind of event; 0 stands for an unknown one.
        worth: of log(1 + weight) of an event, added to its attention logit.
    """

    def __init__(self, dim: int, n_tokens: int, max_history: int, n_kinds: int) -> None:
        """A network that ranks by similarity to the newest events: towers are the identity, words and biases are 0.

        Args:
            dim: of the encoder's vectors.
            n_tokens: words of the lexicon.
            max_history: most events of a history.
            n_kinds: names of events, and one more for an unknown one.
        """
        super().__init__()
        self.words = nn.EmbeddingBag(n_tokens, dim, mode="sum")
        nn.init.zeros_(self.words.weight)
        self.source = Tower(dim)
        self.target = Tower(dim)
        self.bias = nn.Linear(dim, 1)
        self.content = nn.Linear(dim, 1)
        for layer in (self.bias, self.content):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(_TEMPERATURE)))
        self.prior = nn.Parameter(torch.zeros(dim))
        self.prior_logit = nn.Parameter(torch.tensor(-3.0))
        self.place_logits = nn.Parameter(-0.3 * torch.arange(max_history, dtype=torch.float32))
        self.age_logits = nn.Parameter(torch.zeros(AGES))
        self.event_logits = nn.Parameter(torch.zeros(n_kinds))
        self.worth = nn.Parameter(torch.tensor(0.5))

    def warm_start_from(self, earlier: "InterestNetwork", words: NDArray[np.int64]) -> None:
        """Copy what an earlier network learned, as far as the two have words and tables in common.

        Args:
            earlier: a network over the same encoder.
            words: (n_tokens,) row of each of this network's tokens in the earlier one, -1 where it is new.
        """
        mine, its = self.state_dict(), earlier.state_dict()
        for name, learned in its.items():
            if name == "words.weight":
                known = torch.from_numpy(np.flatnonzero(words >= 0)).to(learned.device)
                mine[name][known] = learned[torch.from_numpy(words[words >= 0]).to(learned.device)]
            elif learned.ndim and learned.shape != mine[name].shape:  # other lengths of history, or kinds of events
                shared = min(len(learned), len(mine[name]))
                mine[name][:shared] = learned[:shared]
            else:
                mine[name].copy_(learned)

    @property
    def scale(self) -> torch.Tensor:
        """Inverse temperature, bounded so that exp never overflows."""
        return self.log_scale.exp().clamp(max=_MAX_SCALE)

    def read_texts(self, vectors: torch.Tensor, bags: sp.csr_matrix) -> torch.Tensor:
        """What texts say: encoder vectors (n, dim) and token bags (n, n_tokens) -> (n, dim)."""
        weights = torch.from_numpy(bags.data).to(vectors)
        if self.training:
            weights = nn.functional.dropout(weights, _TOKEN_DROPOUT)
        indices = torch.from_numpy(bags.indices.astype(np.int64)).to(vectors.device)
        offsets = torch.from_numpy(bags.indptr[:-1].astype(np.int64)).to(vectors.device)
        words: torch.Tensor = self.words(indices, offsets, per_sample_weights=weights)
        return vectors + words

    def describe(self, vectors: NDArray[np.float32], bags: sp.csr_matrix) -> TextVectors:
        """Texts as arrays for inference: encoder vectors (n, dim) and token bags (n, n_tokens)."""
        self.eval()
        with torch.inference_mode():
            # A copy: vectors from a cluster's shared memory are read-only, which torch does not know.
            texts = self.read_texts(torch.from_numpy(np.array(vectors)).to(self.prior.device), bags)
            columns = (self.source(texts), self.target(texts), self.bias(texts)[:, 0], self.content(texts)[:, 0])
            sources, targets, biases, item_logits = (column.cpu().numpy() for column in columns)
            return TextVectors(sources, rounded_to_float16(targets), biases, item_logits)

    def scorer(self, vectors: NDArray[np.float32], bags: sp.csr_matrix) -> Scorer:
        """The network as it stands, for a catalogue of texts."""
        tables = {name: getattr(self, name).detach().clone().cpu().numpy() for name in PARAMETERS}
        return Scorer(self.describe(vectors, bags), tables | {"scale": self.scale.detach().cpu().numpy()})

    def forward(
        self,
        past: torch.Tensor,
        events: AttendedEvents,
        indices: NDArray[np.int64],
        n_requests: int,
        candidates: torch.Tensor,
    ) -> torch.Tensor:
        """Interest logits.

        Args:
            past: (n_past, dim) texts of the distinct items in the histories.
            events: the events read; `indices` (n_read,) is the row of each one's item in `past`.
            n_requests: number of histories.
            candidates: (n_candidates, dim) texts of the items to score.

        Returns:
            (n_requests, n_candidates).
        """
        rows = torch.from_numpy(events.rows).to(past.device)
        inverse = torch.from_numpy(indices).to(past.device)
        shares, prior_share = self._shares(past, events, rows, inverse, n_requests)
        targets = self.target(candidates)
        proposals = (self.scale * (self.source(past) @ targets.T)).exp()
        mixture = (prior_share[:, None] * (self.prior @ targets.T).exp()).index_add(
            0, rows, shares[:, None] * proposals[inverse]
        )
        logits: torch.Tensor = mixture.log() + self.bias(candidates)[:, 0]
        return logits

    def _shares(
        self, past: torch.Tensor, events: AttendedEvents, rows: torch.Tensor, inverse: torch.Tensor, n_requests: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        ages, kinds = events.ages, events.kinds
        if self.training:
            hide_time, hide_kind = torch.rand(2, n_requests).numpy() < _UNKNOWN
            ages = np.where(hide_time[events.rows], 0, ages)
            kinds = np.where(hide_kind[events.rows], 0, kinds)
        logits = (
            self.content(past)[inverse, 0]
            + self.place_logits[torch.from_numpy(events.positions)]
            + self.age_logits[torch.from_numpy(ages)]
            + self.event_logits[torch.from_numpy(kinds)]
            + self.worth * torch.from_numpy(events.log_weights).to(past.device)
        )
        powers = logits.clamp(max=MAX_LOGIT).exp()
        prior = self.prior_logit.exp()
        totals = prior.expand(n_requests).index_add(0, rows, powers)
        return powers / totals[rows], prior / totals
