"""Bodies and answers of /v1/recommend and /v1/rank, and of similar items."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from recsys.config import MAX_RULE, Count, Days, Discovery, Seen
from recsys.data.events.event_fields import Context, Id, Name
from serving.schemas.values import Filters, Ids, Moment, RequestPart, null_as_default

MAX_CURSOR = 200_000
"""Longest cursor, characters."""


class BoostIn(RequestPart):
    """Items that gain or lose score."""

    where: Filters
    add: float = Field(ge=-100, le=100, description="in standard deviations of the request's scores; below 0 demotes")


class QuotaIn(RequestPart):
    """Items of which the list holds some."""

    where: Filters
    at_least: Count = Field(description="items that meet `where`, as far as there are such items")


class PolicyOverride(RequestPart):
    """The `policy` section of the config, for this list only."""

    seen: Seen | None = Field(None, description="auto: as the version has decided")
    boosts: list[BoostIn] | None = Field(None, max_length=20)
    discovery: Discovery | None = Field(
        None, description="above 0, items with few positive events so far move up; auto: as the version has decided"
    )
    diversity: float | None = Field(
        None, ge=0, le=1, description="0 keeps the ranker's order; 1 makes items as unlike as possible"
    )
    caps: dict[Name, Count] | None = Field(None, max_length=20, description="column: most items with the same value")
    quotas: list[QuotaIn] | None = Field(None, max_length=20)
    fresh: int | None = Field(None, ge=0, le=MAX_RULE, description="fewest items that are at most `fresh_days` old")
    fresh_days: Days | None = None
    pins: dict[Id, Count] | None = Field(None, max_length=100, description="item_id: position, from 1")
    exploration: float | None = Field(
        None, ge=0, le=1, description="probability that each of the last positions tries another item"
    )
    explored_places: Count | None = None


class ListRequest(RequestPart):
    """What /v1/recommend and /v1/rank have in common."""

    user_id: Id | None = Field(None, description="none: an anonymous user; unknown users are normal")
    history: Ids | None = Field(None, description="oldest first; replaces the stored history")
    context: Annotated[Context, null_as_default(Context, dict)] = Field(
        {}, description="further facts of the moment; `query` is free text to search for"
    )
    filter: Annotated[Filters, null_as_default(Filters, dict)] = Field({})
    exclude: Annotated[Ids, null_as_default(Ids, list)] = Field([])
    policy: Annotated[PolicyOverride, null_as_default(PolicyOverride, PolicyOverride)] = PolicyOverride()
    timestamp: Moment | None = Field(
        None, description="the moment that the list is for: nothing later is known; none: now"
    )
    explain: bool = False
    cursor: str | None = Field(None, max_length=MAX_CURSOR, description="from the answer before, to get the next items")


class RecommendRequest(ListRequest):
    """Body of POST /v1/recommend."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "u1", "n": 10, "explain": True}]})

    n: int = Field(10, ge=1)
    precomputed: bool = Field(
        False, description="the user's list of the last batch (`serving.lists`), or one made now if there is none"
    )


class RankRequest(ListRequest):
    """Body of POST /v1/rank."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "u1", "items": ["i1", "i2", "i3"]}]})

    items: Ids
    n: int | None = Field(None, ge=1, description="none: all of them")


class ExplanationOut(BaseModel):
    """What each group of features added to the ranker's score, and the reasons in words."""

    text: float
    collaborative: float
    behaviour: float
    context: float
    reasons: list[str]


class ItemOut(BaseModel):
    """One position of a list."""

    item_id: str
    rank: int
    score: float = Field(description="the ranker's score, plus what boosts, discovery and a query add")
    p_click: float | None = Field(
        description="probability of any positive event; without logged impressions, given that the list is answered"
    )
    p_purchase: float | None = Field(description="likewise, of the strongest event")
    sources: list[str]
    propensity: float | None = Field(
        None, description="where the policy explores: probability of this position; post it with the impression"
    )
    explanation: ExplanationOut | None = None


class ChangeOut(BaseModel):
    """What one step of the policy changed: items of the catalogue that it forbade, positions that it filled anew."""

    step: str
    removed: int
    moved: int


class ListAnswer(BaseModel):
    """A ranked list. `cursor` fetches what comes next, null at the end (a last page may be empty).

    `degraded` names what was left out: sources, and `ranker`.

    `made_at` says when a batch made the list; none: it was made now.
    """

    made_at: str | None = None
    request_id: str
    model_version: str
    variant: str | None = Field(
        None, description="which of `serving.variants` answered; stays the same for a user until shares change"
    )
    items: list[ItemOut]
    degraded: list[str]
    policy: list[ChangeOut] | None = Field(None, description="with `explain`: what each step of the policy changed")
    cursor: str | None


class RankAnswer(ListAnswer):
    """A ranked list of the items that were asked about."""

    unknown_items: list[str]


class SimilarAnswer(BaseModel):
    """Items like one item."""

    item_id: str
    model_version: str
    items: list[ItemOut]
