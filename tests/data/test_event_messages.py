"""What is an event among the messages of a stream, and what is kept aside with its reason."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from recsys.data.events.event_messages import Message, read_messages
from serving.schemas.events import EventIn


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"event_id": f"e{number}", "user_id": "u", "item_id": f"i{number}", "event": "click", **fields}


@pytest.mark.parametrize(
    ("field", "value", "is_kept"),
    [("value", 3e38, True), ("value", 4e38, False), ("propensity", 1e-37, True), ("propensity", 1e-46, False)],
)
def test_numbers_beyond_32_bits_are_no_event(field: str, value: float, is_kept: bool) -> None:
    events, wrong = read_messages([Message("1-0", event(1, timestamp="20240501", **{field: value}), 0)])
    assert (len(events), [one.reason.partition(":")[0] for one in wrong]) == ((1, []) if is_kept else (0, [field]))
    assert all(one.timestamp == 1_714_521_600_000_000 for one in events)


def test_json_that_is_no_object_is_no_event() -> None:
    _, wrong = read_messages([Message("1-0", content, 0) for content in (b"[]", b"null", b'"event"', b"7")])
    assert [one.reason for one in wrong] == ["not a JSON object"] * 4


def test_an_id_that_a_number_with_a_point_rounds_is_no_event() -> None:
    ids = [1234567890123456789.0, 1234567890123456790.0, 1234567890123456789]
    events, wrong = read_messages([Message("1-0", event(1, user_id=id_), 0) for id_ in ids])
    assert [one.user_id for one in events] == ["1234567890123456789"]
    assert ["write the id as text" in one.reason for one in wrong] == [True, True]


def test_one_place_of_two_brokers_is_not_one_event() -> None:
    """Two clusters have a topic of one name, or a topic was made anew: each counts from 0."""
    told = {"item_id": "i", "event": "click"}
    contents: list[Any] = [{**told, "user_id": user} for user in ("u1", "u2")]
    contents += [json.dumps(content).encode() for content in contents]
    (one, other, *as_bytes), _ = read_messages([Message("kafka/clicks/0/0", content, 7) for content in contents])
    assert len({event.event_id for event in (one, other, *as_bytes)}) == 4
    (again,), _ = read_messages([Message("kafka/clicks/0/0", contents[0], 8)])
    assert again.event_id == one.event_id


@pytest.mark.parametrize("as_text", [False, True])
def test_a_context_that_cannot_be_kept_is_no_event(as_text: bool) -> None:
    """One message must not end the reading of a stream, each time it is read."""
    deep = '{"a":' * 300 + "1" + "}" * 300
    content = json.dumps(event(1, context="?")).replace('"?"', json.dumps(deep) if as_text else deep)
    events, wrong = read_messages([Message("1-0", content.encode(), 0), Message("1-1", event(2), 0)])
    assert [one.event_id for one in events] == ["e2"]
    assert [one.reason.partition(":")[0] for one in wrong] == ["context.a"]


CONTEXTS: list[tuple[Any, bool]] = [
    ({"page": "home", "depth": 2, "new": True, "share": 0.5, "from": None}, True),
    ({"a": {"b": [1]}}, False),
    ({"a": [1]}, False),
    ({"a": 10**30}, False),
    ({"a": "x" * 2_001}, False),
    ({"a" * 65: 1}, False),
    ({"": 1}, False),
    ({f"a{number}": number for number in range(51)}, False),
]


@pytest.mark.parametrize(("context", "is_kept"), CONTEXTS)
def test_a_stream_and_a_request_take_the_same_contexts(context: Any, is_kept: bool) -> None:
    content = event(1, context=context)
    events, wrong = read_messages([Message("1-0", content, 0)])
    assert (len(events), len(wrong)) == ((1, 0) if is_kept else (0, 1))
    if is_kept:
        assert EventIn.model_validate(content).context == json.loads(str(events[0].context)) == context
    else:
        with pytest.raises(ValidationError, match="context"):
            EventIn.model_validate(content)


def test_what_a_fact_of_a_context_might_have_been_is_reported() -> None:
    _, (wrong,) = read_messages([Message("1-0", event(1, context={"a": [1]}), 0)])
    assert wrong.reason.startswith("context.a: Input should be a valid string; or: Input should be a valid boolean;")


@pytest.mark.parametrize(
    ("given", "context"),
    [('{"query": "tea"}', {"query": "tea"}), ("tea", {"text": "tea"}), ("[1]", {"text": "[1]"}), (None, None)],
)
def test_a_context_may_come_as_text(given: str | None, context: dict[str, Any] | None) -> None:
    (read,), wrong = read_messages([Message("1-0", event(1, context=given), 0)])
    assert not wrong
    assert (None if read.context is None else json.loads(read.context)) == context
