"""Which candidates fill a list, by a greedy walk under all its caps and floors."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from recsys.policy.candidates import PINNED, RankedCandidates

_LOOKS = 3_000_000
"""Most looks at candidates, divided by the number of caps and floors: about a second of work. Lists of hundreds of
candidates take far less; thousands of candidates under rules that contradict one another would take hours."""


def selected(candidates: RankedCandidates, n: int) -> RankedCandidates:
    """Fill the first `n` positions so that caps and floors hold together, around the pinned, which stay and count too.

    1. Take the best that the floors still want, then the best of all, as far as the caps allow, in their old order.
    2. If that leaves positions empty, do it again, and take only what leaves enough for the other positions. Whether it
       does is counted, not searched: if the caps leave exactly as many items as there are positions, about one list in
       forty is not found.
    3. Fill what is still empty without the last cap, then without the last two, and so on.

    After `_LOOKS`, the rest follows in the old order.
    """
    n = min(n, len(candidates))
    pinned = candidates.tiers == PINNED
    free = np.flatnonzero(~pinned[:n])
    if not len(free):
        return candidates
    # In the order before all caps and floors, for what an earlier one passed over may fit now.
    ranks = np.arange(len(candidates)) if candidates.ranks is None else candidates.ranks
    loose = np.flatnonzero(~pinned)
    loose = loose[np.lexsort((ranks[loose], candidates.tiers[loose]))]
    walk = _Walk(candidates, loose.tolist(), len(free))
    for candidate in np.flatnonzero(pinned[:n]).tolist():
        walk.count(candidate)
    head = np.arange(n)
    head[free] = walk.filled()
    return replace(candidates, ranks=ranks).first(head)


class _Walk:
    """Candidates chosen so far, by their indices, and what they leave of the caps and floors."""

    def __init__(self, candidates: RankedCandidates, loose: list[int], room: int) -> None:
        """`loose` are the candidates to choose from, best first, of which `room` will be chosen."""
        self.loose, self.room = loose, room
        self.caps = [(cap.values.tolist(), cap.most, Counter[int]()) for cap in candidates.caps]
        self.floors = [floor.meets.tolist() for floor in candidates.floors]
        self.missing = [floor.least for floor in candidates.floors]
        self.looks_ahead = False
        self.hopeless: set[tuple[int, ...]] = set()
        # Floors fetch no demoted item into a list that needs none, and nothing while the list so far holds enough.
        tiers = candidates.tiers[loose]
        self.near = sorted(np.array(loose)[tiers <= tiers[room - 1]].tolist())
        self.chosen: set[int] = set()
        self.looks_left = _LOOKS // (1 + len(self.caps) + len(self.floors))

    def count(self, candidate: int, times: int = 1) -> None:
        """Count a candidate as chosen: it uses up caps and serves floors. `times` is -1 for one that no longer is."""
        for values, _, counts in self.caps:
            counts[values[candidate]] += times
        for floor, meets in enumerate(self.floors):
            self.missing[floor] -= times * meets[candidate]

    def filled(self) -> list[int]:
        """The `room` candidates that are chosen, in the order in which they will be shown."""
        filled: list[int] = []
        while len(self.chosen) < self.room:
            if self.looks_left <= 0:
                others = (candidate for candidate in self.loose if candidate not in self.chosen)
                return [*filled, *islice(others, self.room - len(self.chosen))]
            before = self.chosen.copy()
            self._choose_under_caps()
            filled += [candidate for candidate in self.loose if candidate in self.chosen and candidate not in before]
            self.caps = self.caps[:-1]  # for what is left to fill there is nothing that meets them all
        return filled

    def _choose_under_caps(self) -> None:
        """Choose the best. Where several caps then leave positions empty, choose only what leaves enough for the other
        positions, if that fills them. One cap alone leaves no position empty that another choice would fill.
        """
        before = self.chosen.copy()
        self._fetch()
        self._choose(self.loose)
        greedy = self.chosen.copy()
        if len(greedy) == self.room or len(self.caps) < 2:
            return
        self._put_back(greedy - before)
        if self._reach() >= self.room - len(self.chosen):
            self.hopeless.clear()
            self.looks_ahead = True
            self._fetch()
            self._choose(self.loose)
            self.looks_ahead = False
            if len(self.chosen) == self.room:
                return
            self._put_back(self.chosen - before)
        for candidate in greedy - before:
            self._take(candidate)

    def _put_back(self, candidates: set[int]) -> None:
        for candidate in candidates:
            self._take(candidate, -1)

    def _fetch(self) -> None:
        """Choose what the floors miss; where positions are too few for each by itself, first what serves several."""
        every = range(len(self.floors))
        short = sum(max(missing, 0) for missing in self.missing) > self.room - len(self.chosen)
        for several in range(len(every) if short else 1, 1, -1):
            self._choose(self.near, every, several)
        for floor in every:
            self._choose(self.near, (floor,), 1)

    def _choose(self, candidates: list[int], floors: Sequence[int] = (), several: int = 0) -> None:
        """Add the best that the caps allow and that serve so many of the floors, while there is room."""
        for candidate in candidates:
            if len(self.chosen) == self.room or self.looks_left <= 0:
                return
            self.looks_left -= 1 + len(floors)
            serves = sum(self.floors[floor][candidate] and self.missing[floor] > 0 for floor in floors)
            if serves >= several and candidate not in self.chosen and self._fits(candidate):
                self._take(candidate)

    def _take(self, candidate: int, times: int = 1) -> None:
        """Put a candidate among the chosen, or out again."""
        self.chosen ^= {candidate}
        self.count(candidate, times)

    def _fits(self, candidate: int) -> bool:
        return self._allowed(candidate) and (not self.looks_ahead or self._leaves_enough(candidate))

    def _leaves_enough(self, candidate: int) -> bool:
        """Whether, by counting, the other positions can still be filled after this one."""
        alike = tuple(values[candidate] for values, _, _ in self.caps)
        if alike in self.hopeless:  # and stays so, whatever else is chosen
            return False
        self._take(candidate)
        enough = self._reach() >= self.room - len(self.chosen)
        self._take(candidate, -1)
        if not enough:
            self.hopeless.add(alike)
        return enough

    def _allowed(self, candidate: int) -> bool:
        return all(values[candidate] < 0 or counts[values[candidate]] < most for values, most, counts in self.caps)

    def _reach(self) -> int:
        """How many more can be chosen at most: counted for each cap by itself, over what all together still allow."""
        self.looks_left -= len(self.loose) * (1 + len(self.caps))
        left = [candidate for candidate in self.loose if candidate not in self.chosen and self._allowed(candidate)]
        reach = len(left)
        for values, most, counts in self.caps:
            of_value = Counter(values[candidate] for candidate in left)
            reach = min(reach, sum(n if value < 0 else min(n, most - counts[value]) for value, n in of_value.items()))
        return reach
