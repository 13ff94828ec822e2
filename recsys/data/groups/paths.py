"""Paths of names, each of which lies within the one before: `Home > Kitchen > Knives`."""

import re

import polars as pl

_SEPARATOR = re.compile(r"\s*(?:>|»|›|→|::|/|\||\\)\s*")

_LEAST_PATHS = 0.5
"""Share of the values of a column that must have a separator, so that it is one of paths and not of names such as
`AC/DC`."""


def are_paths(values: pl.Series) -> bool:
    """Whether the distinct values of a column are paths: most have a separator, and none is an address (`https://`)."""
    values = values.drop_nulls()
    if values.is_empty() or values.str.contains("://", literal=True).any():
        return False
    return float(values.str.contains(_SEPARATOR.pattern).mean()) >= _LEAST_PATHS  # type: ignore[arg-type]


def depth(values: pl.Series) -> int:
    """Levels of the deepest path of a column; 1 where its values are no paths."""
    distinct = values.drop_nulls().unique()
    return max(map(len, map(lineage, distinct.to_list()))) if are_paths(distinct) else 1


def pattern_within(path: str) -> str:
    """A regular expression, of polars, for a path and all that lies in it, whichever separators it is written with."""
    names = (pl.escape_regex(name) for name in _SEPARATOR.split(path))
    return f"(?s)^{_SEPARATOR.pattern.join(names)}(?:{_SEPARATOR.pattern}|$)"


def lineage(path: str) -> list[str]:
    """What a path lies in, the widest first, and itself: `Home`, `Home > Kitchen`."""
    above = (path[: found.start()] for found in _SEPARATOR.finditer(path))
    return list(dict.fromkeys(name for name in (*above, path) if name.strip()))
