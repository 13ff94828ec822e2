"""What requests and answers hold: strict types, unknown keys refused, every length bounded."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints

from recsys.data.schema import MAX_POSITION

MAX_IDS = 10_000
"""Most ids in one list of a request."""

MAX_CURSOR = 200_000
"""Longest cursor, characters."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"\S")]
Text = Annotated[str, StringConstraints(max_length=2_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"\S")]
Ids = Annotated[list[Id], Field(max_length=MAX_IDS)]
Scalar = Text | bool | int | FiniteFloat | None


class Model(BaseModel):
    """A part of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Range(Model):
    """Bounds of a number or a time; those that are given must hold."""

    gte: Scalar = None
    gt: Scalar = None
    lte: Scalar = None
    lt: Scalar = None


class PolicyOverride(Model):
    """The `policy` section of the config, for this list only."""

    diversity: float | None = Field(None, ge=0, le=1, description="0 the ranker's order, 1 as unlike as possible")
    seen: Literal["exclude", "demote", "keep"] | None = None


Filters = Annotated[
    dict[Name, Scalar | Annotated[list[Scalar], Field(max_length=1_000)] | Range],
    Field(max_length=20, description="column: a value, a list of values, or bounds {gte, gt, lte, lt}"),
]
Context = Annotated[dict[Name, Scalar], Field(max_length=50, description="facts of the moment; `query` is free text")]


class ListRequest(Model):
    """What /v1/recommend and /v1/rank have in common."""

    user_id: Id | None = Field(None, description="none: an anonymous user; an unknown one is normal")
    history: Ids | None = Field(None, description="oldest first; stands in for the stored history")
    context: Context = {}
    filter: Filters = {}
    exclude: Ids = []
    policy: PolicyOverride = PolicyOverride()
    explain: bool = False
    cursor: str | None = Field(None, max_length=MAX_CURSOR, description="of the answer before: the next items")


class RecommendRequest(ListRequest):
    """Body of POST /v1/recommend."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "u1", "n": 10, "explain": True}]})

    n: int = Field(10, ge=1)


class RankRequest(ListRequest):
    """Body of POST /v1/rank."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "u1", "items": ["i1", "i2", "i3"]}]})

    items: Ids
    n: int | None = Field(None, ge=1, description="none: all of them")


class EventIn(Model):
    """One event, as it is posted."""

    event_id: Id | None = Field(None, description="the same id again counts once; none: one is made")
    user_id: Id
    item_id: Id
    event: Name = Field(description="impression, click, purchase, like, rating, or your own")
    timestamp: Annotated[str, StringConstraints(max_length=64)] | int | FiniteFloat | None = Field(
        None, description="ISO 8601, or epoch seconds or milliseconds; none: now"
    )
    request_id: Id | None = None
    position: int | None = Field(None, ge=0, le=MAX_POSITION)
    propensity: float | None = Field(None, gt=0, le=1)
    value: FiniteFloat | None = None
    session_id: Id | None = None
    context: Context | None = None


class EventsRequest(Model):
    """Body of POST /v1/events."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"events": [{"user_id": "u1", "item_id": "i1", "event": "click"}]}]}
    )

    events: list[EventIn]


class EventsAnswer(BaseModel):
    """The events are durable: new ones, and ones that were there before."""

    accepted: int
    duplicates: int


class ExplanationOut(BaseModel):
    """What each group of features added to the score, and the reasons in words."""

    text: float
    collaborative: float
    behaviour: float
    context: float
    reasons: list[str]


class ItemOut(BaseModel):
    """One place of a list."""

    item_id: str
    rank: int
    score: float
    p_click: float | None
    p_purchase: float | None
    sources: list[str]
    explanation: ExplanationOut | None = None


class ListAnswer(BaseModel):
    """A ranked list. `cursor` fetches what comes next, none at the end; `degraded` names what was left out."""

    request_id: str
    model_version: str
    items: list[ItemOut]
    degraded: list[str]
    cursor: str | None


class RankAnswer(ListAnswer):
    """A ranked list of the items that were asked about."""

    unknown_items: list[str]


class SimilarAnswer(BaseModel):
    """Items like one item."""

    item_id: str
    model_version: str
    items: list[ItemOut]


class ItemAnswer(BaseModel):
    """One item as the served version knows it."""

    model_version: str
    item: dict[str, Any]


class VersionOut(BaseModel):
    """One trained version; `problem` says why it cannot be read, if so."""

    version: str
    created_at: str | None
    parent: str | None
    metrics: dict[str, Any]
    problem: str | None = None


class ModelsAnswer(BaseModel):
    """All versions; `current` is what the registry names, `served` what this worker answers from."""

    current: str | None
    served: str | None
    versions: list[VersionOut]


class HealthAnswer(BaseModel):
    """The state of the server."""

    status: str
    model_version: str | None = None
