"""The words of short texts, as names of what their rows have in common."""

import polars as pl

_MOST_WORDS = 3_000
"""Different words that are kept, the most frequent ones."""

_MOST_ROWS = 0.5
"""A word in more than this share of the rows distinguishes them no better than one in none."""


def words_of(texts: pl.Series) -> pl.Series:
    """The words of each text, without rare ones and those that most have; null where none is left."""
    words = pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "word": texts.str.to_lowercase()})
    words = words.with_columns(pl.col("word").str.extract_all(r"[\p{L}\p{N}]+")).explode("word", empty_as_null=False)
    words = words.drop_nulls().unique(maintain_order=True)
    counts = words["word"].value_counts().filter(pl.col("count").is_between(2, _MOST_ROWS * len(texts)))
    kept = counts.sort(["count", "word"], descending=[True, False]).head(_MOST_WORDS)
    found = words.join(kept, on="word", how="semi").group_by("row", maintain_order=True).agg("word")
    rows = pl.DataFrame({"row": pl.int_range(len(texts), eager=True)})
    return rows.join(found, on="row", how="left", maintain_order="left")["word"].alias(texts.name)
