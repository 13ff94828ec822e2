"""The lines of docs/data.md that make a dataset directory of an export do so."""

import re
from pathlib import Path

import pytest

from recsys.data.loading import load_dataset

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data.md"

PRODUCTS = """SKU;Name;Text;Group;Tags;Price;Since;Status;Colour
007;"Café; blue";"<p>Blue café <b>au lait</b></p>";Bar > Coffee;new, hot;4,50;31.05.2023;active;blau
008;Tea;;Bar > Tea;;3,00;01.06.2023;archived;grün
"""
ORDERS = """Customer;SKU;Ordered
k1;007;29.10.2023 02:30
;007;30.10.2023 10:00
k2;008;15.07.2023 00:30
"""


def test_an_export_with_semicolons_commas_and_local_times_becomes_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## From an export")[2]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    Path("products.csv").write_bytes(PRODUCTS.encode("cp1252"))
    Path("orders.csv").write_bytes(ORDERS.encode("cp1252"))
    exec(block.group(1), {})
    dataset = load_dataset("my-data")
    frame = dataset.catalogue.frame
    assert frame["item_id"].to_list() == ["007", "008"]
    assert frame["tags"].to_list() == [["new", "hot"], None]
    assert frame["price"].to_list() == [4.5, 3.0]
    assert frame["available"].to_list() == [True, False]
    assert frame["created_at"].dt.date().cast(str).to_list() == ["2023-05-31", "2023-06-01"]
    assert dataset.catalogue.texts[0] == "Café; blue. Bar > Coffee. new, hot. Blue café au lait"
    assert dataset.n_rejected == 0
    times = dataset.log.times.astype("datetime64[us]").astype(str).tolist()
    assert times == ["2023-07-14T22:30:00.000000", "2023-10-29T00:30:00.000000"]
