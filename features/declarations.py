"""Every feature of the ranker, one a line: what it is called, which group it belongs to, how it is computed, why.

The config adds a feature (`features.extra`) and removes one (`features.exclude`) or a group (`features.groups`).
"""

from dataclasses import dataclass

from features.kinds.attributes import GroupPopularity
from features.kinds.base import Kind, MonotoneConstraint, Scope
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
from features.kinds.impressions import UserItemShown
from features.kinds.items import (
    ItemAge,
    ItemCount,
    ItemDebiasedRate,
    ItemDecayed,
    ItemFact,
    ItemMean,
    ItemRate,
    ItemSince,
    ItemSum,
    ItemVelocity,
)
from features.kinds.matches import (
    UserCodeSince,
    UserItemBaskets,
    UserItemCount,
    UserItemDue,
    UserItemFaded,
    UserItemSince,
    UserItemWorth,
    UserShare,
)
from features.kinds.requests import Clock, UserCount, UserEntropy, UserHistory
from features.kinds.users import PriceRatio, UserTagShare
from recsys.config import FeatureGroup, sources_of


@dataclass(frozen=True)
class Feature:
    """One column of the ranker's table."""

    name: str
    group: FeatureGroup
    kind: Kind
    meaning: str

    @property
    def scope(self) -> Scope:
        """What a value belongs to: an item, a user, a pair of both, ..."""
        return self.kind.scope

    @property
    def needs(self) -> str | None:
        """What this feature cannot do without, see `Kind`."""
        return self.kind.needs

    @property
    def monotone(self) -> MonotoneConstraint:
        """The direction that the ranker must not reverse, see `MonotoneConstraint`."""
        return self.kind.monotone


_COLLABORATIVE = sources_of("collaborative")

FEATURES: tuple[Feature, ...] = (
    # text: what the item says, compared with what the user read
    Feature("text_score", "text", SourceScore("text"), "interest model: how much this user wants what the item says"),
    Feature("text_rank", "text", SourceRank("text"), "rank of the candidate by the interest model"),
    Feature("text_share", "text", SourceShare("text"), "interest relative to the request's best"),
    Feature("text_last", "text", Affinity("text", "last"), "similarity of the texts: candidate and newest item"),
    Feature("text_max", "text", Affinity("text", "max"), "similarity to the most alike of the newest items"),
    Feature("text_mean", "text", Affinity("text", "mean"), "mean similarity to the newest items"),
    Feature("text_min", "text", Affinity("text", "min"), "similarity to the least alike of the newest items"),
    Feature("text_nearest", "text", Affinity("text", "place"), "positive events since the most alike item"),
    Feature(
        "text_decayed", "text", Affinity("text", "decayed"), "similarity to the newest items, newer ones counting more"
    ),
    Feature(
        "frozen_last", "text", Affinity("frozen", "last"), "similarity before fine-tuning: candidate and newest item"
    ),
    Feature("frozen_max", "text", Affinity("frozen", "max"), "similarity before fine-tuning to the most alike item"),
    Feature("frozen_mean", "text", Affinity("frozen", "mean"), "mean similarity before fine-tuning"),
    Feature("text_length", "text", ItemFact("text_lengths"), "characters of the item's text"),
    # collaborative: what people who did the same did next
    *(
        Feature(f"{source}_{suffix}", "collaborative", kind(source), f"{source}: {meaning}")
        for source in _COLLABORATIVE
        for suffix, kind, meaning in (
            ("score", SourceScore, "score of the candidate"),
            ("rank", SourceRank, "rank of the candidate"),
            ("share", SourceShare, "score relative to the request's best"),
        )
    ),
    *(
        Feature(f"{name}_{how}", "collaborative", Affinity(name, how), f"{name} links with the newest items: {how}")
        for name in ("transitions", "neighbours", "factors")
        for how in ("last", "max", "mean", "decayed")
    ),
    Feature("agreement", "collaborative", Agreement(_COLLABORATIVE), "collaborative sources that score it above 0"),
    Feature("transitions_flag", "collaborative", SourceFlag("transitions"), "whether it follows what the user chose"),
    Feature("neighbours_flag", "collaborative", SourceFlag("neighbours"), "whether it goes with what the user chose"),
    # behaviour: what happened to the item, and what the user did
    Feature("popular_score", "behaviour", SourceScore("popular"), "time-decayed popularity"),
    Feature("popular_rank", "behaviour", SourceRank("popular"), "rank of the candidate by popularity"),
    Feature(
        "categories_score", "behaviour", SourceScore("categories"), "popularity in the user's categories and brands"
    ),
    Feature("categories_rank", "behaviour", SourceRank("categories"), "rank of the candidate by it"),
    Feature("categories_share", "behaviour", SourceShare("categories"), "the same relative to the request's best"),
    Feature("profiles_score", "behaviour", SourceScore("profiles"), "how usual for users of whom the same is known"),
    Feature("profiles_rank", "behaviour", SourceRank("profiles"), "rank of the candidate by it"),
    Feature("profiles_share", "behaviour", SourceShare("profiles"), "the same relative to the request's best"),
    Feature("trending_score", "behaviour", SourceScore("trending"), "decayed count among everybody's newest events"),
    Feature("trending_rank", "behaviour", SourceRank("trending"), "rank of the candidate by it"),
    Feature("rhythm_score", "behaviour", SourceScore("rhythm"), "popularity at this time of the day and the week"),
    Feature("rhythm_rank", "behaviour", SourceRank("rhythm"), "rank of the candidate by it"),
    Feature("rhythm_share", "behaviour", SourceShare("rhythm"), "the same relative to the request's best"),
    Feature("rhythm_ratio", "behaviour", SourceRatio("rhythm", "popular"), "how many times likelier than usual now"),
    Feature(
        "rhythm_categories", "behaviour", SourceWithin("rhythm", "categories"), "the same in the user's categories"
    ),
    Feature("season_score", "behaviour", SourceScore("season"), "popularity at this time of the year"),
    Feature("season_rank", "behaviour", SourceRank("season"), "rank of the candidate by it"),
    Feature("season_share", "behaviour", SourceShare("season"), "the same relative to the request's best"),
    Feature("season_ratio", "behaviour", SourceRatio("season", "popular"), "how many times likelier than lately"),
    Feature(
        "season_categories", "behaviour", SourceWithin("season", "categories"), "the same in the user's categories"
    ),
    Feature("item_acts_1d", "behaviour", ItemCount("item_acts", 1), "acts on the item in the last day"),
    Feature("item_acts_7d", "behaviour", ItemCount("item_acts", 7), "acts on the item in the last week"),
    Feature("item_acts_30d", "behaviour", ItemCount("item_acts", 30), "acts on the item in the last 30 days"),
    Feature("item_acts_90d", "behaviour", ItemCount("item_acts", 90), "acts on the item in the last 90 days"),
    Feature("item_acts_hot", "behaviour", ItemDecayed("item_acts", 2), "acts on the item, half after two days"),
    Feature("item_acts_decayed", "behaviour", ItemDecayed("item_acts", 30), "acts on the item, half after 30 days"),
    Feature("item_worth_30d", "behaviour", ItemSum("item_positives", "weights", 30), "weight of its acts of 30 days"),
    Feature("item_purchases_30d", "behaviour", ItemCount("purchase", 30), "purchases in the last 30 days"),
    Feature("item_rating", "behaviour", ItemMean("rating"), "mean rating before the request"),
    Feature("item_positives", "behaviour", ItemCount("item_positives", None), "positive events of the item, ever"),
    Feature("item_impressions_7d", "behaviour", ItemCount("item_impressions", 7), "showings in the last week"),
    Feature("item_rate", "behaviour", ItemRate(0.05, 50), "positive events per showing, smoothed"),
    Feature("item_rate_7d", "behaviour", ItemRate(0.05, 50, days=7), "the same in the last week"),
    Feature(
        "item_debiased_rate",
        "behaviour",
        ItemDebiasedRate(0.05, 50),
        "positive events per showing that was looked at, by its position",
    ),
    Feature("item_conversion", "behaviour", ItemRate(0.1, 20, "purchase", "click"), "purchases per click, smoothed"),
    Feature(
        "item_velocity", "behaviour", ItemVelocity("item_acts", 7, 60), "pace of the last week over that of two months"
    ),
    Feature("item_trend", "behaviour", ItemVelocity("item_acts", 1, 7), "pace of the last day over that of the week"),
    Feature("item_days_since_act", "behaviour", ItemSince("item_acts", "last"), "days since anyone acted on the item"),
    Feature("item_days_known", "behaviour", ItemSince("item_acts", "first"), "days since the first act on the item"),
    Feature("item_age", "behaviour", ItemAge(), "days since the item was created"),
    Feature("category_popularity", "behaviour", GroupPopularity("category"), "how wanted its category's items are"),
    Feature("brand_popularity", "behaviour", GroupPopularity("brand"), "how wanted its brand's items are"),
    Feature("item_price", "behaviour", ItemFact("prices"), "price"),
    Feature("item_relative_price", "behaviour", ItemFact("relative_prices"), "price over the median of the category"),
    Feature(
        "history_score", "behaviour", SourceScore("history"), "habit: decayed count of the user's acts on the item"
    ),
    Feature("user_item_acts", "behaviour", UserItemCount(), "acts of the user on this very item"),
    Feature("user_item_days", "behaviour", UserItemSince("days"), "days since the user acted on this very item"),
    Feature("user_item_events", "behaviour", UserItemSince("events"), "events since the user acted on this very item"),
    Feature("user_item_worth", "behaviour", UserItemWorth(), "weight of the newest of these acts: 0 of a dislike"),
    Feature("user_item_baskets", "behaviour", UserItemBaskets(), "share of the user's baskets that hold this item"),
    Feature(
        "user_item_due",
        "behaviour",
        UserItemDue(),
        "time since the last basket with it over the usual time between",
    ),
    Feature("user_item_faded", "behaviour", UserItemFaded("days"), "acts on this very item, half after 30 days"),
    Feature(
        "user_item_faded_baskets",
        "behaviour",
        UserItemFaded("baskets"),
        "acts on this very item, half after 3 later baskets",
    ),
    Feature("user_item_shown", "behaviour", UserItemShown("times"), "how often shown to the user and left alone since"),
    Feature("user_item_shown_days", "behaviour", UserItemShown("days"), "days since it was last shown so"),
    Feature("user_category_share", "behaviour", UserShare("categories"), "share of the history in this category"),
    Feature("user_brand_share", "behaviour", UserShare("brands"), "share of the history of this brand"),
    Feature(
        "user_category_worth",
        "behaviour",
        UserShare("categories", of="worth"),
        "share of the history's weight in this category",
    ),
    Feature("user_brand_worth", "behaviour", UserShare("brands", of="worth"), "the same of this brand"),
    Feature("user_tag_share", "behaviour", UserTagShare(), "mean share of the history with one of the item's tags"),
    Feature(
        "user_tag_worth",
        "behaviour",
        UserTagShare(of="worth"),
        "mean share of the history's weight with one of the item's tags",
    ),
    Feature("last_category_share", "behaviour", UserShare("categories", 5), "share of the last 5 acts in the category"),
    Feature("last_brand_share", "behaviour", UserShare("brands", 5), "share of the last 5 acts of this brand"),
    Feature(
        "user_category_days", "behaviour", UserCodeSince("categories", "days"), "days since an act in this category"
    ),
    Feature(
        "user_category_events", "behaviour", UserCodeSince("categories", "events"), "events since one in this category"
    ),
    Feature("price_ratio", "behaviour", PriceRatio(), "price against the user's usual"),
    Feature("price_step", "behaviour", PriceRatio("last"), "price against that of the newest event"),
    # context: the moment of the request
    Feature("user_acts", "context", UserHistory("length"), "events in the history, up to data.max_history"),
    Feature("user_items", "context", UserHistory("distinct"), "distinct items in the history"),
    Feature("user_acts_1d", "context", UserCount(1), "events of the user in the last day"),
    Feature("user_acts_7d", "context", UserCount(7), "events of the user in the last week"),
    Feature("user_positive_share", "context", UserHistory("positive_share"), "share of positive events in them"),
    Feature("user_category_entropy", "context", UserEntropy("categories"), "spread over categories, in bits"),
    Feature("user_days_since_last", "context", UserHistory("days_since_last"), "days since the user's newest event"),
    Feature("user_days_known", "context", UserHistory("days_since_first"), "days since the oldest event looked at"),
    Feature("hour", "context", Clock("hour"), "hour of the day, UTC"),
    Feature("weekday", "context", Clock("weekday"), "day of the week, Monday is 0"),
)
