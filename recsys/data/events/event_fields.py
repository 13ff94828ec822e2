"""What the fields of an event from HTTP or a stream may hold: every length and number is bounded.

Other HTTP requests use the same types.
"""

from typing import Annotated

from pydantic import AfterValidator, Field, FiniteFloat, StringConstraints

from recsys.data.tables.schema import MAX_ID, MAX_NAME, MAX_NUMBER, MAX_POSITION, MIN_SHARE

Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID, pattern=r"\S")]
Text = Annotated[str, StringConstraints(max_length=2_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME, pattern=r"\S")]

Number = Annotated[FiniteFloat, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
"""What 32 bits hold."""

Position = Annotated[int, Field(ge=0, le=MAX_POSITION)]
"""A position in a list, from 0."""

Propensity = Annotated[FiniteFloat, Field(ge=MIN_SHARE, le=1)]
"""How likely the item was to stand where it was shown."""

Value = Text | bool | int | FiniteFloat | None


def _of_64_bits(value: object) -> object:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a whole number of more than 64 bits; write it as text, or with a point")
    return value


Bounded = AfterValidator(_of_64_bits)
"""Of a union: its `float` would take a whole number that its `int` refuses."""

Scalar = Annotated[Value, Bounded]
"""What columns and stores can hold."""

Context = Annotated[dict[Name, Scalar], Field(max_length=50, description="facts of the moment; `query` is free text")]
