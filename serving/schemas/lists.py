"""Bodies and answers of /v1/recommend and /v1/rank, and of similar items."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from recsys.config import MAX_RULE, Count, Days
from recsys.data.event_fields import Context, Id, Name
from serving.schemas.values import Filters, Ids, Moment, RequestPart, or_null

MAX_CURSOR = 200_000
"""Longest cursor, characters."""


class BoostIn(RequestPart):
    """Items that gain or lose score."""

    where: Filters
    add: float = Field(ge=-100, le=100, description="in standard deviations of the request's scores; below 0 demotes")


class QuotaIn(RequestPart):
    """Items of which the list holds some."""

    where: Filters
    at_least: Count = Field(description="items that meet `where`, as far as the candidates reach")


class PolicyOverride(RequestPart):
    """The `policy` section of the config, for this list only."""

    seen: Literal["exclude", "demote", "keep"] | None = None
    boosts: list[BoostIn] | None = Field(None, max_length=20)
    discovery: float | None = Field(None, ge=0, le=1, description="above 0 hardly known items are listed more often")
    diversity: float | None = Field(None, ge=0, le=1, description="0 the ranker's order, 1 as unlike as possible")
    caps: dict[Name, Count] | None = Field(None, max_length=20, description="column: most items of one value")
    quotas: list[QuotaIn] | None = Field(None, max_length=20)
    fresh: int | None = Field(None, ge=0, le=MAX_RULE, description="least number of items at most `fresh_days` old")
    fresh_days: Days | None = None
    pins: dict[Id, Count] | None = Field(None, max_length=100, description="item_id: place, from 1")
    exploration: float | None = Field(None, ge=0, le=1, description="share of the last places that try other items")
    explored_places: Count | None = None


class ListRequest(RequestPart):
    """What /v1/recommend and /v1/rank have in common."""

    user_id: Id | None = Field(None, description="none: an anonymous user; an unknown one is normal")
    history: Ids | None = Field(None, description="oldest first; stands in for the stored history")
    context: Annotated[Context, or_null(Context, dict)] = Field(
        {}, description="further facts of the moment; `query` is free text that is looked for"
    )
    filter: Annotated[Filters, or_null(Filters, dict)] = Field({})
    exclude: Annotated[Ids, or_null(Ids, list)] = Field([])
    policy: Annotated[PolicyOverride, or_null(PolicyOverride, PolicyOverride)] = PolicyOverride()
    timestamp: Moment | None = Field(
        None, description="the moment of the list, as in a requests file: what came later is not known; none: now"
    )
    explain: bool = False
    cursor: str | None = Field(None, max_length=MAX_CURSOR, description="of the answer before: the next items")


class RecommendRequest(ListRequest):
    """Body of POST /v1/recommend."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "u1", "n": 10, "explain": True}]})

    n: int = Field(10, ge=1)
    precomputed: bool = Field(
        False, description="the user's list of the last batch (`serving.lists`); made now where there is none"
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
    """One place of a list."""

    item_id: str
    rank: int
    score: float = Field(description="the ranker's, with what boosts, discovery and a query add")
    p_click: float | None = Field(
        description="probability of any sign of interest; without logged impressions, if the list is answered at all"
    )
    p_purchase: float | None = Field(description="that of the strongest one, likewise")
    sources: list[str]
    propensity: float | None = Field(
        None, description="where the policy explores: of standing here; post it with the impression"
    )
    explanation: ExplanationOut | None = None


class ChangeOut(BaseModel):
    """What one step of the policy changed: items of the catalogue that it forbade, places that it filled anew."""

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
    variant: str | None = Field(None, description="of the experiment; the same for a user until shares change")
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
