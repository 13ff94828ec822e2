"""Body and answer of POST /v1/events."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from recsys.data.events.event_fields import Context, Id, Name, Number, Position, Propensity
from serving.schemas.values import Moment, OfOneCall, RequestPart


class EventIn(RequestPart):
    """One event, as it is posted."""

    event_id: Id | None = Field(None, description="a repeated id counts once; none: one is made")
    user_id: Id
    item_id: Id
    event: Name = Field(description="impression, click, purchase, like, rating, or your own")
    timestamp: Moment | None = Field(None, description="ISO 8601, or epoch seconds or milliseconds; none: now")
    request_id: Id | None = None
    position: Position | None = None
    propensity: Propensity | None = None
    value: Number | None = None
    session_id: Id | None = None
    context: Context | None = None


class EventsRequest(RequestPart):
    """Body of POST /v1/events."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"events": [{"user_id": "u1", "item_id": "i1", "event": "click"}]}]}
    )

    events: Annotated[list[EventIn], OfOneCall]


class EventsAnswer(BaseModel):
    """The events are durable: new ones, and ones that were there before."""

    accepted: int
    duplicates: int
