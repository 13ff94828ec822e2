"""Ranked lists in a file: the same as one by one, and an interrupted run goes on."""

import os
import shutil
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.data.dataset import Dataset
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.requests.request import Request
from recsys.errors import BusyError, DataError, RecsysError, StoreError
from recsys.pipeline.engines.processes import Processes
from recsys.pipeline.offline import batch
from recsys.pipeline.offline.batch import UserRequests, rank_to_parquet
from recsys.pipeline.offline.caught_up import CaughtUp
from recsys.pipeline.offline.published import PublishedVersion
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.item_list import LIST_SCHEMA
from recsys.pipeline.recommender.matching import with_available_items_of
from recsys.pipeline.recommender.recommend import Recommender
from recsys.registry import Registry

REQUESTS = [Request(f"user {user}", n=3 + user % 3, request_id=f"r{user}") for user in range(10)] + [
    Request("user 1", request_id="filtered", filters={"category": "none of this"}),
    Request("nobody", request_id="cold"),
]


@pytest.fixture
def ranker(plain: Bundle, monkeypatch: pytest.MonkeyPatch) -> Recommender:
    """Parts of five requests: three parts."""
    monkeypatch.setattr(batch, "_REQUESTS_PER_PART", 5)
    return Recommender(plain)


class PlugPulledError(Exception):
    """The run ends here."""


def interrupt(ranker: Recommender, requests: list[Request], out: Path) -> Path:
    """Two whole parts of a run, in their folder; in the first of them one score is changed to tell it from others."""

    def after_two(message: str) -> None:
        if "10 of" in message:
            raise PlugPulledError

    with pytest.raises(PlugPulledError):
        rank_to_parquet(ranker, requests, out, progress=after_two)
    assert not out.exists(), "what is there is complete"
    parts = out.with_name(out.name + ".parts")
    assert len(list(parts.glob("*.parquet"))) == 2
    part = parts / "000000.parquet"
    pl.read_parquet(part).with_columns(score=pl.lit(77.0, pl.Float32)).write_parquet(part)
    return parts


def test_the_file_holds_the_lists(ranker: Recommender, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "lists.parquet"
    messages: list[str] = []
    summary = rank_to_parquet(ranker, REQUESTS, out, progress=messages.append)
    frame = pl.read_parquet(out)
    assert dict(frame.schema) == LIST_SCHEMA
    assert frame["request_id"].unique(maintain_order=True).to_list() == [f"r{n}" for n in range(10)] + ["cold"]
    for request in REQUESTS:
        one, own = ranker.recommend(request), frame.filter(pl.col("request_id") == request.request_id)
        assert own["item_id"].to_list() == list(one.ids)
        np.testing.assert_array_equal(own["score"].to_numpy(), one.scores)
    assert len(messages) == 3
    assert asdict(summary) == {
        "requests": 12,
        "rows": frame.height,
        "empty": 1,
        "cold_users": 1,
        "items": frame["item_id"].n_unique(),
        "model_version": "",
    }
    assert [path.name for path in out.parent.iterdir()] == ["lists.parquet"]


def test_an_interrupted_run_goes_on(ranker: Recommender, tmp_path: Path) -> None:
    rank_to_parquet(ranker, REQUESTS, tmp_path / "whole.parquet")
    interrupt(ranker, REQUESTS, tmp_path / "lists.parquet")
    rank_to_parquet(ranker, REQUESTS, tmp_path / "lists.parquet", resume=True)
    found, whole = (pl.read_parquet(tmp_path / f"{name}.parquet") for name in ("lists", "whole"))
    changed = pl.int_range(pl.len()) < found.filter(pl.col("score") == 77).height
    assert found.filter(pl.col("score") == 77)["request_id"].unique().sort().to_list() == [f"r{n}" for n in range(5)]
    assert found.filter(~changed).equals(whole.filter(~changed)), "the first part was kept, the rest is the same"


def test_the_file_of_an_interrupted_run_is_that_of_a_whole_one(ranker: Recommender, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.parquet", tmp_path / "lists.parquet"
    rank_to_parquet(ranker, REQUESTS, whole)
    parts = interrupt(ranker, REQUESTS, out)
    (parts / "000000.parquet").unlink()
    (parts / ".000001.parquet.new").write_bytes(b"half a part")
    rank_to_parquet(ranker, REQUESTS, out, resume=True)
    assert out.read_bytes() == whole.read_bytes()
    assert not parts.exists()


@pytest.mark.parametrize("left", [0, 40, -8])
def test_a_part_that_a_crash_left_damaged_is_ranked_again(ranker: Recommender, tmp_path: Path, left: int) -> None:
    out = tmp_path / "lists.parquet"
    part = interrupt(ranker, REQUESTS, out) / "000000.parquet"
    part.write_bytes(part.read_bytes()[:left])
    rank_to_parquet(ranker, REQUESTS, out, resume=True)
    found = pl.read_parquet(out)
    assert (found["request_id"].n_unique(), found.filter(pl.col("score") == 77).height) == (11, 0)


def test_lists_are_on_the_disk_before_their_parts_are_gone(
    ranker: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []

    def sync(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        synced.append((name, (tmp_path / "lists.parquet.parts").exists()))

    monkeypatch.setattr(os, "fsync", sync)
    rank_to_parquet(ranker, REQUESTS, tmp_path / "lists.parquet")
    assert (".000002.parquet.new", True) in synced
    assert synced[-2:] == [("lists.parquet.half", True), (tmp_path.name, True)]


@pytest.mark.parametrize("resume", [True, False])
def test_parts_of_another_job_are_not_reused(ranker: Recommender, tmp_path: Path, resume: bool) -> None:
    out = tmp_path / "lists.parquet"
    interrupt(ranker, REQUESTS, out)
    others = [*REQUESTS[1:], Request("user 50", request_id="another")] if resume else REQUESTS
    rank_to_parquet(ranker, others, out, resume=resume)
    assert pl.read_parquet(out).filter(pl.col("score") == 77).is_empty()


def test_a_second_run_to_the_same_place_is_refused(ranker: Recommender, tmp_path: Path) -> None:
    out, refused = tmp_path / "lists.parquet", []

    def begin_another(_: str) -> None:
        with pytest.raises(BusyError, match=f"another run writes {out}"):
            rank_to_parquet(ranker, REQUESTS[:3], out, resume=True)
        refused.append(True)

    (tmp_path / ".lists.parquet.lock").touch()  # a killed run leaves it, and nobody holds it
    rank_to_parquet(ranker, REQUESTS, out, progress=begin_another)
    assert len(refused) == 3
    assert pl.read_parquet(out)["request_id"].n_unique() == 11
    assert list(tmp_path.iterdir()) == [out]


def test_a_delivery_that_fails_needs_no_ranking_again(ranker: Recommender, tmp_path: Path) -> None:
    out, delivered = tmp_path / "lists.parquet", list[int]()

    def away(lists: Path) -> None:
        raise StoreError("the place of the lists is away")

    with pytest.raises(StoreError):
        rank_to_parquet(ranker, REQUESTS, out, deliver=away)
    said: list[str] = []
    rank_to_parquet(
        ranker,
        REQUESTS,
        out,
        resume=True,
        deliver=lambda lists: delivered.append(pl.read_parquet(lists)["request_id"].n_unique()),
        progress=said.append,
    )
    assert (delivered, said) == ([11], [])
    assert list(tmp_path.iterdir()) == [out]


def test_a_run_that_cannot_go_on_says_so(ranker: Recommender, tmp_path: Path) -> None:
    out = tmp_path / "lists.parquet"
    interrupt(ranker, REQUESTS, out)
    said: list[str] = []
    rank_to_parquet(ranker, REQUESTS[:-1], out, resume=True, progress=said.append)
    assert said[0] == "an interrupted run left parts of other requests: starting anew"


def test_parts_that_were_ranked_by_other_events_are_not_reused(
    ranker: Recommender, plain: Bundle, tmp_path: Path
) -> None:
    out = tmp_path / "lists.parquet"
    interrupt(ranker, REQUESTS, out)
    newer, said = Recommender(replace(plain, fingerprint="of newer data")), list[str]()
    rank_to_parquet(newer, REQUESTS, out, resume=True, progress=said.append)
    assert said[0].startswith("an interrupted run left parts of other data (the files or the store have changed since)")
    assert pl.read_parquet(out)["score"].max() < 77  # type: ignore[operator]


def test_newer_data_says_what_is_available(plain_registry: Registry, early: Dataset, tmp_path: Path) -> None:
    frame = early.catalogue.frame
    gone = frame["item_id"][0]
    sold_out = frame["category"] == "coffee"
    ended = frame["item_id"] == frame.filter(~sold_out)["item_id"][-1]
    until = pl.when(ended).then(datetime(2000, 1, 1, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))
    stock = frame.with_columns(available=~sold_out, available_until=until)[1:]
    newer = Dataset(ItemCatalogue(stock), early.log, fingerprint="newer")
    said: list[str] = []
    bundle = with_available_items_of(Bundle.load(plain_registry), newer, said.append)
    lost = frame.filter((sold_out | (frame["item_id"] == gone)) & frame["available"]).height
    assert said == [f"{lost} items are not available any more, or gone"]
    published = PublishedVersion.of(CaughtUp.as_trained(bundle), plain_registry.path, tmp_path / "events")
    recommender = published.open()
    assert recommender.bundle.fingerprint == bundle.fingerprint
    listed = set(recommender.recommend(Request("user 1", n=200)).ids)
    assert listed
    assert not listed & {gone, *frame.filter(sold_out | ended)["item_id"]}


def test_a_batch_of_no_requests_is_refused(ranker: Recommender, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no users or requests to rank"):
        rank_to_parquet(ranker, [], tmp_path / "lists.parquet")


def test_a_batch_with_two_requests_of_one_id_is_refused(ranker: Recommender, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two requests share a request_id"):
        rank_to_parquet(ranker, [Request("a"), Request("b")], tmp_path / "lists.parquet")


def test_a_place_that_cannot_be_written_is_named(ranker: Recommender, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        rank_to_parquet(ranker, REQUESTS, tmp_path / "file" / "lists.parquet")


def test_what_is_no_file_is_left_as_it_is(ranker: Recommender, tmp_path: Path) -> None:
    pipe, folder, link = (tmp_path / name for name in ("pipe", "folder", "link"))
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to(pipe)
    for out in (pipe, folder, link):
        with pytest.raises(DataError, match="a folder or a device"):
            rank_to_parquet(ranker, REQUESTS, out)
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == [folder, link, pipe]


def test_what_a_link_names_is_written(ranker: Recommender, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "lists.parquet")
    rank_to_parquet(ranker, REQUESTS[:2], link)
    assert link.is_symlink()
    assert pl.read_parquet(tmp_path / "lists.parquet").height


def test_a_note_that_is_damaged_is_that_of_another_job(ranker: Recommender, tmp_path: Path) -> None:
    out = tmp_path / "lists.parquet"
    interrupt(ranker, REQUESTS, out)
    (tmp_path / "lists.parquet.parts" / "job.json").write_text("{")
    rank_to_parquet(ranker, REQUESTS, out, resume=True)
    assert pl.read_parquet(out).filter(pl.col("score") == 77).is_empty()


def test_nothing_but_empty_lists_is_a_file_without_rows(ranker: Recommender, tmp_path: Path) -> None:
    summary = rank_to_parquet(ranker, [REQUESTS[10]], tmp_path / "lists.parquet")
    assert (summary.rows, summary.empty) == (0, 1)
    assert dict(pl.read_parquet(tmp_path / "lists.parquet").schema) == LIST_SCHEMA


def test_processes_write_what_one_would(plain_registry: Registry, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(batch, "_REQUESTS_PER_PART", 25)
    recommender = Recommender.load(plain_registry)
    requests = UserRequests([f"user {number}" for number in range(60)], 5)
    one, many = tmp_path / "one.parquet", tmp_path / "many.parquet"
    expected = rank_to_parquet(recommender, requests, one)
    published = PublishedVersion.of(CaughtUp.as_trained(recommender.bundle), plain_registry.path, tmp_path / "events")
    spread = partial(Processes(2).run, published.open)
    messages: list[str] = []
    assert rank_to_parquet(recommender, requests, many, spread=spread, progress=messages.append) == expected
    assert many.read_bytes() == one.read_bytes()
    assert "ranked 60 of 60 requests" in messages[-1]
    assert messages[-1].endswith("a second, 0:00 left")


def die(recommender: Recommender) -> int:
    os._exit(9)


@pytest.mark.parametrize(("version", "message"), [("", "--resume"), ("20240101T000000Z-000000", "has no version")])
def test_a_worker_that_cannot_go_on_ends_the_run_with_its_reason(
    plain_registry: Registry, tmp_path: Path, version: str, message: str
) -> None:
    published = PublishedVersion(plain_registry.path, version or plain_registry.resolve(None), "", tmp_path)
    with pytest.raises(RecsysError, match=message):
        list(Processes(1).run(published.open, die, [()]))


def test_names_that_look_like_patterns(plain_registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "reg[v2]*"
    shutil.copytree(plain_registry.path, folder)
    out = tmp_path / "lists[1]?.parquet"
    rank_to_parquet(Recommender.load(folder), REQUESTS, out)
    assert pl.read_parquet(out, glob=False)["request_id"].n_unique() == 11


def test_nothing_half_written_stays_whatever_ends_a_run(
    ranker: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("recsys.pipeline.offline.batch._summary", stopped)
    with pytest.raises(KeyboardInterrupt):
        rank_to_parquet(ranker, REQUESTS, tmp_path / "lists.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["lists.parquet.parts"]
