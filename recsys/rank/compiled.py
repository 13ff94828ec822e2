"""A booster's trees as masks of leaves: LightGBM's own scores, many times faster.

Lucchese et al., QuickScorer: a fast algorithm to rank documents with additive ensembles of regression trees, SIGIR
2015; Exploiting CPU SIMD extensions to speed-up document scoring with tree ensembles, SIGIR 2016.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

from recsys.arrays.jit import jit

_ROWS = 64
"""Rows that are scored side by side: compilers unroll shorter loops instead of using vector registers."""

_TOGETHER = 3
"""Inner nodes that are looked at together; `_score` is written out for this many."""

_BITS = 32
"""Leaves of which one word has a bit each; a larger tree has several words."""

_ALL = np.uint32(2**_BITS - 1)

_LINE = 64
"""Bytes of a line of the cache; a vector register is as wide at most, and slower where it crosses two of them."""

_EXPONENT, _BIAS = 23, 127
"""First bit of the exponent of a float32, and what is added to the exponent (IEEE 754)."""

_CATEGORICAL, _DEFAULT_LEFT, _MISSING, _MISSING_IS_ZERO = 1, 2, 12, 4
"""Bits of LightGBM's `decision_type`."""

_PROBES = 64
"""Rows on which scores of compiled trees are compared with those of LightGBM."""

_TOLERANCE = 1e-5
"""Largest difference of two scores, relative to the largest score, that can come from rounding."""


class _Mask(NamedTuple):
    """What a value above the threshold does: it sends a row to the right, so the leaves on the left are lost.

    `missing` is what NaN counts as in the node: -inf goes left, inf goes right.
    """

    column: int
    missing: float
    threshold: np.float32
    leaves: int


class CompiledTrees(NamedTuple):
    """Trees in which each inner node is a mask of the leaves that remain where a value is above its threshold.

    The leftmost leaf that remains in the end is the one that the row falls into. There are no branches, so that many
    rows are scored side by side.

    Attributes:
        columns: (n_columns,) of the table; one that counts NaN as different values occurs once for each.
        missing: (n_columns,) float32 what NaN counts as.
        starts: (n_words + 1,) where the masks of each word start: a multiple of `_TOGETHER`.
        compared: (n_masks,) which of the columns is compared with the threshold.
        thresholds: (n_masks,) float32; inf where there is no node.
        masks: (n_masks,) the bits of the word that are left for values above the threshold.
        trees: (n_trees + 1,) where the words of each tree start; the lowest bit is the leftmost leaf.
        leaves: (n_words * 32,) float64 what each leaf adds to the score.
    """

    columns: NDArray[np.int64]
    missing: NDArray[np.float32]
    starts: NDArray[np.int64]
    compared: NDArray[np.int64]
    thresholds: NDArray[np.float32]
    masks: NDArray[np.uint32]
    trees: NDArray[np.int64]
    leaves: NDArray[np.float64]

    @classmethod
    def of(cls, booster: lightgbm.Booster) -> "CompiledTrees | None":
        """Compile; None for trees of a kind that is not supported, or if scores would differ from those of LightGBM."""
        text = booster.model_to_string(num_iteration=booster.best_iteration)
        trees = [_Tree.of(block) for block in re.findall(r"^Tree=\d+\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)]
        if not all(tree.is_plain for tree in trees):
            return None
        words = [word for tree in trees for word in tree.words()]
        columns = list(dict.fromkeys((mask.column, mask.missing) for word in words for mask in word))
        numbers = {column: number for number, column in enumerate(columns)}
        nothing = _Mask(0, 0.0, np.float32(np.inf), int(_ALL))
        filled = [[*word, *[nothing] * (-len(word) % _TOGETHER)] for word in words]
        masks = [mask for word in filled for mask in word]
        compiled = cls(
            columns=np.array([column for column, _ in columns], dtype=np.int64),
            missing=np.array([missing for _, missing in columns], dtype=np.float32),
            starts=np.cumsum([0, *map(len, filled)]),
            compared=np.array([numbers.get((mask.column, mask.missing), 0) for mask in masks], dtype=np.int64),
            thresholds=np.array([mask.threshold for mask in masks], dtype=np.float32),
            masks=np.array([mask.leaves for mask in masks], dtype=np.uint32),
            trees=np.cumsum([0, *(tree.n_words for tree in trees)]),
            leaves=np.concatenate([np.zeros(0), *(tree.leaves for tree in trees)]),
        )
        return compiled if compiled._agrees(booster) else None

    def predict(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_rows,) scores."""
        scores = np.empty(len(table), dtype=np.float32)
        _score(np.ascontiguousarray(table, dtype=np.float32), self, scores)
        return scores

    def _agrees(self, booster: lightgbm.Booster) -> bool:
        """Whether both give the same scores where that is most difficult: on thresholds, next to them, and for missing
        values."""
        rng = np.random.default_rng(0)
        probes = np.full((_PROBES, booster.num_feature()), np.nan, dtype=np.float32)
        for number, column in enumerate(self.columns):
            edges = np.clip(self.thresholds[(self.compared == number) & (self.thresholds < np.inf)], -1e30, 1e30)
            edges[np.abs(edges) < 1e-30] = 0  # LightGBM takes values within 1e-35 of zero for zero
            beside = np.nextafter(edges, np.float32(np.inf))
            probes[:, column] = rng.choice(np.concatenate([edges, beside, edges - 1, edges + 1, [np.nan]]), _PROBES)
        expected = booster.predict(probes, num_threads=1)
        return bool(np.allclose(self.predict(probes), expected, rtol=0, atol=_TOLERANCE * np.abs(expected).max()))


@dataclass(frozen=True)
class _Tree:
    """One tree of LightGBM's model text: arrays by inner node, and the values of its leaves from left to right.

    Attributes:
        spans: of each inner node, the leaves on its left: the first, and the one after the last.
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

    def words(self) -> list[list[_Mask]]:
        """For each word, the masks of the inner nodes that have some of its leaves on their left.

        LightGBM compares a value as float64 and goes left where it is at most the threshold. As float32, it goes left
        where it is at most the largest float32 that is not above the threshold. NaN counts as 0 if training met none.
        """
        with np.errstate(over="ignore"):
            near = self.thresholds.astype(np.float32)
        below = np.nextafter(near, np.float32(-np.inf))
        near = np.where((near > self.thresholds) | np.isinf(near), below, near)  # inf: all but NaN go left
        words: list[list[_Mask]] = [[] for _ in range(self.n_words)]
        for column, threshold, kind, (first, last) in zip(self.columns, near, self.kinds, self.spans, strict=True):
            missing = (-np.inf if kind & _DEFAULT_LEFT else np.inf) if kind & _MISSING else 0.0
            for word in range(first // _BITS, (last - 1) // _BITS + 1):
                start, stop = max(first - word * _BITS, 0), min(last - word * _BITS, _BITS)
                lost = (1 << stop) - (1 << start)
                words[word].append(_Mask(int(column), missing, threshold, int(_ALL) ^ lost))
        return words


@jit()
def _score(table: NDArray[np.float32], compiled: CompiledTrees, scores: NDArray[np.float32]) -> None:
    """Fill `scores` (n_rows,). Indices are unsigned, so that no check for negative ones is compiled."""
    columns, missing, starts, compared, thresholds, masks, trees, leaves = compiled
    values = _aligned(len(columns) * _ROWS).view(np.float32)  # of the rows of a block, column by column
    left, lowest = _aligned(_ROWS), _aligned(_ROWS).view(np.float32)  # leaves that a row can still end in
    exponents, ends, totals = lowest.view(np.int32), np.zeros(_ROWS, dtype=np.int64), np.empty(_ROWS)
    for first in range(0, len(table), _ROWS):
        n = min(_ROWS, len(table) - first)
        for index in range(len(columns)):
            for row in range(n):
                value = table[first + row, columns[index]]
                values[index * _ROWS + row] = missing[index] if np.isnan(value) else value
        totals[:] = 0.0
        for tree in range(len(trees) - 1):
            for word in range(trees[tree + 1] - 1, trees[tree] - 1, -1):  # backwards: the first one with a leaf decides
                left[:] = _ALL
                for mask in range(starts[word], starts[word + 1], _TOGETHER):  # one read and write of `left` for three
                    one, two, three = np.uint64(mask), np.uint64(mask + 1), np.uint64(mask + 2)
                    at_one, at_two = np.uint64(compared[one] * _ROWS), np.uint64(compared[two] * _ROWS)
                    at_three, least_three = np.uint64(compared[three] * _ROWS), thresholds[three]
                    least_one, kept_one, least_two, kept_two = thresholds[one], masks[one], thresholds[two], masks[two]
                    kept_three = masks[three]
                    for index in range(_ROWS):
                        lane = np.uint64(index)
                        bits = left[lane]
                        bits = bits & kept_one if values[at_one + lane] > least_one else bits
                        bits = bits & kept_two if values[at_two + lane] > least_two else bits
                        left[lane] = bits & kept_three if values[at_three + lane] > least_three else bits
                for index in range(_ROWS):
                    lane = np.uint64(index)
                    lowest[lane] = np.float32(left[lane] & (~left[lane] + np.uint32(1)))
                for index in range(_ROWS):
                    lane = np.uint64(index)
                    leaf = (exponents[lane] >> _EXPONENT) - _BIAS  # below 0 without any
                    ends[lane] = word * _BITS + leaf if leaf >= 0 else ends[lane]
            for index in range(_ROWS):
                lane = np.uint64(index)
                totals[lane] += leaves[np.uint64(ends[lane])]
        for row in range(n):
            scores[first + row] = totals[row]


@jit()
def _aligned(n: int) -> NDArray[np.uint32]:
    """(n,) numbers that begin at the start of a cache line."""
    numbers = np.empty(n + _LINE // 4, dtype=np.uint32)
    ahead = -numbers.ctypes.data % _LINE // 4
    return numbers[ahead : ahead + n]
