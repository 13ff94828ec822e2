"""Lists of a batch go to where they are looked up."""

import json
from contextlib import closing
from pathlib import Path

import polars as pl

from recsys.pipeline.offline.deliver import deliver
from recsys.pipeline.recommender.item_list import LIST_SCHEMA
from recsys.store import open_precomputed_lists


def test_delivered_lists_are_json(tmp_path: Path) -> None:
    rows = [
        (user, user, rank, f"i{rank}", 1.0 / rank, 0.5, None, ["als", "text"], "v1")
        for user in ("u1", "u2")
        for rank in (1, 2)
    ]
    pl.DataFrame(rows, schema=LIST_SCHEMA, orient="row").write_parquet(tmp_path / "lists.parquet")
    with closing(open_precomputed_lists(f"sqlite:///{tmp_path}/lists.db")) as lists:
        assert deliver(tmp_path / "lists.parquet", lists, str.upper) == 2
        found = json.loads(lists.get("U2") or "")
    assert (found["model_version"], [item["item_id"] for item in found["items"]]) == ("v1", ["i1", "i2"])
    assert found["items"][1] == {
        "item_id": "i2",
        "score": 0.5,
        "p_click": 0.5,
        "p_purchase": None,
        "sources": ["als", "text"],
    }
