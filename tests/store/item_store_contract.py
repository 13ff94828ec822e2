"""What every store of items must do. A store's tests inherit `ItemStoreContract` and say how to open one."""

import pytest

from recsys.data.items.item_changes import ItemChange
from recsys.errors import StoreError
from recsys.store import ItemStore, open_store


class ItemStoreContract:
    """Inherited by the tests of each store, which give the fixtures `url` and `log`."""

    def test_changes_come_back_in_order(self, log: ItemStore) -> None:
        assert log.read_items() == []
        changes = [ItemChange("i1", '{"item_id": "i1", "title": "مرحبا 🎈"}'), ItemChange("a/b c?", None)]
        log.put_items(changes)
        log.put_items([])
        assert [change for _, change in log.read_items()] == changes

    def test_only_the_newest_change_of_an_item_is_kept_and_it_moves_to_the_end(self, log: ItemStore) -> None:
        log.put_items([ItemChange("i1", "1"), ItemChange("i2", "2")])
        seen = log.read_items()[-1][0]
        log.put_items([ItemChange("i1", None)])
        assert [change for _, change in log.read_items()] == [ItemChange("i2", "2"), ItemChange("i1", None)]
        assert [change for _, change in log.read_items(seen)] == [ItemChange("i1", None)]
        log.put_items([ItemChange("i1", "a"), ItemChange("i1", "b")])
        assert [change for _, change in log.read_items(seen)] == [ItemChange("i1", "b")]

    def test_pages_join_without_a_gap(self, log: ItemStore) -> None:
        log.put_items([ItemChange(f"i{number}", str(number)) for number in range(5)])
        found, after = [], 0
        while page := log.read_items(after, limit=2):
            found += [change.item_id for _, change in page]
            after = page[-1][0]
        assert found == [f"i{number}" for number in range(5)]

    def test_items_are_all_or_none_and_there_after_opening_again(self, url: str, log: ItemStore) -> None:
        with pytest.raises(StoreError):
            log.put_items([ItemChange("i1", "1"), ItemChange(None, "2")])  # type: ignore[arg-type]
        assert log.read_items() == []
        log.put_items([ItemChange("i1", "1")])
        again = open_store(url)
        assert again.read_items() == log.read_items()
        again.close()

    @pytest.mark.parametrize(("changes", "seen"), [([], 1), ([ItemChange("i1", "1")], 50)])
    def test_no_offset_of_a_change_is_given_again_that_a_reader_has_come_to(
        self, url: str, log: ItemStore, changes: list[ItemChange], seen: int
    ) -> None:
        """As where a store was put back from a backup, and servers that run have read what it has lost."""
        log.put_items(changes)
        assert log.read_items(seen) == []
        log.put_items([ItemChange("i2", "2"), ItemChange("i1", None)])
        other = open_store(url)
        assert other.read_items(seen) == [(seen + 1, ItemChange("i2", "2")), (seen + 2, ItemChange("i1", None))]
        other.close()
