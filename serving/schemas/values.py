"""Values that requests are made of: every length and number is bounded."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, StringConstraints

from recsys.config import MAX_BATCH
from recsys.data.schema import MAX_ID, MAX_NAME, MAX_NUMBER

MAX_IDS = 10_000
"""Most ids in one list of a request."""

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


class RequestPart(BaseModel):
    """A part of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Range(RequestPart):
    """Bounds of a number or a time; those that are given must hold."""

    gte: Scalar = None
    gt: Scalar = None
    lte: Scalar = None
    lt: Scalar = None


Filters = Annotated[
    dict[Name, Annotated[Value | Annotated[list[Scalar], Field(max_length=1_000)] | Range, Bounded]],
    Field(max_length=20, description="column: a value, a list of values, or bounds {gte, gt, lte, lt}"),
]
Context = Annotated[dict[Name, Scalar], Field(max_length=50, description="facts of the moment; `query` is free text")]
