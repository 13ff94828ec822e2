"""The client on a real server, and on one that loses answers."""

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from running import answering

from recsys.client import AsyncClient, Client, PolicyChange, RankedItem, RankedItems, Stored
from recsys.client.calls import events_call, similar_call
from recsys.errors import ConfigError, DataError, RecsysError, StoreError
from serving.schemas.events import EventsAnswer
from serving.schemas.lists import ChangeOut, ItemOut, RankAnswer


@pytest.mark.parametrize(
    ("typed", "answer"),
    [(RankedItems, RankAnswer), (RankedItem, ItemOut), (PolicyChange, ChangeOut), (Stored, EventsAnswer)],
)
def test_the_types_name_all_that_the_api_answers(typed: type, answer: type[BaseModel]) -> None:
    assert typed.__annotations__.keys() == answer.model_fields.keys()


def test_every_call_gives_what_the_server_answers(http: httpx.Client, items: list[str]) -> None:
    with Client(str(http.base_url)) as client:
        page = client.recommend("u1", 3)
        following = client.recommend("u1", 3, cursor=page["cursor"])
        assert len({item["item_id"] for item in page["items"] + following["items"]}) == 6
        ranked = client.rank([items[0], "unknown"], "u1", explain=True)
        assert ranked["unknown_items"] == ["unknown"]
        assert client.send([{"user_id": "u1", "item_id": items[0], "event": "click"}]) == {
            "accepted": 1,
            "duplicates": 0,
        }
        assert client.put_items([{"item_id": "a/b\n", "title": "espresso beans"}]) == 1
        assert client.similar("a/b\n", 2)
        assert client.forget("u1") == 1
        with pytest.raises(DataError, match=r"body\.events\.0\.item_id: item 'none' is not in the catalogue"):
            client.send([{"user_id": "u1", "item_id": "none", "event": "click"}])

    async def the_same() -> None:
        async with AsyncClient(str(http.base_url)) as client:
            lists = await asyncio.gather(*(client.recommend(f"u{number}", 3) for number in range(4)))
            assert all(len(found["items"]) == 3 for found in lists)
            ranked = await client.rank(items[:2])
            assert len(ranked["items"]) == 2
            stored = await client.send([{"event_id": "e", "user_id": "u2", "item_id": items[0], "event": "click"}] * 2)
            assert stored == {"accepted": 1, "duplicates": 1}
            with_id, _, sent = events_call([{"event_id": None, "user_id": "u2"}])
            assert (with_id, len(sent["events"][0]["event_id"])) == ("POST", 32)
            assert await client.put_items([{"item_id": "new", "title": "espresso"}]) == 1
            assert await client.similar("new", 1)
            assert await client.forget("u2") == 1

    asyncio.run(the_same())


@pytest.fixture
def losing() -> Iterator[tuple[str, list[Any]]]:
    """A server that breaks the first call off, says 503 to the second, and answers the third; and what it was sent."""
    sent: list[Any] = []

    class Losing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if len(sent) % 3 == 1:
                self.close_connection = True
                return
            self.send_response(503 if len(sent) % 3 == 2 else 202)
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(b'{"accepted": 1, "duplicates": 0}')

        def log_message(self, format: str, *arguments: Any) -> None:
            """Says nothing."""

    with answering(Losing) as url:
        yield url, sent


def test_a_call_is_made_again_with_the_same_ids(losing: tuple[str, list[Any]]) -> None:
    url, sent = losing
    event = {"user_id": "u", "item_id": "i", "event": "click"}
    with Client(url) as client:
        assert client.send([event])["accepted"] == 1
    assert len(sent) == 3
    assert sent[0] == sent[1] == sent[2]
    assert sent[0]["events"][0]["event_id"]

    async def the_same() -> None:
        async with AsyncClient(url, retries=1) as client:
            with pytest.raises(StoreError, match="2 attempts: status 503"):
                await client.send([event])

    asyncio.run(the_same())


def test_ids_that_look_like_folders(http: httpx.Client, items: list[str]) -> None:
    with Client(str(http.base_url)) as client:
        client.put_items([{"item_id": name, "title": "espresso beans"} for name in (".", "..", "a/similar")])
        assert client.forget("..") == 0
        assert len(client.similar(".", n=3)) == 3
        assert len(client.similar("a/similar", n=3)) == 3
    assert http.get("/v1/items/a%2Fsimilar").json()["item"]["item_id"] == "a/similar"


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_less_than_one_attempt_is_refused_at_once(client: type[Client | AsyncClient]) -> None:
    with pytest.raises(ConfigError, match="retries = -1; write 0"):
        client("http://localhost", retries=-1)


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "localhost:8000"}, "url = 'localhost:8000'; write it with http://"),
        ({"url": ""}, "write it with http://"),
        ({"key": "read from a file\n"}, "key holds a character"),
        ({"key": "schlüssel"}, "key holds a character"),
        ({"timeout": 0}, "timeout = 0; write seconds"),
        ({"timeout": float("nan")}, "timeout = nan; write seconds"),
    ],
)
def test_what_could_never_be_sent_is_refused_at_once(
    client: type[Client | AsyncClient], wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        client(**{"url": "http://localhost", **wrong})


def test_one_text_is_no_list_of_items(http: httpx.Client) -> None:
    with Client(str(http.base_url)) as client, pytest.raises(DataError, match="items must be a list of item ids"):
        client.rank("books")


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (503, {}, b'{"detail": "the store is away", "errors": []}', "1 attempts: status 503: the store is away"),
        (308, {"Location": "https://shop"}, b"", "status 308: the service is at https://shop; give that as the url"),
        (200, {"Content-Encoding": "gzip"}, b"no gzip", "no answer after 1 attempts: .* decompressing"),
    ],
)
def test_an_error_says_what_the_server_says(status: int, headers: dict[str, str], body: bytes, words: str) -> None:
    class Failing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Says nothing."""

    with answering(Failing) as url, Client(url, retries=0) as client, pytest.raises(RecsysError, match=words):
        client.recommend("u")


def test_a_kind_of_similarity_stands_in_the_address_as_what_it_is() -> None:
    _, path, _ = similar_call("i", 3, "text&n=500#é")
    assert dict(httpx.URL(path).params) == {"n": "3", "by": "text&n=500#é"}


@pytest.mark.parametrize("user_id", ["\ud800", float("nan"), object()])
def test_what_is_no_json_is_not_sent(http: httpx.Client, user_id: Any) -> None:
    with Client(str(http.base_url)) as client, pytest.raises(DataError, match="cannot be sent as JSON"):
        client.recommend(user_id)
