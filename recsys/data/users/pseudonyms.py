"""Keyed hashes in place of user ids: HMAC-SHA256 (RFC 2104) with a key that is kept outside of data and bundles.

Without the key a pseudonym cannot be traced back by trying ids. Whoever loses the key loses the users' histories.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from recsys.config import PrivacyConfig
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.log.interactions import InteractionLog
from recsys.errors import ConfigError

ENVIRONMENT_KEY = "RECSYS_PSEUDONYM_KEY"
"""Environment variable that holds the key."""

_SHORTEST_KEY = 32
_KEY_ITSELF = b"\xff recsys pseudonym key"
"""Stands for the key among the ids; it is no UTF-8, so it is nobody's id."""
_PSEUDONYM = re.compile(r"hmac:[0-9a-f]{64}")


@dataclass(frozen=True)
class Pseudonyms:
    """User ids to pseudonyms. The same key always gives the same pseudonyms."""

    key: bytes

    @classmethod
    def of_config(cls, privacy: PrivacyConfig, environment: Mapping[str, str] = os.environ) -> "Pseudonyms | None":
        """The pseudonyms that the config asks for; None when ids are stored as they are.

        Raises:
            ConfigError: the environment has no key, or one that could be guessed.
        """
        if not privacy.pseudonymise:
            return None
        key = environment.get(ENVIRONMENT_KEY, "")
        if len(key) < _SHORTEST_KEY:
            raise ConfigError(
                f"privacy.pseudonymise = true: {ENVIRONMENT_KEY} must hold {_SHORTEST_KEY} characters or more; "
                "make one with `openssl rand -hex 32`, and keep it: without it all users are new"
            )
        return cls(key.encode())

    @classmethod
    def of_environment(cls) -> "Pseudonyms | None":
        """The pseudonyms of the key in the environment, whatever the config says; None without a key."""
        key = os.environ.get(ENVIRONMENT_KEY)
        return cls(key.encode()) if key else None

    @property
    def mark(self) -> str:
        """By which the key is known again; it says nothing of the key, nor of any user."""
        return hmac.new(self.key, _KEY_ITSELF, hashlib.sha256).hexdigest()

    def of(self, user_id: str) -> str:
        """The pseudonym of an id; a pseudonym is its own."""
        if _PSEUDONYM.fullmatch(user_id):
            return user_id
        return "hmac:" + hmac.new(self.key, user_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def of_log(self, log: InteractionLog) -> InteractionLog:
        """The log with pseudonyms in place of ids; numbers stay."""
        ids = list(log.user_vocabulary)
        return replace(log, user_vocabulary=Vocabulary([self.of(id_) for id_ in ids]))
