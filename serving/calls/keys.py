"""API keys: hashed at rest, compared in constant time, with scopes.

The file (`serving.keys` in the config) holds hashes only; a key is long and random (`openssl rand -hex 32`), so sha256
is enough:

    [[key]]
    name = "shop"
    sha256 = "..."                      # printf %s "$KEY" | sha256sum
    scopes = ["read", "write"]  # read: lists, items, models, metrics; write: events, items; admin: models, users

The environment variable RECSYS_API_KEY is one more key, in clear, with every scope; a short one, for this machine only.
"""

import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recsys.errors import ConfigError

ENVIRONMENT_KEY = "RECSYS_API_KEY"

SHORTEST_KEY = 16
"""A key of the environment with fewer characters is easy to guess."""

Scope = Literal["read", "write", "admin"]


class Key(BaseModel):
    """One key: the sha256 of it (hex), and what it may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: frozenset[Scope] = Field(min_length=1)


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: list[Key]


class KeyRing:
    """All keys of a server.

    Args:
        guessable: whether one of them is known to be short.
    """

    def __init__(self, keys: list[Key], *, guessable: bool = False) -> None:
        self._keys = keys
        self.guessable = guessable

    def __bool__(self) -> bool:
        return bool(self._keys)

    @classmethod
    def load(cls, file: str, environment: Mapping[str, str]) -> "KeyRing":
        """Keys of the file (a path; empty: none) and of the environment.

        Raises:
            ConfigError: the file is missing or not of the form above.
        """
        keys = _read(Path(file)) if file else []
        if secret := environment.get(ENVIRONMENT_KEY):
            digest = digest_of(secret)
            keys.append(Key(name=ENVIRONMENT_KEY, sha256=digest, scopes=frozenset(get_args(Scope))))
        return cls(keys, guessable=0 < len(secret or "") < SHORTEST_KEY)

    def scopes(self, secret: str) -> frozenset[Scope]:
        """What the bearer of a secret may do; nothing for an unknown one. Takes the same time for any of them."""
        digest = digest_of(secret)
        matches = [key.scopes for key in self._keys if hmac.compare_digest(key.sha256, digest)]
        return frozenset[Scope]().union(*matches)


def digest_of(secret: str) -> str:
    """sha256 of a key, hex."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _read(path: Path) -> list[Key]:
    try:
        return _KeyFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig"))).key
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"key file {path} cannot be read: {error}; name a TOML file of keys") from error
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ConfigError(f"key file {path}: {place}: {fault['msg']}") from error
