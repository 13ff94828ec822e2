"""The one configuration.

tree      its sections and keys, each with a default and a description
values    what keys may hold
sources   the sources of candidates
reading   from TOML and `section.key=value`
"""

from recsys.config.reading import known_keys, load_config, override, parse_config
from recsys.config.sources import SOURCES, FeatureGroup, Source, sources_of
from recsys.config.tree import (
    REJECTIONS,
    CandidatesConfig,
    CfConfig,
    Config,
    DataConfig,
    EventsConfig,
    ExtraFeature,
    FeaturesConfig,
    PolicyConfig,
    PrivacyConfig,
    RankerConfig,
    RetrainConfig,
    ServingConfig,
    TextConfig,
    VariantConfig,
)
from recsys.config.values import MAX_BATCH, MAX_RULE, Count, Days, Discovery, Section, Seen

__all__ = [
    "MAX_BATCH",
    "MAX_RULE",
    "REJECTIONS",
    "SOURCES",
    "CandidatesConfig",
    "CfConfig",
    "Config",
    "Count",
    "DataConfig",
    "Days",
    "Discovery",
    "EventsConfig",
    "ExtraFeature",
    "FeatureGroup",
    "FeaturesConfig",
    "PolicyConfig",
    "PrivacyConfig",
    "RankerConfig",
    "RetrainConfig",
    "Section",
    "Seen",
    "ServingConfig",
    "Source",
    "TextConfig",
    "VariantConfig",
    "known_keys",
    "load_config",
    "override",
    "parse_config",
    "sources_of",
]
