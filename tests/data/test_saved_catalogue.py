"""What a saved catalogue and a saved log hold is what was saved, also where an earlier release wrote them."""

import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl

from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.loading import load_dataset
from recsys.data.log.interactions import InteractionLog


def test_a_loaded_catalogue_is_the_saved_one(tiny_dataset_dir: Path, tmp_path: Path) -> None:
    catalogue = load_dataset(tiny_dataset_dir).catalogue
    catalogue.save(tmp_path)
    for _ in range(2):
        again = ItemCatalogue.load(tmp_path)
        assert again.frame.equals(catalogue.frame)
        assert list(again.vocabulary) == catalogue.frame["item_id"].to_list()
        assert np.array_equal(again.text_lengths, [len(text) for text in catalogue.texts])
        shutil.rmtree(tmp_path / "ids", ignore_errors=True)  # as an earlier release wrote it


def test_codes_are_places_among_the_names(tiny_dataset_dir: Path) -> None:
    catalogue = load_dataset(tiny_dataset_dir).catalogue
    for column in ("category", "brand"):
        names = [*catalogue.names(column), None]
        assert [names[code] for code in catalogue.codes(column)] == catalogue.frame[column].to_list()


def test_the_log_of_an_earlier_release_is_read(tiny_dataset_dir: Path, tmp_path: Path) -> None:
    log = load_dataset(tiny_dataset_dir).log
    ids = list(log.user_vocabulary)
    log.save(tmp_path)
    for _ in range(2):
        again = InteractionLog.load(tmp_path, log.n_items)
        assert list(again.user_vocabulary) == ids
        assert again.event_names == log.event_names
        assert np.array_equal(again.users, log.users)
        assert np.array_equal(again.weights, log.weights)
        shutil.rmtree(tmp_path / "users", ignore_errors=True)
        shutil.rmtree(tmp_path / "columns", ignore_errors=True)
        pl.DataFrame({"id": ids}).write_parquet(tmp_path / "users.parquet")
        columns = [field.name for field in fields(InteractionLog)][3:-1]
        pl.DataFrame({name: getattr(log, name) for name in columns}).write_parquet(tmp_path / "events.parquet")
