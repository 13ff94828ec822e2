"""A booster's trees as sorted thresholds and masks of leaves: LightGBM's own scores, many times sooner.

Lucchese et al., QuickScorer: a fast algorithm to rank documents with additive ensembles of regression trees, SIGIR
2015; Exploiting CPU SIMD extensions to speed-up document scoring with tree ensembles, SIGIR 2016.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import lightgbm
import numpy as np
from numba import njit
from numpy.typing import NDArray

_ROWS = 64
"""Rows that are scored side by side: compilers unroll shorter loops instead of using vector registers."""

_BITS = 32
"""Leaves that one word tells of; a larger tree has several words."""

_ALL = np.uint32(2**_BITS - 1)

_LINE = 64
"""Bytes of a line of the cache; a vector register is as wide at most, and slower where it crosses two of them."""

_EXPONENT, _BIAS = 23, 127
"""Where a float32 holds the power of two that it is, and what is added to it (IEEE 754)."""

_CATEGORICAL, _DEFAULT_LEFT, _MISSING, _MISSING_IS_ZERO = 1, 2, 12, 4
"""Bits of LightGBM's `decision_type`."""

_PROBES = 64
_TOLERANCE = 1e-5
"""Largest difference of two scores, relative to the largest score, that rounding explains."""


class _Mask(NamedTuple):
    """What a value above the threshold does: it sends a row to the right, so the leaves on the left are lost.

    `missing` is what NaN counts as in the node: -inf goes left, inf goes right.
    """

    column: int
    missing: float
    threshold: np.float32
    word: int
    leaves: int


@dataclass(frozen=True)
class CompiledTrees:
    """What all trees ask of one column stands together, by threshold: a row reads on until it would go left.

    Attributes:
        columns: (n_columns,) of the table; one that counts NaN as different values occurs once for each.
        missing: (n_columns,) float32 what NaN counts as.
        starts: (n_columns + 1,) where the masks of each column start.
        thresholds: (n_masks,) float32, increasing within a column.
        words, masks: (n_masks,) the word, and its bits that are left for values above the threshold.
        trees: (n_trees + 1,) where the words of each tree start; the lowest bit is the leftmost leaf.
        leaves: (n_words * 32,) float64 what each leaf adds to the score.
    """

    columns: NDArray[np.int64]
    missing: NDArray[np.float32]
    starts: NDArray[np.int64]
    thresholds: NDArray[np.float32]
    words: NDArray[np.int64]
    masks: NDArray[np.uint32]
    trees: NDArray[np.int64]
    leaves: NDArray[np.float64]

    @classmethod
    def of(cls, booster: lightgbm.Booster) -> "CompiledTrees | None":
        """Compile; None where the trees are of a kind that this cannot be, or scores would not be those of LightGBM."""
        text = booster.model_to_string(num_iteration=booster.best_iteration)
        trees = [_Tree.of(block) for block in re.findall(r"^Tree=\d+\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)]
        if not all(tree.is_plain for tree in trees):
            return None
        ends = np.cumsum([0, *(tree.n_words for tree in trees)])
        masks = sorted(mask for tree, first in zip(trees, ends.tolist(), strict=False) for mask in tree.masks(first))
        asked = list(dict.fromkeys((mask.column, mask.missing) for mask in masks))
        numbers = {column: number for number, column in enumerate(asked)}
        of_masks = np.array([numbers[mask.column, mask.missing] for mask in masks], dtype=np.int64)
        compiled = cls(
            columns=np.array([column for column, _ in asked], dtype=np.int64),
            missing=np.array([missing for _, missing in asked], dtype=np.float32),
            starts=of_masks.searchsorted(np.arange(len(asked) + 1)),
            thresholds=np.array([mask.threshold for mask in masks], dtype=np.float32),
            words=np.array([mask.word for mask in masks], dtype=np.int64),
            masks=np.array([mask.leaves for mask in masks], dtype=np.uint32),
            trees=ends,
            leaves=np.concatenate([np.zeros(0), *(tree.leaves for tree in trees)]),
        )
        return compiled if compiled._agrees(booster) else None

    def predict(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_rows,) scores."""
        scores = np.empty(len(table), dtype=np.float32)
        _score(
            np.ascontiguousarray(table, dtype=np.float32),
            self.columns,
            self.missing,
            self.starts,
            self.thresholds,
            self.words,
            self.masks,
            self.trees,
            self.leaves,
            scores,
        )
        return scores

    def _agrees(self, booster: lightgbm.Booster) -> bool:
        """Whether both give the same scores where it is hardest: on thresholds, beside them, and without values."""
        rng = np.random.default_rng(0)
        probes = np.full((_PROBES, booster.num_feature()), np.nan, dtype=np.float32)
        for number, column in enumerate(self.columns):
            edges = np.clip(self.thresholds[self.starts[number] : self.starts[number + 1]], -1e30, 1e30)
            edges[np.abs(edges) < 1e-30] = 0  # LightGBM holds what is nearer than 1e-35 for zero
            beside = np.nextafter(edges, np.float32(np.inf))
            probes[:, column] = rng.choice(np.concatenate([edges, beside, edges - 1, edges + 1, [np.nan]]), _PROBES)
        expected = booster.predict(probes, num_threads=1)
        return bool(np.allclose(self.predict(probes), expected, rtol=0, atol=_TOLERANCE * np.abs(expected).max()))


@dataclass(frozen=True)
class _Tree:
    """One tree of LightGBM's model text: arrays by inner node, and the values of its leaves from left to right.

    Attributes:
        spans: of each inner node, which leaves are on its left: the first, and the one behind the last.
    """

    columns: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    kinds: NDArray[np.int64]
    spans: list[tuple[int, int]]
    leaves: NDArray[np.float64]
    is_linear: bool

    @classmethod
    def of(cls, block: str) -> "_Tree":
        facts = dict(line.split("=", 1) for line in block.splitlines())
        left, right = ([int(child) for child in facts.get(f"{side}_child", "").split()] for side in ("left", "right"))
        order: list[int] = []
        spans = [(0, 0)] * len(left)

        def walk(child: int) -> None:
            if child < 0:
                order.append(~child)
                return
            first = len(order)
            walk(left[child])
            spans[child] = first, len(order)
            walk(right[child])

        walk(0 if left else -1)
        values = np.array(facts["leaf_value"].split(), dtype=np.float64)[order]
        return cls(
            columns=np.array(facts.get("split_feature", "").split(), dtype=np.int64),
            thresholds=np.array(facts.get("threshold", "").split(), dtype=np.float64),
            kinds=np.array(facts.get("decision_type", "").split(), dtype=np.int64),
            spans=spans,
            leaves=np.pad(values, (0, -len(values) % _BITS)),
            is_linear=facts.get("is_linear") == "1",
        )

    @property
    def n_words(self) -> int:
        return len(self.leaves) // _BITS

    @property
    def is_plain(self) -> bool:
        """Whether every inner node compares a number, and every leaf is one."""
        other = (self.kinds & _CATEGORICAL > 0) | (self.kinds & _MISSING == _MISSING_IS_ZERO)
        return not self.is_linear and not other.any()

    def masks(self, first_word: int) -> Iterator[_Mask]:
        """Of each inner node, one for every word that has leaves on its left.

        LightGBM reads a float32 as a float64 and goes left where it is at most the threshold: that is so where it is at
        most the largest float32 below the threshold. NaN counts as 0 where training met none.
        """
        with np.errstate(over="ignore"):
            near = self.thresholds.astype(np.float32)
        below = np.nextafter(near, np.float32(-np.inf))
        near = np.where((near > self.thresholds) | np.isinf(near), below, near)  # inf: all but NaN go left
        for column, threshold, kind, (first, last) in zip(self.columns, near, self.kinds, self.spans, strict=True):
            missing = (-np.inf if kind & _DEFAULT_LEFT else np.inf) if kind & _MISSING else 0.0
            for word in range(first // _BITS, (last - 1) // _BITS + 1):
                start, stop = max(first - word * _BITS, 0), min(last - word * _BITS, _BITS)
                lost = (1 << stop) - (1 << start)
                yield _Mask(int(column), missing, threshold, first_word + word, int(_ALL) ^ lost)


@njit(cache=True, nogil=True)
def _score(
    table: NDArray[np.float32],
    columns: NDArray[np.int64],
    missing: NDArray[np.float32],
    starts: NDArray[np.int64],
    thresholds: NDArray[np.float32],
    words: NDArray[np.int64],
    masks: NDArray[np.uint32],
    trees: NDArray[np.int64],
    leaves: NDArray[np.float64],
    scores: NDArray[np.float32],
) -> None:
    """Fill `scores` (n_rows,); the rest as in `CompiledTrees`. Whole numbers without a sign: no look at indices from
    behind."""
    left = _aligned(trees[-1] * _ROWS)  # leaves that each row of a block can still end in, by word
    values, lowest = _aligned(_ROWS).view(np.float32), _aligned(_ROWS).view(np.float32)
    exponents, ends, totals = lowest.view(np.int32), np.zeros(_ROWS, dtype=np.int64), np.empty(_ROWS)
    for first in range(0, len(table), _ROWS):
        n = min(_ROWS, len(table) - first)
        left[:] = _ALL
        for place in range(len(columns)):
            values[:] = -np.inf
            largest = np.float32(-np.inf)
            for lane in range(n):
                value = table[first + lane, columns[place]]
                values[lane] = missing[place] if np.isnan(value) else value
                largest = max(largest, values[lane])
            for number in range(starts[place], starts[place + 1]):
                mask = np.uint64(number)
                threshold, kept = thresholds[mask], masks[mask]
                if largest <= threshold:
                    break
                begin = np.uint64(words[mask]) * np.uint64(_ROWS)
                for lane in range(_ROWS):
                    at = begin + np.uint64(lane)
                    before = left[at]
                    left[at] = before & kept if values[np.uint64(lane)] > threshold else before
        totals[:] = 0.0
        for tree in range(len(trees) - 1):
            for word in range(trees[tree + 1] - 1, trees[tree] - 1, -1):  # the first one with a leaf says the last word
                begin = np.uint64(word) * np.uint64(_ROWS)
                for lane in range(_ROWS):
                    bits = left[begin + np.uint64(lane)]
                    lowest[np.uint64(lane)] = np.float32(bits & (~bits + np.uint32(1)))
                for lane in range(_ROWS):
                    leaf = (exponents[np.uint64(lane)] >> _EXPONENT) - _BIAS  # below 0 without any
                    ends[np.uint64(lane)] = word * _BITS + leaf if leaf >= 0 else ends[np.uint64(lane)]
            for lane in range(_ROWS):
                totals[np.uint64(lane)] += leaves[np.uint64(ends[np.uint64(lane)])]
        scores[first : first + n] = totals[:n]


@njit(cache=True, nogil=True)
def _aligned(n: int) -> NDArray[np.uint32]:
    """(n,) numbers from the begin of a line on."""
    numbers = np.empty(n + _LINE // 4, dtype=np.uint32)
    ahead = -numbers.ctypes.data % _LINE // 4
    return numbers[ahead : ahead + n]
