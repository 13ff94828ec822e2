"""The one configuration.

tree                                 all sections, each key with a default and a description
training, policy, serving, retrain   the sections
values                               what keys may hold
sources                              the sources of candidates
reading                              from TOML and `section.key=value`
"""

from recsys.config.policy import PolicyConfig
from recsys.config.reading import known_keys, load_config, override, parse_config
from recsys.config.retrain import RetrainConfig
from recsys.config.serving import ServingConfig, VariantConfig
from recsys.config.sources import SOURCES, FeatureGroup, Source, sources_of
from recsys.config.training import (
    REJECTIONS,
    CandidatesConfig,
    CfConfig,
    DataConfig,
    EventsConfig,
    ExtraFeature,
    FeaturesConfig,
    RankerConfig,
    TextConfig,
)
from recsys.config.tree import Config, PrivacyConfig
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
