"""What the API answers, as types for editors and type checkers."""

from typing import Any, TypedDict


class RankedItem(TypedDict, total=False):
    """One position of a list."""

    item_id: str
    rank: int
    score: float
    p_click: float | None
    p_purchase: float | None
    sources: list[str]
    propensity: float | None
    explanation: dict[str, Any] | None


class PolicyChange(TypedDict):
    """What one step of the policy changed: items that it forbade, positions that it filled anew."""

    step: str
    removed: int
    moved: int


class RankedItems(TypedDict, total=False):
    """A list. `cursor` in a further call fetches what comes next; `made_at` is there where a batch made the list
    before, `policy` with `explain`."""

    made_at: str | None
    request_id: str
    model_version: str
    variant: str | None
    items: list[RankedItem]
    degraded: list[str]
    policy: list[PolicyChange] | None
    cursor: str | None
    unknown_items: list[str]


class Stored(TypedDict):
    """What became of events."""

    accepted: int
    duplicates: int
