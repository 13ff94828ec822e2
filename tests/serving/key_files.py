"""Key files of servers."""

import hashlib
from pathlib import Path


def key_file(folder: Path, *keys: tuple[str, str]) -> str:
    """A file of keys, each a secret and its scopes as TOML."""
    blocks = [
        f'[[key]]\nname = "k"\nsha256 = "{hashlib.sha256(secret.encode()).hexdigest()}"\nscopes = {scopes}\n'
        for secret, scopes in keys
    ]
    file = folder / "keys.toml"
    file.write_text("\n".join(blocks))
    return str(file)
