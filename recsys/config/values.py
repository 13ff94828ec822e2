"""What a section of the configuration is, and what its keys may hold."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


def _auto_or_fraction(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """One message of what may be written, in place of one for each type."""
    try:
        return handler(value)
    except ValidationError as error:
        raise ValueError("write auto, or a number from 0 to 1") from error


Discovery = Annotated[Literal["auto"] | Fraction, WrapValidator(_auto_or_fraction)]

Seen = Literal["auto", "exclude", "demote", "keep"]

MAX_COUNT = 2**31 - 1
"""Most of anything that is counted: what libraries take as a whole number."""

Positive = Annotated[int, Field(gt=0, le=MAX_COUNT)]
Weight = Annotated[float, Field(ge=0.0, le=1e9)]
Rate = Annotated[float, Field(gt=0.0, le=1.0)]
Strength = Annotated[float, Field(ge=1e-6, le=1e6)]
"""Of a term in a model's formula: solvers work in 32 bits, and what is far larger or smaller ends in NaN."""

MAX_BATCH = 10_000
"""Most events or items in one call, whatever a server's config says: each is looked at before any is refused."""

MAX_RULE = 1_000_000
"""Most items, positions or days that a policy may name: lists are shorter, and nobody counts age further."""

Count = Annotated[int, Field(ge=1, le=MAX_RULE)]
Days = Annotated[float, Field(gt=0, le=MAX_RULE)]


class Section(BaseModel):
    """A part of the tree: immutable, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
