"""The columns of a ranker's table: what each is called, and which way a score may go with it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """All columns of a table, in order.

    Attributes:
        names: (n_columns,) of each.
        monotone: (n_columns,) 1 where a score must not fall as the value rises, -1 where it must not rise, 0 where it
            may do either; empty: that is known of none, and none is bound.
    """

    names: tuple[str, ...]
    monotone: tuple[int, ...] = ()
