"""Values that requests are made of: every length and number is bounded."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, StringConstraints

from recsys.config import MAX_BATCH
from recsys.data.events.event_fields import Bounded, Id, Name, Scalar, Text, Value

MAX_IDS = 10_000
"""Most ids in one list of a request."""

Ids = Annotated[list[Id], Field(max_length=MAX_IDS)]

Moment = Annotated[str, StringConstraints(max_length=64)] | int | FiniteFloat
"""ISO 8601, or epoch seconds or milliseconds."""


def _not_too_many(value: object) -> object:
    if isinstance(value, list) and len(value) > MAX_BATCH:
        raise ValueError(f"{len(value)} of them; send at most {MAX_BATCH} at a time")
    return value


OfOneCall = BeforeValidator(_not_too_many)
"""Of a list whose length the config bounds, once each of it has been looked at: that must not take seconds."""


def null_as_default(kind: Any, empty: Callable[[], object]) -> BeforeValidator:
    """Of a field that may be left out: many programs write null for what they leave out.

    Args:
        kind: the field's own, for the OpenAPI page.
        empty: makes what stands for null.
    """
    return BeforeValidator(lambda value: empty() if value is None else value, json_schema_input_type=kind | None)


class RequestPart(BaseModel):
    """A part of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Range(RequestPart):
    """Bounds of a number, a time or a path; those that are given must hold."""

    gte: Scalar = None
    gt: Scalar = None
    lte: Scalar = None
    lt: Scalar = None
    within: Text | Annotated[list[Text], Field(max_length=20)] | None = Field(
        None, description="a path such as `Home`, or several: it, and what lies in it, such as `Home > Kitchen`"
    )


Filters = Annotated[
    dict[Name, Annotated[Value | Annotated[list[Scalar], Field(max_length=1_000)] | Range, Bounded]],
    Field(max_length=20, description="column: a value, a list of values, or bounds {gte, gt, lte, lt, within}"),
]
