"""What a version learns from, and how: the sections that a training reads."""

from typing import Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from recsys.config.sources import SOURCES, FeatureGroup, Source
from recsys.config.values import MAX_RULE, Fraction, Positive, Rate, Section, Strength, Weight


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
