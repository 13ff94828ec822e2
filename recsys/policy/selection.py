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
    """Fill the first `n` places so that caps and floors hold together, around the pinned, which stay and count too.

    1. Take the best that the floors still want, then the best of all, as far as the caps allow, in their old order.
    2. If that leaves places empty, do it again, and take only what leaves enough for the other places. Whether it does
       is counted, not searched: if the caps leave exactly as many items as there are places, about one list in forty is
       not found.
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
    for place in np.flatnonzero(pinned[:n]).tolist():
        walk.count(place)
    head = np.arange(n)
    head[free] = walk.filled()
    return replace(candidates, ranks=ranks).first(head)


class _Walk:
    """Candidates chosen so far, by their places among all, and what they leave of the caps and floors."""

    def __init__(self, candidates: RankedCandidates, loose: list[int], room: int) -> None:
        """`loose` are the places to choose from, best first, of which `room` will be chosen."""
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

    def count(self, place: int, times: int = 1) -> None:
        """Count a place as chosen: it uses up caps and serves floors. `times` is -1 for one that no longer is."""
        for values, _, counts in self.caps:
            counts[values[place]] += times
        for floor, meets in enumerate(self.floors):
            self.missing[floor] -= times * meets[place]

    def filled(self) -> list[int]:
        """The `room` places that are chosen, in the order in which they will be shown."""
        filled: list[int] = []
        while len(self.chosen) < self.room:
            if self.looks_left <= 0:
                others = (place for place in self.loose if place not in self.chosen)
                return [*filled, *islice(others, self.room - len(self.chosen))]
            before = self.chosen.copy()
            self._choose_under_caps()
            filled += [place for place in self.loose if place in self.chosen and place not in before]
            self.caps = self.caps[:-1]  # for what is left to fill there is nothing that meets them all
        return filled

    def _choose_under_caps(self) -> None:
        """Choose the best. Where several caps then leave places empty, choose only what leaves enough for the others,
        if that fills them. One cap alone leaves no place empty that another choice would fill.
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
        for place in greedy - before:
            self._take(place)

    def _put_back(self, places: set[int]) -> None:
        for place in places:
            self._take(place, -1)

    def _fetch(self) -> None:
        """Choose what the floors miss; where places are too few for each by itself, first what serves several."""
        every = range(len(self.floors))
        short = sum(max(missing, 0) for missing in self.missing) > self.room - len(self.chosen)
        for several in range(len(every) if short else 1, 1, -1):
            self._choose(self.near, every, several)
        for floor in every:
            self._choose(self.near, (floor,), 1)

    def _choose(self, places: list[int], floors: Sequence[int] = (), several: int = 0) -> None:
        """Add the best that the caps allow and that serve so many of the floors, while there is room."""
        for place in places:
            if len(self.chosen) == self.room or self.looks_left <= 0:
                return
            self.looks_left -= 1 + len(floors)
            serves = sum(self.floors[floor][place] and self.missing[floor] > 0 for floor in floors)
            if serves >= several and place not in self.chosen and self._fits(place):
                self._take(place)

    def _take(self, place: int, times: int = 1) -> None:
        """Put a place among the chosen, or out again."""
        self.chosen ^= {place}
        self.count(place, times)

    def _fits(self, place: int) -> bool:
        return self._allowed(place) and (not self.looks_ahead or self._leaves_enough(place))

    def _leaves_enough(self, place: int) -> bool:
        """Whether, by counting, the other places can still be filled after this one."""
        alike = tuple(values[place] for values, _, _ in self.caps)
        if alike in self.hopeless:  # and stays so, whatever else is chosen
            return False
        self._take(place)
        enough = self._reach() >= self.room - len(self.chosen)
        self._take(place, -1)
        if not enough:
            self.hopeless.add(alike)
        return enough

    def _allowed(self, place: int) -> bool:
        return all(values[place] < 0 or counts[values[place]] < most for values, most, counts in self.caps)

    def _reach(self) -> int:
        """How many more can be chosen at most: counted for each cap by itself, over what all together still allow."""
        self.looks_left -= len(self.loose) * (1 + len(self.caps))
        left = [place for place in self.loose if place not in self.chosen and self._allowed(place)]
        reach = len(left)
        for values, most, counts in self.caps:
            of_value = Counter(values[place] for place in left)
            reach = min(reach, sum(n if value < 0 else min(n, most - counts[value]) for value, n in of_value.items()))
        return reach
