"""The items of a simulated shop."""

from pathlib import Path

from recsys.counts import counted
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.items_table import read_items
from recsys.data.tables.files import open_table, require_table
from recsys.progress import Progress, silent


def catalogue_of(folder: Path, most: int, seed: int, max_rejected: float, progress: Progress = silent) -> ItemCatalogue:
    """At most `most` items of a dataset directory, drawn by the seed.

    Args:
        max_rejected: largest share of rows that may be bad; `progress` says how many are left out, and why.

    Raises:
        DataError: there is no such table, it cannot be read, or too much of it is bad.
    """
    catalogue, rejections = read_items(open_table(require_table(folder, "items")))
    rejections.check(max_rejected)
    if len(rejections):
        left_out = counted(len(rejections), "bad item is", "bad items are")
        progress(f"{left_out} left out: {'; '.join(rejections.top_reasons())}")
    return ItemCatalogue(catalogue.frame.sample(most, seed=seed)) if len(catalogue) > most else catalogue
