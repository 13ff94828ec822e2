"""The sources of candidates, each declared once; `recsys.pipeline.candidates.sources` has their models."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

FeatureGroup = Literal["text", "collaborative", "behaviour", "context"]

Source = Literal[
    "transitions",
    "neighbours",
    "ease",
    "als",
    "text",
    "popular",
    "categories",
    "profiles",
    "rhythm",
    "season",
    "history",
    "trending",
    "newest",
]


class SourceDeclaration(NamedTuple):
    """What is known of a source besides its model.

    Attributes:
        group: of features. An ablation that leaves out the group leaves out the source too.
        ranking: what reports call the ranking by this source alone.
        is_personal: whether its list depends on the user; else it is the same for everybody.
    """

    group: FeatureGroup
    ranking: str
    is_personal: bool = True


SOURCES: Mapping[Source, SourceDeclaration] = {
    "transitions": SourceDeclaration("collaborative", "transitions"),
    "neighbours": SourceDeclaration("collaborative", "neighbours"),
    "ease": SourceDeclaration("collaborative", "EASE"),
    "als": SourceDeclaration("collaborative", "ALS"),
    "text": SourceDeclaration("text", "text, interest model alone"),
    "popular": SourceDeclaration("behaviour", "popularity", is_personal=False),
    "categories": SourceDeclaration("behaviour", "popularity in the user's categories"),
    "profiles": SourceDeclaration("behaviour", "popularity among users of the same profile"),
    "rhythm": SourceDeclaration("behaviour", "popularity at this time of the week", is_personal=False),
    "season": SourceDeclaration("behaviour", "popularity at this time of the year", is_personal=False),
    "history": SourceDeclaration("behaviour", "habit"),
    "trending": SourceDeclaration("behaviour", "trending", is_personal=False),
    "newest": SourceDeclaration("behaviour", "newest items", is_personal=False),
}


def sources_of(group: FeatureGroup) -> tuple[Source, ...]:
    """The sources that are left out with a group of features."""
    return tuple(source for source, declared in SOURCES.items() if declared.group == group)
