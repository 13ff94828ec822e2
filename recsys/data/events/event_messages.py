"""Events from a stream: JSON objects with the columns of an event file, by the rules of `POST /v1/events`."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, field_validator

from recsys.data.events.event import Event
from recsys.data.events.event_fields import Context, Id, Name, Number, Position, Propensity
from recsys.data.tables.parsing import times_of
from recsys.data.tables.schema import CLOCK_SKEW, EXACT, TOO_LONG
from recsys.moments import clock


def _exact(given: Any) -> Any:
    if isinstance(given, float) and abs(given) >= EXACT:
        raise ValueError(TOO_LONG)
    return given


_Id = Annotated[Id, BeforeValidator(_exact)]
"""Numbers become text here; those of a request have to be text."""


class _Content(BaseModel):
    """The fields of one message; further ones are left alone, for a stream may serve others too."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    event_id: _Id | None = None
    user_id: _Id
    item_id: _Id
    event: Name
    timestamp: str | None = None
    request_id: _Id | None = None
    position: Position | None = None
    propensity: Propensity | None = None
    value: Number | None = None
    session_id: _Id | None = None
    context: Context | None = None

    @field_validator("context", mode="before")
    @classmethod
    def _read_context(cls, given: Any) -> Any:
        """Fields of Redis are text: an object in JSON is read, any other text is what it is about."""
        if not isinstance(given, str):
            return given
        try:
            tree = orjson.loads(given)
        except orjson.JSONDecodeError:
            return {"text": given}
        return tree if isinstance(tree, dict) else {"text": given}


@dataclass(frozen=True)
class Message:
    """One entry of a stream.

    Attributes:
        place: where it stands in its stream. For an event without an id, place and content together serve as one, so
            that it counts once however often it is delivered. (The place alone does not: another broker may have
            another message there.)
        content: the columns of an event, from JSON; or bytes that are such an object in JSON.
        time: when it was written, microseconds; the time of an event that has none of its own.
    """

    place: str
    content: Mapping[str, Any] | bytes
    time: int


@dataclass(frozen=True)
class Unreadable:
    """A message that is no event, and why."""

    message: Message
    reason: str


def read_messages(messages: Sequence[Message]) -> tuple[list[Event], list[Unreadable]]:
    """The events, in their order, and what is none."""
    contents: list[tuple[Message, _Content]] = []
    wrong: list[Unreadable] = []
    for message in messages:
        try:
            tree = orjson.loads(message.content) if isinstance(message.content, bytes) else message.content
            contents.append((message, _Content.model_validate(tree)))
        except orjson.JSONDecodeError as error:
            wrong.append(Unreadable(message, f"no JSON: {error}"))
        except ValidationError as error:
            wrong.append(Unreadable(message, _first_fault(error)))
    moments = times_of(pl.Series([content.timestamp for _, content in contents], dtype=pl.String)).to_list()
    latest = clock() + CLOCK_SKEW
    events = []
    for (message, content), moment in zip(contents, moments, strict=True):
        when = message.time if content.timestamp is None else moment
        if when is None or not 0 <= when <= latest:
            reason = "timestamp: write ISO 8601, or epoch seconds or milliseconds, not in the future"
            wrong.append(Unreadable(message, reason))
            continue
        context = None if content.context is None else orjson.dumps(content.context).decode()
        fields = content.model_dump(exclude={"event_id", "timestamp", "context"})
        event_id = content.event_id or _id_of(message)
        events.append(Event(event_id=event_id, timestamp=when, context=context, **fields))
    return events, wrong


def _first_fault(error: ValidationError) -> str:
    """The first field, or key of the context, that is wrong, with what each of its possible types asks for."""
    faults = error.errors()
    if not faults[0]["loc"]:
        return "not a JSON object"
    first = faults[0]["loc"][:2]  # what is behind names the kinds that were tried
    words = dict.fromkeys(fault["msg"] for fault in faults if fault["loc"][:2] == first)
    return f"{'.'.join(map(str, first))}: {'; or: '.join(words)}"


def _id_of(message: Message) -> str:
    content = message.content if isinstance(message.content, bytes) else orjson.dumps(dict(message.content))
    return f"{message.place}/{hashlib.blake2b(content, digest_size=8).hexdigest()}"
