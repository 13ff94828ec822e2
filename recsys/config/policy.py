"""The rules that shape the final list."""

from typing import Any

from pydantic import Field

from recsys.config.values import MAX_RULE, Count, Days, Discovery, Fraction, Section, Seen


class BoostRule(Section):
    """Items that gain or lose score."""

    where: dict[str, Any] = Field(min_length=1, description="conditions on item columns, as in `filter`")
    add: float = Field(description="in standard deviations of the request's scores; below 0 demotes")


class QuotaRule(Section):
    """Items of which a list must hold a number."""

    where: dict[str, Any] = Field(min_length=1, description="conditions on item columns, as in `filter`")
    at_least: Count = Field(description="items in a list that meet them, as far as there are such items")


class PolicyConfig(Section):
    """The rules that shape the final list, in the order in which they are applied."""

    seen: Seen = Field(
        "auto",
        description="what lists do with the items of a user's newest 10,000 events; auto: keep them if a tenth of what "
        "is wanted was known before, if users lately came back days later for clearly more than a fiftieth of it, or "
        "if known items are chosen more often than others when shown; else exclude them",
    )
    boosts: tuple[BoostRule, ...] = Field(
        (), description="tables of `where` (conditions as in `filter`) and `add` (standard deviations of the scores)"
    )
    discovery: Discovery = Field(
        "auto",
        description="0 keeps the ranker's order; above 0, items with few positive events so far move up; auto: as "
        "far as they earn nearly as much as what they replace, on requests new to the ranker; at most .5",
    )
    diversity: Fraction = Field(
        0.0, description="0 keeps the ranker's order; 1 makes the items as unlike each other as possible"
    )
    pins: dict[str, Count] = Field({}, description="item_id -> its position in the list, from 1")
    caps: dict[str, Count] = Field({}, description="column -> most items with the same value in a list: {brand = 2}")
    quotas: tuple[QuotaRule, ...] = Field(
        (), description="tables of `where` (conditions) and `at_least` (items of a list that meet them)"
    )
    fresh: int = Field(0, ge=0, le=MAX_RULE, description="fewest items in a list that are at most `fresh_days` old")
    fresh_days: Days = Field(30.0, description="age, by `created_at`, up to which an item is fresh")
    exploration: Fraction = Field(
        0.0, description="probability that a position at the end of the list tries an item from below the list"
    )
    explored_places: Count = Field(3, description="how many positions at the end of the list explore")
