"""A request: one moment a list is or was wanted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

from recsys.errors import DataError

_KINDS: Mapping[str, tuple[Any, str]] = {
    "user_id": (str | None, "text"),
    "n": (Integral, "a whole number from 1"),
    "request_id": (str, "text"),
    "shown": (Integral, "a whole number from 0"),
    "time": (Integral | None, "a whole number of microseconds since 1970 UTC"),
    "context": (Mapping, 'a mapping, such as {"query": "garden hose"}'),
    "filters": (Mapping, 'a mapping from columns to conditions, such as {"category": ["books"]}'),
    "policy": (Mapping, 'a mapping of keys of the policy section, such as {"diversity": 0.3}'),
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
        filters: conditions on item columns: a value, a list of values, or {"gte", "gt", "lte", "lt", "within"}.
        shown: positions on earlier pages of the list; what stood there is in `exclude`.
        policy: overrides of the `policy` section for this list.
        targets: for evaluation: the item ids that were wanted.

    None stands for an empty `context`, `filters`, `policy` or `exclude`. Ids may be in any collection of texts.

    Raises:
        DataError: `n` is below 1, an id is not text, a number is not whole, or a mapping is none.
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
        for name in ("context", "filters", "policy", "exclude"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, () if name == "exclude" else {})
        for name, (kind, wanted) in _KINDS.items():
            given = getattr(self, name)
            if not isinstance(given, kind) or (kind is Mapping and not all(isinstance(key, str) for key in given)):
                raise self._wrong(name, wanted)
        if isinstance(self.n, bool) or self.n < 1:
            raise self._wrong("n", _KINDS["n"][1])
        if self.shown < 0:
            raise self._wrong("shown", _KINDS["shown"][1])
        if self.time is not None and not -(2**63) < self.time < 2**63:
            raise self._wrong("time", _KINDS["time"][1])
        for name in ("history", "candidates", "exclude", "targets"):
            ids = getattr(self, name)
            if ids is None:
                continue
            # A string is a sequence of strings too: its letters would be taken for ids.
            if isinstance(ids, str) or not (isinstance(ids, Collection) and all(isinstance(id_, str) for id_ in ids)):
                raise self._wrong(name, "a tuple of item ids, each of them text")
            if not isinstance(ids, tuple):  # of an array nobody can say whether it is empty as of a tuple
                object.__setattr__(self, name, tuple(ids))

    def unexplored(self) -> "Request":
        """The same request without exploration."""
        return replace(self, policy={**self.policy, "exploration": 0.0})

    def _wrong(self, name: str, wanted: str) -> DataError:
        return DataError(f"request {self.request_id!r}: {name} must be {wanted}, not {getattr(self, name)!r}")
