"""Conditions and caps of a request that do not fit the catalogue."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.requests.request import Request
from recsys.errors import DataError
from recsys.policy.candidates import RankedCandidates
from recsys.policy.filters import Filters
from recsys.policy.shares import Cap
from serving.errors import Fault

_NOBODY = RankedCandidates.ranked(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))


def wrong_conditions(request: Request, catalogue: ItemCatalogue) -> list[Fault]:
    """Where a column does not exist, or a value does not fit it: each condition is tried on an empty table."""
    empty = ItemCatalogue(catalogue.frame.clear())
    faults = []
    for place, conditions in _conditions(request):
        for name, condition in conditions.items():
            try:
                Filters({name: condition}).narrow(np.ones(0, dtype=bool), empty)
            except DataError as error:
                faults.append(Fault(loc=["body", *place, name], msg=str(error)))
    for name, most in request.policy.get("caps", {}).items():
        try:
            Cap(name, most, empty).arrange(_NOBODY, 1)
        except DataError as error:
            faults.append(Fault(loc=["body", "policy", "caps", name], msg=str(error)))
    return faults


def _conditions(request: Request) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Each place that holds conditions, and these."""
    yield ("filter",), request.filters
    for key in ("boosts", "quotas"):
        for number, rule in enumerate(request.policy.get(key, ())):
            yield ("policy", key, number, "where"), rule["where"]
