"""Which variant answers whom: sticky, by shares, without a table of users."""

import hashlib
import math
from collections.abc import Sequence

from recsys.config import VariantConfig

_STEPS = 2**64


def assigned_variant(variants: Sequence[VariantConfig], unit: str) -> VariantConfig:
    """The variant of a user, or of whatever else must always get the same one.

    Weighted rendezvous hashing (Schindelhauer and Schomaker, Weighted distributed hash tables, 2005): when a share
    grows, units move to that variant only; when a variant goes, only its own units move.
    """
    if len(variants) == 1:
        return variants[0]
    return max(variants, key=lambda variant: variant.share / -math.log(draw(variant.name, unit)))


def shadow_variants(variants: Sequence[VariantConfig], answering: str, request_id: str) -> list[VariantConfig]:
    """The variants that make this list as well, unseen."""
    others = (variant for variant in variants if variant.shadow and variant.name != answering)
    return [variant for variant in others if draw(f"shadow {variant.name}", request_id) < variant.shadow]


def draw(name: str, unit: str) -> float:
    """A number in (0, 1), always the same for a name and a unit, evenly spread over units."""
    digest = hashlib.sha256(f"{name}\0{unit}".encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8]) + 1) / (_STEPS + 2)
