"""Transformers over the order of a history, as RecTools builds them: SASRec and BERT4Rec."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.linear import Setting
from benchmarks.peers.world import Scorer
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog

_DEPTH = 1_000
"""Items that RecTools is asked for; those behind count as not ranked."""


class RecTools:
    """A model that is trained on, epoch by epoch, from one setting to the next while only `epochs` grows."""

    def __init__(self, kind: str, length: int, epochs: Sequence[int]) -> None:
        """`kind` is SASRec or BERT4Rec; `length` the newest items of a history that it reads."""
        self.kind, self.length = kind, length
        self.settings: Sequence[Setting] = [
            {"n_factors": factors, "n_negatives": 256, "epochs": n} for factors, n in product((128, 64), epochs)
        ]
        self._model: Any = None
        self._fitted: tuple[InteractionLog | None, int, int] = (None, 0, 0)

    def fit(self, log: InteractionLog, setting: Setting) -> Scorer:
        factors, epochs = setting["n_factors"], setting["epochs"]
        dataset = frame_of(log.users, log.items)
        known, width, done = self._fitted
        if known is not log or width != factors or done > epochs:
            self._model, done = self._new(factors, setting["n_negatives"]), 0
        model = self._model
        if epochs > done:
            model.fit_partial(dataset, min_epochs=epochs - done, max_epochs=epochs - done)
        self._fitted = (log, factors, epochs)
        weights = {name: tensor.clone() for name, tensor in model.torch_model.state_dict().items()}

        def score(histories: HistoryBatch) -> NDArray[np.float32]:
            model.torch_model.load_state_dict(weights)
            newest = histories.newest(self.length)
            scores = np.full((len(histories), log.n_items), np.nan, dtype=np.float32)
            rows = np.unique(newest.rows[np.isin(newest.items, log.items)])
            if len(rows):
                asked = frame_of(newest.rows, newest.items)
                found = model.recommend(rows, asked, k=min(_DEPTH, log.n_items), filter_viewed=False)
                scores[found["user_id"].to_numpy(), found["item_id"].to_numpy()] = found["score"].to_numpy()
            return scores

        return score

    def _new(self, factors: int, n_negatives: int) -> Any:
        from rectools.models import BERT4RecModel, SASRecModel

        model = {"SASRec": SASRecModel, "BERT4Rec": BERT4RecModel}[self.kind]
        return model(
            n_factors=factors,
            n_blocks=2,
            n_heads=2,
            session_max_len=self.length,
            loss="sampled_softmax",
            n_negatives=n_negatives,
            deterministic=True,
            recommend_torch_device="cpu",
            get_trainer_func=quiet_trainer,
        )


def quiet_trainer() -> Any:
    """A trainer that writes nothing."""
    import pytorch_lightning

    return pytorch_lightning.Trainer(
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        devices=1,
    )


def frame_of(users: NDArray[Any], items: NDArray[Any]) -> Any:
    """RecTools' data set of events in time order."""
    import pandas as pd
    from rectools.dataset import Dataset

    moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(len(users)), unit="s")
    return Dataset.construct(pd.DataFrame({"user_id": users, "item_id": items, "weight": 1.0, "datetime": moments}))
