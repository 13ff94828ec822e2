"""Body and answers of /v1/items and /v1/catalogue."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from recsys.data.events.event_fields import Bounded, Id, Name, Number, Text, Value
from recsys.data.tables.schema import MAX_NAME
from recsys.data.tables.table import is_pattern
from serving.schemas.values import Moment, OfOneCall, RequestPart

MAX_ATTRIBUTES = 50
"""Most columns of an item beside those of the item file."""


class ItemIn(RequestPart):
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
        None, description="when it first existed, not listed earlier: ISO 8601, epoch seconds or milliseconds"
    )
    available: bool = True
    available_until: Moment | None = Field(
        None, description="the last moment at which it is there and may be listed, in the same forms"
    )

    @model_validator(mode="after")
    def _attributes_have_names(self) -> Self:
        for name in self.model_extra or ():
            if not name.strip() or len(name) > MAX_NAME or name.startswith("__") or is_pattern(name):
                raise ValueError(
                    f"attribute {name[:MAX_NAME]!r}: use a name of 1 to {MAX_NAME} characters that does not "
                    "begin with __, nor is * or between ^ and $"
                )
        if len(self.model_extra or ()) > MAX_ATTRIBUTES:
            raise ValueError(f"at most {MAX_ATTRIBUTES} attributes beside the columns of the item file")
        return self


class ItemsRequest(RequestPart):
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


class ItemAnswer(BaseModel):
    """One item as the served version knows it."""

    model_version: str
    item: dict[str, Any]


class BriefItem(BaseModel):
    """The short form of an item, in search results and histories."""

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

    A column of lists is met where any element is; its kind is that of the elements, `tags` for texts.

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
