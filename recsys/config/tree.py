"""The configuration tree: frozen, typed, with a default and a description for every key."""

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from recsys.config.sources import SOURCES, FeatureGroup, Source
from recsys.config.values import (
    MAX_BATCH,
    MAX_RULE,
    Count,
    Days,
    Discovery,
    Fraction,
    Positive,
    Rate,
    Section,
    Seen,
    Strength,
    Weight,
)


class DataConfig(Section):
    """How files become a data set, and how the log is cut into windows."""

    max_rejected: Fraction = Field(0.01, description="share of bad rows above which a run stops with exit code 3")
    unknown_items: Literal["reject", "add"] = Field(
        "reject", description="events of items missing from the catalogue: reject the row, or add an item without text"
    )
    test_fraction: Fraction = Field(0.1, description="newest share of the positive events, held out as the test")
    ranker_fraction: Fraction = Field(
        0.1, description="share of the positive events, just before the test, that the ranker learns from"
    )
    max_history: Positive = Field(1_000, description="newest events of a user that are used")
    max_requests: Positive = Field(
        10_000,
        description="most requests of a window that are used, drawn by seed; of one user at most ten times the median",
    )

    @model_validator(mode="after")
    def _leaves_a_history(self) -> Self:
        if not (self.test_fraction > 0 and self.ranker_fraction > 0 and self.test_fraction + self.ranker_fraction < 1):
            raise ValueError("test_fraction and ranker_fraction must be above 0, and below 1 together")
        return self


REJECTIONS = ("dislike", "skip", "hide", "remove_from_cart", "cancel", "refund", "return")
"""Names of events that say what is not wanted."""


class EventsConfig(Section):
    """How much events weigh. Events of weight above 0 are positive; others are part of the history. What a user does
    with an item in one visit is one answer, as strong as its strongest event. The more an answer weighs, the more the
    ranker learns from it."""

    weights: dict[str, Weight] = Field(
        default={
            "impression": 0.0,
            **dict.fromkeys(REJECTIONS, 0.0),
            "view": 1.0,
            "click": 1.0,
            "cart": 2.0,
            "like": 3.0,
            "rating": 3.0,
            "purchase": 4.0,
        },
        description="weight of an event of each name; that of an impression is 0",
    )
    default_weight: Weight = Field(1.0, description="weight of an event that `weights` does not name")
    takes_back: tuple[str, ...] = Field(
        ("cancel", "refund"),
        description="events after which what their user did with the item before teaches nothing any more; in a shop, "
        "add `return`",
    )
    min_value: dict[str, float] = Field(
        default={"rating": 4.0}, description="an event whose value is below this has the weight 0 (a bad rating)"
    )

    @field_validator("weights")
    @classmethod
    def _impressions_are_no_interest(cls, weights: dict[str, float]) -> dict[str, float]:
        if weights.get("impression"):
            raise ValueError("an impression says what was shown, not what was wanted: its weight is 0")
        return {"impression": 0.0, **weights}  # also where a table does not name it: the default weight is not for it


class TextConfig(Section):
    """The encoder and the interest model."""

    encoder: str = Field("all-MiniLM-L6-v2", description="packaged model, hub name or local folder")
    max_tokens: int = Field(64, ge=4, le=8192, description="texts are cut after this many tokens")
    history: Positive = Field(20, description="newest positive events of a user that the text model reads")
    peft: Literal["lora", "adalora", "ia3", "full", "none"] = Field(
        "lora", description="how the encoder is fine-tuned; none leaves it as it is"
    )
    lora_rank: Positive = Field(8, description="width of the LoRA matrices")
    upper_layers: Positive = Field(2, description="encoder layers, from the top, that are fine-tuned")
    distil: float = Field(
        0.0,
        ge=0,
        le=MAX_RULE,
        description="weight of a teacher (cross-encoder) in the loss of the text model; 0 trains none",
    )
    epochs: Positive = Field(4, description="most passes over the log; the budget may end training sooner")
    batch_size: Positive = Field(256, description="histories of one batch")
    accumulate: Positive = Field(1, description="batches whose gradients are added up for one training step")
    learning_rate: Rate = Field(3e-4, description="peak learning rate of the fine-tuning")
    budget_minutes: float = Field(
        6.0, ge=0, le=MAX_RULE, description="wall-clock minutes for all text training in one run"
    )
    tensorboard: str = Field("", description="folder for TensorBoard logs, which need recsys[tensorboard]; empty: none")


class CfConfig(Section):
    """Collaborative filtering."""

    factors: int = Field(64, gt=0, le=4_096, description="dimensions of ALS")
    iterations: Positive = Field(15, description="sweeps of ALS")
    regularization: Strength = Field(0.05, description="L2 of ALS")
    alpha: Strength = Field(3.0, description="confidence of an event: 1 + alpha * weight")
    neighbours: Positive = Field(200, description="similar items, and items that follow, kept per item")
    transition_horizon: Positive = Field(5, description="baskets ahead that count as following an item")
    ease_regularization: Strength = Field(100.0, description="L2 of EASE")
    ease_max_items: Positive = Field(
        6_000, description="catalogue size above which EASE, whose matrix grows with its square, is left out"
    )
    half_life_days: float = Field(
        0.0,
        ge=0,
        le=MAX_RULE,
        description="days after which an event counts half in popularity; 0: training finds the best value",
    )


class CandidatesConfig(Section):
    """Who proposes items, and how many are ranked."""

    sources: tuple[Source, ...] = Field(
        tuple(SOURCES),
        min_length=1,
        description="what proposes items; training drops rhythm, season, trending and newest where they add little",
    )
    n: Positive = Field(300, description="items ranked per request")
    exact_items: int = Field(
        6_000, ge=0, description="catalogue size up to which text and ALS score every item; above it, only the nearest"
    )

    @field_validator("sources")
    @classmethod
    def _sources_differ(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        if len(set(sources)) < len(sources):
            raise ValueError("a source is named twice")
        return sources


class ExtraFeature(Section):
    """A feature of one's own: one of the kinds in `features.kinds` with its arguments."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="name of the column")
    group: FeatureGroup = Field("behaviour", description="the group it belongs to")
    kind: str = Field(description="how it is computed: ItemCount, ItemRate, UserShare, ...")
    arguments: dict[str, str | int | float | tuple[str, ...]] = Field(default={}, description="of the kind")
    meaning: str = Field(min_length=1, description="one sentence, for readers")


class FeaturesConfig(Section):
    """What the ranker sees. `recsys features list` shows all features."""

    groups: tuple[FeatureGroup, ...] = Field(
        get_args(FeatureGroup),
        min_length=1,
        description="groups of features that the ranker gets",
    )
    exclude: tuple[str, ...] = Field((), description="names of features that are left out")
    extra: tuple[ExtraFeature, ...] = Field(
        (), description="your own features: tables of name, group, kind, arguments and meaning, see features.md"
    )


class RankerConfig(Section):
    """LightGBM LambdaRank."""

    trees: Positive = Field(300, description="trees; early stopping may end them sooner")
    leaves: int = Field(
        15, ge=2, le=131_072, description="most leaves of a tree; fewer where there are few requests to learn from"
    )
    learning_rate: Rate = Field(0.03, description="weight of a tree")
    min_rows_per_leaf: Positive = Field(50, description="fewest rows in a leaf")
    early_stopping: int = Field(
        0, ge=0, description="stop after this many trees without a gain on held-out requests; 0: keep all trees"
    )
    negatives: Positive = Field(100, description="most candidates without a reaction, per request, that training keeps")
    debias: bool = Field(
        False,
        description="correct for the position where items were shown; needs impressions with positions",
    )
    ablation: bool = Field(True, description="also train rankers without one feature group each, for the report")


class BoostRule(Section):
    """Items that gain or lose score."""

    where: dict[str, Any] = Field(min_length=1, description="conditions on item columns, as in `filter`")
    add: float = Field(description="in standard deviations of the request's scores; below 0 demotes")


class QuotaRule(Section):
    """Items of which a list must hold a number."""

    where: dict[str, Any] = Field(min_length=1, description="conditions on item columns, as in `filter`")
    at_least: Count = Field(description="items in a list that meet them, as far as there are such items")


class PolicyConfig(Section):
    """The rules that shape the final list, in the order in which they are applied."""

    seen: Seen = Field(
        "auto",
        description="what lists do with the items of a user's newest 10,000 events; auto: keep them if a tenth of what "
        "is wanted was known before, if users lately came back days later for clearly more than a fiftieth of it, or "
        "if known items are chosen more often than others when shown; else exclude them",
    )
    boosts: tuple[BoostRule, ...] = Field(
        (), description="tables of `where` (conditions as in `filter`) and `add` (standard deviations of the scores)"
    )
    discovery: Discovery = Field(
        "auto",
        description="0 keeps the ranker's order; above 0, items with few positive events so far move up; auto: as "
        "far as they earn nearly as much as what they replace, on requests new to the ranker; at most .5",
    )
    diversity: Fraction = Field(
        0.0, description="0 keeps the ranker's order; 1 makes the items as unlike each other as possible"
    )
    pins: dict[str, Count] = Field({}, description="item_id -> its position in the list, from 1")
    caps: dict[str, Count] = Field({}, description="column -> most items with the same value in a list: {brand = 2}")
    quotas: tuple[QuotaRule, ...] = Field(
        (), description="tables of `where` (conditions) and `at_least` (items of a list that meet them)"
    )
    fresh: int = Field(0, ge=0, le=MAX_RULE, description="fewest items in a list that are at most `fresh_days` old")
    fresh_days: Days = Field(30.0, description="age, by `created_at`, up to which an item is fresh")
    exploration: Fraction = Field(
        0.0, description="probability that a position at the end of the list tries an item from below the list"
    )
    explored_places: Count = Field(3, description="how many positions at the end of the list explore")


class VariantConfig(Section):
    """One version among several that answer side by side."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]{0,63}$", description="stands in answers, logs and metrics")
    version: str = Field("current", description="current; newest, the last that was published; or the name of one")
    share: float = Field(1.0, ge=0, description="of the users, relative to the others' shares")
    shadow: Fraction = Field(0.0, description="share of the others' lists that it makes as well, unseen, to compare")


class ServingConfig(Section):
    """The online service."""

    host: str = Field("127.0.0.1", description="address to listen on; anything but loopback needs keys")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    max_n: Positive = Field(500, description="longest list of one call")
    max_body_bytes: Positive = Field(1_000_000, description="largest request body")
    max_events: Positive = Field(1_000, le=MAX_BATCH, description="most events in one call")
    max_items: Positive = Field(
        500, le=MAX_BATCH, description="most items in one call; their texts are encoded before it answers"
    )
    threads: Positive = Field(2, description="lists that one worker makes at the same time")
    queue: Positive = Field(64, description="requests of one worker that may wait; further ones get 429")
    deadline_seconds: float = Field(
        5.0, gt=0, description="a list that takes longer, including its time in the queue, is replaced by popular items"
    )
    head_seconds: float = Field(
        10.0, gt=0, description="a connection is closed when the head of a request takes longer"
    )
    body_seconds: float = Field(10.0, gt=0, description="a request whose body takes longer is answered with 408")
    rate: float = Field(0.0, ge=0, description="requests a second that one key may make of one worker; 0: no limit")
    variants: tuple[VariantConfig, ...] = Field(
        (VariantConfig(name="champion"),),
        min_length=1,
        description="versions that answer side by side, as tables of name, version, share and shadow, see serving.md",
    )
    encoder: Literal["start", "first use"] = Field(
        "start",
        description="when a worker loads the text encoder: in the background at its start (/readyz waits for it), or "
        "at the first text",
    )
    traces: str = Field(
        "", description="URL of an OpenTelemetry collector (OTLP over HTTP), which needs the extra otel; empty: none"
    )
    list_days: float = Field(
        30.0,
        ge=0,
        le=36_525,
        description="days, at most a century, that the store keeps answered lists, to learn what was shown; 0: none",
    )
    lists: str = Field(
        "", description="URL of lists that `recsys rank --out URL` has made, for requests that ask for them"
    )
    keys: str = Field("", description="TOML file of API keys (hashed); empty: none, and loopback addresses only")

    @field_validator("traces")
    @classmethod
    def _is_of_a_collector(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError(
                "write a URL that starts with http:// or https://, such as http://localhost:4318/v1/traces"
            )
        return url

    @field_validator("variants")
    @classmethod
    def _variants_differ(cls, variants: tuple[VariantConfig, ...]) -> tuple[VariantConfig, ...]:
        if len({variant.name for variant in variants}) < len(variants):
            raise ValueError("two variants have one name")
        if not any(variant.share for variant in variants):
            raise ValueError("no variant has a share of the users")
        return variants


class RetrainConfig(Section):
    """When a new version replaces the served one."""

    min_events: Positive = Field(100, description="fewer new positive events than this are not worth a version")
    keep: Positive = Field(5, description="newest versions kept on disk")
    full_every: Positive = Field(
        8,
        description="one version in so many is trained from scratch, others continue from the one before; 1: all",
    )
    refit_below: Fraction = Field(
        0.7,
        description="train from scratch if the served version keeps less than this share of its ndcg@10 on new data",
    )
    min_past: Fraction = Field(
        0.9, description="share of the events that the served version learned from that must still exist"
    )
    min_volume: float = Field(
        0.6, ge=0, description="fewest new events, as a share of those of the same weekdays in the weeks before"
    )
    max_volume: float = Field(20.0, gt=0, description="most new events, as a multiple of the same")
    max_unusable: Fraction = Field(
        0.2, description="largest share of the new events that may name unknown items or have unreadable cells"
    )
    max_new_users: Fraction = Field(
        0.5, description="how far the share of events by users never seen before may rise above that of the last window"
    )
    max_drift: Fraction = Field(
        0.5,
        description="largest share of the events whose kind or category may differ from the last window; also by how "
        "much the share of one user may rise, and the largest share of a column (of events or known items), or of "
        "prices and values above 0, that may disappear",
    )
    max_scale: float = Field(
        10.0, gt=1, description="factor by which the median price of known items, or value of events, may change"
    )
    min_signal: Fraction = Field(
        0.3, description="refuse a version that keeps less than this share of the served one's ndcg@10 beyond chance"
    )
    tolerance: Fraction = Field(
        0.02, description="loss of quality, as a share of the served version's, up to which a version is accepted"
    )
    max_cold_loss: Fraction = Field(
        0.1, description="the same as `tolerance`, for requests of cold items and by cold users"
    )
    max_coverage_loss: Fraction = Field(0.5, description="share of the different items in lists that may be lost")
    max_calibration_loss: Fraction = Field(0.05, description="how far a calibration error may rise")
    max_latency: float = Field(
        2.0, gt=0, description="most processor time for a list, as a multiple of the served version's"
    )
    max_size: float = Field(2.0, gt=0, description="most bytes on disk, as a multiple of the served version's")


class PrivacyConfig(Section):
    """What is stored about people."""

    pseudonymise: bool = Field(False, description="store keyed hashes in place of user ids")


class Config(Section):
    """Everything that can be set; `config` in a bundle's manifest."""

    data: DataConfig = DataConfig()
    events: EventsConfig = EventsConfig()
    text: TextConfig = TextConfig()
    cf: CfConfig = CfConfig()
    candidates: CandidatesConfig = CandidatesConfig()
    features: FeaturesConfig = FeaturesConfig()
    ranker: RankerConfig = RankerConfig()
    policy: PolicyConfig = PolicyConfig()
    serving: ServingConfig = ServingConfig()
    retrain: RetrainConfig = RetrainConfig()
    privacy: PrivacyConfig = PrivacyConfig()

    def changed(self, **sections: Mapping[str, object]) -> Self:
        """This configuration with other values of some keys of some sections, which are not checked."""
        changes = {name: getattr(self, name).model_copy(update=keys) for name, keys in sections.items()}
        return self.model_copy(update=changes)
