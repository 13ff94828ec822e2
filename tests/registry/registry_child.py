"""Publishes versions until it is killed; run by test_registry_crash.py. Prints each version that is finished."""

import sys
from dataclasses import dataclass
from pathlib import Path

from recsys.registry import DataRecord, Description, Registry

DESCRIPTION = Description(
    data=DataRecord(fingerprint="f", start=1, end=2, n_events=3, n_users=1, n_items=2),
    config={"cf": {"factors": 8}},
    metrics={"ndcg@10": {"mean": 0.1}},
    feature_names=["a", "b"],
)


@dataclass(frozen=True)
class SmallBundle:
    content: str
    description: Description = DESCRIPTION

    def save(self, folder: Path) -> None:
        (folder / "cf").mkdir()
        (folder / "cf" / "factors.npy").write_text(self.content)
        (folder / "top.txt").write_text(self.content * 2)


def publish(
    registry: Registry, content: str, *, promote: bool = True, why: str = "test", parent: str | None = None
) -> str:
    """A version with two small files."""
    bundle = SmallBundle(content)
    return registry.publish(bundle, parent=parent, why=why) if promote else registry.add(bundle, parent=parent)


if __name__ == "__main__":
    number = 0
    while True:
        print(publish(Registry(Path(sys.argv[1])), f"content {number}"), flush=True)
        number += 1
