"""How a server answers."""

from typing import Literal

from pydantic import Field, field_validator

from recsys.config.values import MAX_BATCH, Fraction, Positive, Section


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
