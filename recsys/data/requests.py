"""A request: one moment a list is or was wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

from recsys.errors import DataError

_KINDS: Mapping[str, tuple[Any, str]] = {
    "user_id": (str | None, "text"),
    "n": (Integral, "a whole number from 1"),
    "time": (Integral | None, "a whole number of microseconds since 1970 UTC"),
}
"""What fields must be, and in words: numbers as ids, and texts as numbers, would only fail far away from here."""


@dataclass(frozen=True)
class Request:
    """One wanted list, in the caller's ids.

    Attributes:
        user_id: whose list; None for an anonymous one. An unknown user is normal.
        history: item ids, oldest first; when given it stands in for the stored history.
        candidates: when given only these items are ranked.
        n: length of the list.
        time: microseconds since 1970 UTC; None is now (after everything known).
        context: further facts of the moment; `query` is free text.
        exclude: item ids that must not appear.
        filters: conditions on item columns: a value, a list of values, or {"gte", "gt", "lte", "lt"}.
        shown: places on earlier pages of the list; what stood there is in `exclude`.
        policy: overrides of the `policy` section for this list.
        targets: for evaluation: the item ids that were wanted.

    Raises:
        DataError: `n` is below 1, an id is not text, or a number is not whole.
    """

    user_id: str | None = None
    history: tuple[str, ...] | None = None
    candidates: tuple[str, ...] | None = None
    n: int = 10
    time: int | None = None
    request_id: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    filters: Mapping[str, Any] = field(default_factory=dict)
    shown: int = 0
    policy: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, (kind, wanted) in _KINDS.items():
            if not isinstance(getattr(self, name), kind):
                raise self._wrong(name, wanted)
        if isinstance(self.n, bool) or self.n < 1:
            raise self._wrong("n", _KINDS["n"][1])
        if self.time is not None and not -(2**63) < self.time < 2**63:
            raise self._wrong("time", _KINDS["time"][1])
        for name in ("history", "candidates", "exclude", "targets"):
            ids = getattr(self, name)
            # A string is a sequence of strings too: its letters would be taken for ids.
            if isinstance(ids, str) or not all(isinstance(id_, str) for id_ in ids or ()):
                raise self._wrong(name, "a tuple of item ids, each of them text")

    def unexplored(self) -> "Request":
        """The same request without exploration."""
        return replace(self, policy={**self.policy, "exploration": 0.0})

    def _wrong(self, name: str, wanted: str) -> DataError:
        return DataError(f"request {self.request_id!r}: {name} must be {wanted}, not {getattr(self, name)!r}")
