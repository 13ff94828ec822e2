"""A ranker that continues with newer requests: refitted, or kept, grown or new if that ranks the newest of them clearly
better."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recsys.config import RankerConfig
from recsys.rank.lambdarank import Ranker
from recsys.rank.row_metrics import comparison_metric
from recsys.rank.rows import RankerRows
from recsys.significance import standard_error

_MORE_TREES = 0.2
"""Trees that a ranker may gain when it continues from an earlier one, as a share of `ranker.trees`."""


@dataclass(frozen=True)
class Continuation:
    """How a ranker is made of newer requests: chosen on some of them, then repeated on all.

    Attributes:
        method: `refitted`: the trees of `start`, with leaves that the rows move a little (`Booster.refit`); `kept`:
            `start` itself; `grown`: its trees and some more; `new`: new trees from the rows alone.
        start: the earlier ranker; for `new`, the ranker fitted on the older rows, whose number of trees is kept.
        more_trees: how many trees `grown` adds.
        config, seed: as for `Ranker.fit`.
    """

    method: Literal["kept", "refitted", "grown", "new"]
    start: Ranker
    config: RankerConfig
    seed: int
    more_trees: int = 0

    def fit(self, rows: RankerRows) -> Ranker:
        """The ranker that these rows make in this way."""
        match self.method:
            case "kept":
                return self.start
            case "refitted":
                return self.start.with_refitted_leaves(rows)
            case "grown":
                settled = self.config.model_copy(update={"early_stopping": 0})
                return self.start.with_more_trees(rows, rows, self.more_trees, settled, self.seed)
            case "new":
                return self.start.refitted(rows, self.config, self.seed)


def continued(
    earlier: Ranker, train: RankerRows, validation: RankerRows, config: RankerConfig, seed: int
) -> tuple[Ranker, Continuation]:
    """Choose how a ranker learns from newer requests.

    The leaves of the earlier ranker are moved a little, unless another method is ahead by more than a standard error: a
    week of requests says little about which is best. On two logs, week by week, moved leaves gained a little over the
    unchanged ranker, and added trees gained or lost more. Where positions are debiased, which moved leaves cannot do,
    the unchanged ranker takes their place.

    Args:
        earlier: a ranker that has seen none of the requests.
        train: the older ones of the newer requests.
        validation: the newest ones, by which the method is chosen.
        config, seed: as for `Ranker.fit`.

    Returns:
        The ranker that `train` makes in the chosen way, and that way.
    """
    if not train.has_order or not validation.positive.any():
        return earlier, Continuation("kept", earlier, config, seed)
    kept = earlier.trimmed()
    grown = kept.with_more_trees(train, validation, max(1, round(config.trees * _MORE_TREES)), config, seed)
    new = Ranker.fit(train, validation, kept.columns, config, seed)
    choices = [
        (kept, Continuation("kept", kept, config, seed)),
        (grown, Continuation("grown", kept, config, seed, grown.n_trees - kept.n_trees)),
        (new, Continuation("new", new, config, seed)),
    ]
    if not config.debias:  # moved leaves cannot account for positions
        choices.insert(0, (kept.with_refitted_leaves(train), Continuation("refitted", kept, config, seed)))
    reached, *others = (comparison_metric(validation, ranker.score(validation.table)) for ranker, _ in choices)
    gains = [metric - reached for metric in others]
    ahead = [0.0, *(float(gain.mean()) - standard_error(gain) for gain in gains)]
    return choices[int(np.argmax(ahead))]
