"""Which encoder an interest model reads with, and what its logits mean as probabilities."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from recsys.errors import BundleError
from recsys.text.logit_calibration import LogitCalibration
from recsys.text.weights import locate, version_of

_FILE = "interest.json"


@dataclass(frozen=True)
class InterestSettings:
    """The encoder that was taken, its version before any tuning, and what logits mean as probabilities."""

    encoder: str
    encoder_version: str
    max_tokens: int
    click: LogitCalibration
    purchase: LogitCalibration

    def save(self, folder: Path) -> None:
        """Write interest.json."""
        (folder / _FILE).write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "InterestSettings":
        """Read what `save` wrote.

        Raises:
            BundleError: the encoder that is installed here is not the one that the model was trained with.
            ConfigError: the encoder is not installed here.
        """
        facts = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        facts |= {"click": LogitCalibration(**facts["click"]), "purchase": LogitCalibration(**facts["purchase"])}
        settings = cls(**facts)
        found = version_of(locate(settings.encoder), settings.max_tokens)
        if found != settings.encoder_version:
            raise BundleError(
                f"{folder}: trained with version {settings.encoder_version} of the encoder {settings.encoder}, but "
                f"{found} is installed; install the former or train again"
            )
        return settings
