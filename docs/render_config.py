"""Print docs/config.md from the config tree: `make docs`. A test holds the file to what this prints."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from recsys.config import Config, Section

_INTRODUCTION = """\
# Config

<!-- Written by `make docs` from recsys/config. -->

Every key has a default, and `recsys train DIR --registry REG` works without a file. Keys come from a TOML file
(`--config FILE`) and from `--set section.key=value`, which wins. A key that does not exist is an error that names the
nearest one that does. The resolved config is kept in the manifest of every trained version.

A command that reads only some of the keys (`serve`, `ingest`, `data check`) says which `--set` has no effect there.
`retrain` accepts only keys of `[retrain]`, because it trains with the config of the served version.

```toml
[text]
epochs = 2
budget_minutes = 1.5

[events.weights]
purchase = 5.0
```

A table such as `events.weights` is replaced as a whole, so name every event that should not have
`events.default_weight`, `dislike` included. An impression always has the weight 0.
"""


def render() -> str:
    """The whole page in Markdown."""
    return "\n".join([_INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for name, field in Config.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, Section)
        yield f"## [{name}]\n\n{inspect.cleandoc(section.__doc__ or '')}\n\n| key | default | |\n| --- | --- | --- |"
        yield from (f"| `{key}` | `{_toml(value.default)}` | {_meaning(value)} |" for key, value in _fields(section))
        yield ""


def _fields(section: type[Section]) -> Iterator[tuple[str, FieldInfo]]:
    yield from section.model_fields.items()


def _toml(value: Any) -> str:
    if isinstance(value, Section):
        return _toml(value.model_dump(exclude_defaults=True))
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + "}"
    return json.dumps(value)


def _meaning(field: FieldInfo) -> str:
    """What the key is, and which values it takes."""
    allowed = getattr(field.annotation, "__args__", ())
    words = [str(value) for value in allowed if isinstance(value, str)]
    choices = f"one of {', '.join(words)}" if words else ""
    return "; ".join(part for part in (field.description or "", choices) if part)


if __name__ == "__main__":
    print(render(), end="")
