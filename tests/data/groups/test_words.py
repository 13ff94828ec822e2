"""The words that rows have in common."""

import polars as pl

from recsys.data.groups.words import words_of


def test_words_that_some_rows_share_are_kept() -> None:
    titles = pl.Series("title", ["Senior Nurse (m/f)", "nurse, part-time", "Cook", None, "senior cook", "Árpád's", "-"])
    assert words_of(titles).to_list() == [
        ["senior", "nurse"],
        ["nurse"],
        ["cook"],
        None,
        ["senior", "cook"],
        None,
        None,
    ]
    assert words_of(pl.Series("title", ["a b", "a c", "a d"])).to_list() == [None] * 3, "all have it, or one alone"
