"""A booster's trees as oneDAL runs them: the same scores, sooner (the only file that imports daal4py).

The extra `fast` installs scikit-learn-intelex, which brings daal4py. Without it LightGBM itself predicts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

_PROBES = 64
_TOLERANCE = 1e-5
"""Largest difference of two scores, relative to the largest score, that rounding explains."""

_CATEGORICAL, _MISSING, _MISSING_IS_NAN = 1, 12, 8
"""Bits of LightGBM's `decision_type`."""


@dataclass(frozen=True)
class CompiledTrees:
    """Trees in oneDAL's layout.

    Attributes:
        model: oneDAL's.
        never_missing: columns that had no NaN in training: LightGBM reads NaN there as 0.
    """

    model: Any
    never_missing: NDArray[np.intp]

    @classmethod
    def of(cls, booster: lightgbm.Booster) -> "CompiledTrees | None":
        """Compile; None where daal4py is not installed, or its scores are not those of the booster."""
        try:
            import daal4py
        except ImportError:
            return None
        daal4py.daalinit(1)  # lists are made side by side: one thread each
        text = booster.model_to_string(num_iteration=booster.best_iteration)
        splits = list(_splits(text))
        kinds = {kind & ~2 for _, _, kind in splits}  # the bit of the default side may differ
        missing = {column for column, _, kind in splits if kind & _MISSING}
        present = {column for column, _, kind in splits if not kind & _MISSING}
        if not kinds <= {0, _MISSING_IS_NAN} or missing & present:
            return None
        plain = lightgbm.Booster(model_str=_as_regression(text))
        compiled = cls(daal4py.mb.convert_model(plain), np.array(sorted(present), dtype=np.intp))
        return compiled if compiled._agrees(booster, splits) else None

    def predict(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_rows,) scores."""
        missing = np.isnan(table[:, self.never_missing])
        if missing.any():
            table = table.copy()
            rows, places = np.nonzero(missing)
            table[rows, self.never_missing[places]] = 0
        return np.asarray(self.model.predict(np.ascontiguousarray(table)), dtype=np.float32)

    def _agrees(self, booster: lightgbm.Booster, splits: list[tuple[int, float, int]]) -> bool:
        """Whether both give the same scores where it is hardest: on thresholds, beside them, and without values."""
        rng = np.random.default_rng(0)
        probes = np.full((_PROBES, booster.num_feature()), np.nan, dtype=np.float32)
        for column in {column for column, _, _ in splits}:
            own = np.array([threshold for place, threshold, _ in splits if place == column])
            own[np.abs(own) < 1e-30] = 0  # the edges of what LightGBM holds for zero
            edges = np.clip(own, -1e30, 1e30).astype(np.float32)
            near = np.concatenate([edges, np.nextafter(edges, np.float32(np.inf)), edges - 1, edges + 1, [np.nan]])
            probes[:, column] = rng.choice(near, _PROBES)
        expected = booster.predict(probes, num_threads=1)
        return bool(np.allclose(self.predict(probes), expected, rtol=0, atol=_TOLERANCE * np.abs(expected).max()))


def _splits(text: str) -> Iterator[tuple[int, float, int]]:
    """(column, threshold, decision_type) of every inner node of LightGBM's model text."""
    columns, thresholds, kinds = (
        [value for line in re.findall(rf"^{name}=(.*)$", text, re.MULTILINE) for value in line.split()]
        for name in ("split_feature", "threshold", "decision_type")
    )
    for column, threshold, kind in zip(columns, thresholds, kinds, strict=True):
        yield int(column), float(threshold), int(kind)


def _as_regression(text: str) -> str:
    """Model text that daal4py takes: of a regression (the raw score is the same), with thresholds for float32.

    LightGBM goes left where the value is at most the threshold, a float64; what daal4py makes of it goes left below
    the float32 nearest to the threshold. So each one becomes the first float32 above it.
    """
    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE)  # of the old text; LightGBM reads on without it
    text = re.sub(r"^(\[?objective)(=|: )[^\]\n]*", r"\1\2regression", text, flags=re.MULTILINE)
    return re.sub(r"^threshold=(.*)$", lambda line: f"threshold={_above(line[1])}", text, flags=re.MULTILINE)


def _above(thresholds: str) -> str:
    exact = np.array(thresholds.split(), dtype=np.float64)
    bounded = np.clip(exact, -1e38, 1e38)
    near = bounded.astype(np.float32)
    above = np.where(near.astype(np.float64) > bounded, near, np.nextafter(near, np.float32(np.inf)))
    return " ".join(repr(value) for value in above.astype(np.float64).tolist())
