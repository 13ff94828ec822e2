"""The columns of a ranker's table: their names, and in which direction scores may follow them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """All columns of a table, in order.

    Attributes:
        names: (n_columns,) of each.
        monotone: (n_columns,) 1 where a score must not fall as the value rises, -1 where it must not rise, 0 where it
            may do either; empty: no column is constrained.
    """

    names: tuple[str, ...]
    monotone: tuple[int, ...] = ()
