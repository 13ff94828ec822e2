"""What requests and answers hold: strict types, unknown keys refused, every length bounded."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    model_validator,
)

from recsys.config import MAX_BATCH, MAX_RULE, Count, Days
from recsys.data.schema import MAX_ID, MAX_NAME, MAX_NUMBER, MAX_POSITION, MIN_SHARE

MAX_IDS = 10_000
"""Most ids in one list of a request."""

MAX_CURSOR = 200_000
"""Longest cursor, characters."""

MAX_ATTRIBUTES = 50
"""Most columns of an item beside those of the item file."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID, pattern=r"\S")]
Text = Annotated[str, StringConstraints(max_length=2_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME, pattern=r"\S")]
Ids = Annotated[list[Id], Field(max_length=MAX_IDS)]
Moment = Annotated[str, StringConstraints(max_length=64)] | int | FiniteFloat
"""ISO 8601, or epoch seconds or milliseconds."""

Number = Annotated[FiniteFloat, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
"""What 32 bits hold."""

Value = Text | bool | int | FiniteFloat | None


def _of_64_bits(value: object) -> object:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a whole number of more than 64 bits; write it as text, or with a point")
    return value


Bounded = AfterValidator(_of_64_bits)
"""Of a union: its `float` would take a whole number that its `int` refuses."""

Scalar = Annotated[Value, Bounded]
"""What columns and stores can hold."""


def _not_too_many(value: object) -> object:
    if isinstance(value, list) and len(value) > MAX_BATCH:
        raise ValueError(f"{len(value)} of them; send at most {MAX_BATCH} at a time")
    return value


OfOneCall = BeforeValidator(_not_too_many)
"""Of a list whose length the config bounds, once each of it has been looked at: that must not take seconds."""


class Model(BaseModel):
    """A part of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Range(Model):
    """Bounds of a number or a time; those that are given must hold."""

    gte: Scalar = None
    gt: Scalar = None
    lte: Scalar = None
    lt: Scalar = None


Filters = Annotated[
    dict[Name, Annotated[Value | Annotated[list[Scalar], Field(max_length=1_000)] | Range, Bounded]],
    Field(max_length=20, description="column: a value, a list of values, or bounds {gte, gt, lte, lt}"),
]


class BoostIn(Model):
    """Items that gain or lose score."""

    where: Filters
    add: float = Field(ge=-100, le=100, description="in standard deviations of the request's scores; below 0 demotes")


class QuotaIn(Model):
    """Items of which the list holds some."""

    where: Filters
    at_least: Count = Field(description="items that meet `where`, as far as the candidates reach")


class PolicyOverride(Model):
    """The `policy` section of the config, for this list only."""

    seen: Literal["exclude", "demote", "keep"] | None = None
    boosts: list[BoostIn] | None = Field(None, max_length=20)
    diversity: float | None = Field(None, ge=0, le=1, description="0 the ranker's order, 1 as unlike as possible")
    caps: dict[Name, Count] | None = Field(None, max_length=20, description="column: most items of one value")
    quotas: list[QuotaIn] | None = Field(None, max_length=20)
    fresh: int | None = Field(None, ge=0, le=MAX_RULE, description="least number of items at most `fresh_days` old")
    fresh_days: Days | None = None
    pins: dict[Id, Count] | None = Field(None, max_length=100, description="item_id: place, from 1")
    exploration: float | None = Field(None, ge=0, le=1, description="share of the last places that try other items")
    explored_places: Count | None = None


Context = Annotated[dict[Name, Scalar], Field(max_length=50, description="facts of the moment; `query` is free text")]


class ListRequest(Model):
    """What /v1/recommend and /v1/rank have in common."""

    user_id: Id | None = Field(None, description="none: an anonymous user; an unknown one is normal")
    history: Ids | None = Field(None, description="oldest first; stands in for the stored history")
    context: Context = Field({}, description="further facts of the moment; `query` is free text that is looked for")
    filter: Filters = {}
    exclude: Ids = []
    policy: PolicyOverride = PolicyOverride()
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


class EventIn(Model):
    """One event, as it is posted."""

    event_id: Id | None = Field(None, description="the same id again counts once; none: one is made")
    user_id: Id
    item_id: Id
    event: Name = Field(description="impression, click, purchase, like, rating, or your own")
    timestamp: Moment | None = Field(None, description="ISO 8601, or epoch seconds or milliseconds; none: now")
    request_id: Id | None = None
    position: int | None = Field(None, ge=0, le=MAX_POSITION)
    propensity: FiniteFloat | None = Field(None, ge=MIN_SHARE, le=1)
    value: Number | None = None
    session_id: Id | None = None
    context: Context | None = None


class EventsRequest(Model):
    """Body of POST /v1/events."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"events": [{"user_id": "u1", "item_id": "i1", "event": "click"}]}]}
    )

    events: Annotated[list[EventIn], OfOneCall]


class ItemIn(Model):
    """One item, as it is put: the columns of the item file, and any further ones as attributes for filters."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    __pydantic_extra__: dict[
        str, Annotated[Value | Annotated[list[Text], Field(min_length=1, max_length=100)], Bounded]
    ]

    item_id: Id
    title: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"\S")]
    description: Annotated[str, StringConstraints(max_length=50_000)] | None = None
    category: Text | None = None
    brand: Text | None = None
    tags: Annotated[list[Name], Field(max_length=100)] | None = None
    price: Number | None = None
    language: Text | None = None
    created_at: Moment | None = Field(
        None, description="when it first existed: ISO 8601, or epoch seconds or milliseconds; not listed before"
    )
    available: bool = True

    @model_validator(mode="after")
    def _attributes_have_names(self) -> Self:
        for name in self.model_extra or ():
            if not name.strip() or len(name) > MAX_NAME or name.startswith("__"):
                raise ValueError(
                    f"attribute {name[:MAX_NAME]!r}: use a name of 1 to {MAX_NAME} characters that does not "
                    "begin with __"
                )
        if len(self.model_extra or ()) > MAX_ATTRIBUTES:
            raise ValueError(f"at most {MAX_ATTRIBUTES} attributes beside the columns of the item file")
        return self


class ItemsRequest(Model):
    """Body of PUT /v1/items."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [{"item_id": "i1", "title": "Espresso beans", "price": 9.5}]}]}
    )

    items: Annotated[list[ItemIn], OfOneCall]


class ItemsAnswer(BaseModel):
    """The items are durable and can be recommended."""

    upserted: int


class DeletedItemAnswer(BaseModel):
    """The item is in no list any more."""

    item_id: str
    deleted: bool


class EventOut(BaseModel):
    """One stored event of a user; `timestamp` is ISO 8601."""

    event_id: str
    item_id: str
    event: str
    timestamp: str
    request_id: str | None
    position: int | None
    propensity: float | None
    value: float | None
    session_id: str | None
    context: dict[str, Any] | None


class KnownEventOut(BaseModel):
    """One event that lists are made from."""

    item_id: str
    event: str
    timestamp: str


class ListOut(BaseModel):
    """One list that was answered, or made unseen by a shadow variant; `timestamp` is ISO 8601."""

    request_id: str
    timestamp: str
    model_version: str
    variant: str
    first_position: int
    items: list[str]
    propensities: list[float]
    shown: bool


class UserAnswer(BaseModel):
    """What is stored about a user.

    `events` are the newest ones in the store, of `n_events`; `history` is what the served version makes lists from,
    training data included; `lists` are the newest ones that were answered. All oldest first.
    """

    user_id: str
    model_version: str
    n_events: int
    events: list[EventOut]
    history: list[KnownEventOut]
    lists: list[ListOut]


class ForgottenAnswer(BaseModel):
    """The user is forgotten; `events` were removed from the store."""

    user_id: str
    forgotten: bool
    events: int


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

    `degraded` names what was left out.

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


class ItemAnswer(BaseModel):
    """One item as the served version knows it."""

    model_version: str
    item: dict[str, Any]


class BriefItem(BaseModel):
    """What is shown of an item in passing."""

    item_id: str
    title: str | None
    category: str | None
    brand: str | None
    price: float | None
    available: bool | None


class FoundItemsAnswer(BaseModel):
    """The items that were asked for or found."""

    model_version: str
    items: list[BriefItem]


class ValueOut(BaseModel):
    """A value of a column, and how many items have it."""

    value: str | bool
    n: int


class ColumnOut(BaseModel):
    """A column that `filter` can ask about.

    `values` are the most frequent ones where items share them, `low` and `high` the bounds of numbers and times.
    """

    name: str
    kind: Literal["text", "tags", "number", "time", "flag"]
    n_values: int
    values: list[ValueOut]
    low: float | str | None
    high: float | str | None


class CatalogueAnswer(BaseModel):
    """What the served catalogue holds."""

    model_version: str
    n_items: int
    columns: list[ColumnOut]


class FoundUser(BaseModel):
    """A known user, and how many events lists can be made from."""

    user_id: str
    n_events: int


class FoundUsersAnswer(BaseModel):
    """Users whose id holds the text, the most active first; none where users are known by pseudonyms."""

    users: list[FoundUser]


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


class WindowOut(BaseModel):
    """What a version learned from; `start` and `end` are ISO 8601."""

    n_events: int
    n_users: int
    n_items: int
    start: str | None
    end: str | None


class VersionAnswer(BaseModel):
    """One version and the report of its training: every figure a mean with a 95 % interval.

    `baselines` are simpler rankings of the same requests, `ablation` the ranker without one of its parts, `slices` the
    full ranker on kinds of requests, `importances` the gain of each feature.
    """

    version: str
    created_at: str
    parent: str | None
    data: WindowOut
    n_requests: int
    metrics: dict[str, Any]
    baselines: dict[str, Any]
    ablation: dict[str, Any]
    slices: dict[str, Any]
    slice_sizes: dict[str, int]
    importances: dict[str, float]
    caveats: list[str]


class HealthAnswer(BaseModel):
    """The state of the server."""

    status: str
    model_version: str | None = None
