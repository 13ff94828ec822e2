"""Answers of /v1/users."""

from typing import Any

from pydantic import BaseModel, Field


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
    context: Any = Field(description="what was posted: an object; text where another program has stored no JSON")


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
    training data included; `lists` are the newest ones that were answered. All oldest first. `profile` is what the user
    table said at the time of the training, by column: of numbers the tenth that they lie in, of dates how long ago that
    is.
    """

    user_id: str
    model_version: str
    n_events: int
    events: list[EventOut]
    history: list[KnownEventOut]
    lists: list[ListOut]
    profile: dict[str, list[str]]


class ForgottenAnswer(BaseModel):
    """The user is forgotten; `events` were removed from the store."""

    user_id: str
    forgotten: bool
    events: int


class FoundUser(BaseModel):
    """A known user, and how many events lists can be made from."""

    user_id: str
    n_events: int


class FoundUsersAnswer(BaseModel):
    """Users whose id holds the text: that id, then those that begin so, the most active first; none where users are
    known by pseudonyms."""

    users: list[FoundUser]
