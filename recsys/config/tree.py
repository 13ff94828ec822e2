"""The configuration tree: frozen, typed, with a default and a description for every key."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from recsys.config.policy import PolicyConfig
from recsys.config.retrain import RetrainConfig
from recsys.config.serving import ServingConfig
from recsys.config.training import (
    CandidatesConfig,
    CfConfig,
    DataConfig,
    EventsConfig,
    FeaturesConfig,
    RankerConfig,
    TextConfig,
)
from recsys.config.values import Section


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
