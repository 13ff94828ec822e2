"""The kinds of features: each computes one column for all pairs of a batch.

A kind reads the past only: `EventState` and `HistoryBatch` answer about moments strictly before the request and take
no other question, and a window reaches back, so a feature that sees the future cannot be declared. A value that does
not exist is NaN, which LightGBM handles itself.
"""

from features.kinds.base import Kind, Scope
from features.kinds.candidates import (
    Affinity,
    Agreement,
    SourceFlag,
    SourceRank,
    SourceRatio,
    SourceScore,
    SourceShare,
    SourceWithin,
)
from features.kinds.items import (
    GroupPopularity,
    ItemAge,
    ItemCount,
    ItemDebiasedRate,
    ItemDecayed,
    ItemFact,
    ItemMean,
    ItemRate,
    ItemReplaced,
    ItemSince,
    ItemSum,
    ItemVelocity,
)
from features.kinds.matches import (
    UserCodeSince,
    UserItemBaskets,
    UserItemCount,
    UserItemDue,
    UserItemSince,
    UserItemWorth,
    UserShare,
)
from features.kinds.requests import Clock, UserCount, UserEntropy, UserHistory
from features.kinds.users import (
    PriceRatio,
    UserLabelShare,
    UserLineStep,
    UserNamedShare,
    UserQuantityDistance,
    UserQuantityStep,
    UserTagShare,
)

KINDS: tuple[type[Kind], ...] = (
    *(Affinity, Agreement, SourceFlag, SourceRank, SourceRatio, SourceScore, SourceShare, SourceWithin),
    *(ItemAge, ItemCount, ItemDebiasedRate, ItemDecayed, ItemFact, ItemMean, ItemRate, ItemSince, ItemSum),
    *(ItemVelocity, Clock, PriceRatio, UserCodeSince, UserCount, UserEntropy, UserHistory, UserItemCount),
    *(UserItemBaskets, UserItemDue, UserItemSince, UserItemWorth, UserLabelShare, UserQuantityDistance, UserShare),
    *(GroupPopularity, ItemReplaced, UserLineStep, UserNamedShare, UserQuantityStep, UserTagShare),
)
"""All kinds: what `features.extra` may name."""

__all__ = [
    "KINDS",
    "Affinity",
    "Agreement",
    "Clock",
    "GroupPopularity",
    "ItemAge",
    "ItemCount",
    "ItemDebiasedRate",
    "ItemDecayed",
    "ItemFact",
    "ItemMean",
    "ItemRate",
    "ItemReplaced",
    "ItemSince",
    "ItemSum",
    "ItemVelocity",
    "Kind",
    "PriceRatio",
    "Scope",
    "SourceFlag",
    "SourceRank",
    "SourceRatio",
    "SourceScore",
    "SourceShare",
    "SourceWithin",
    "UserCodeSince",
    "UserCount",
    "UserEntropy",
    "UserHistory",
    "UserItemBaskets",
    "UserItemCount",
    "UserItemDue",
    "UserItemSince",
    "UserItemWorth",
    "UserLabelShare",
    "UserLineStep",
    "UserNamedShare",
    "UserQuantityDistance",
    "UserQuantityStep",
    "UserShare",
    "UserTagShare",
]
