"""Which past events made a score: what attention looks at, and what each event adds to the score of one item."""

import numpy as np
from numpy.typing import NDArray

from recsys.data.log.history import HistoryBatch
from recsys.text.attention import softmax_by_row
from recsys.text.scoring import Scorer


def attention(scorer: Scorer, histories: HistoryBatch) -> NDArray[np.float32]:
    """(n_events,) how much each event counts; sums to 1 within each history that has a positive event.

    Events that are not read (no positive event, or too old) count 0.
    """
    events = scorer.attended_events(histories)
    shares = np.zeros(len(histories.items), dtype=np.float32)
    shares[events.chosen] = softmax_by_row(scorer.event_logits(events), events.rows, len(histories))
    return shares


def attribution(scorer: Scorer, histories: HistoryBatch, items: NDArray[np.int32]) -> NDArray[np.float32]:
    """(n_events,) how much each event contributes to the score of one item per request; sums as `attention`.

    Args:
        scorer: of the model that is to be explained.
        histories: what each user did.
        items: (n_requests,) the item that is to be explained to each.
    """
    events = scorer.attended_events(histories)
    sources, targets = scorer.items.sources[events.items], scorer.items.targets[items[events.rows]]
    logits = scorer.event_logits(events) + scorer.parameters["scale"] * np.einsum("ed,ed->e", sources, targets)
    shares = np.zeros(len(histories.items), dtype=np.float32)
    shares[events.chosen] = softmax_by_row(logits, events.rows, len(histories))
    return shares
