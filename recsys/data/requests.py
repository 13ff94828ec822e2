"""A request: one moment a list is or was wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recsys.errors import DataError


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
        DataError: `n` is below 1.
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
        if self.n < 1:
            raise DataError(f"request {self.request_id!r}: n must be at least 1, not {self.n}")
