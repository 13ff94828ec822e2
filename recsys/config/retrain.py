"""When a new version replaces the served one."""

from pydantic import Field

from recsys.config.values import Fraction, Positive, Section


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
