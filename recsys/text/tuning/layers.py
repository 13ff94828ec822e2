"""Which parts of an encoder are tuned: its upper layers, and the linear maps in them that suit a method."""

from typing import Any

from torch import nn

from recsys.errors import ConfigError

_ATTENTION = ("attention", "attn")


def layers_of(model: nn.Module) -> nn.ModuleList:
    """The stack of transformer layers: the longest list of modules of one class.

    Raises:
        ConfigError: the architecture has no such stack.
    """
    stacks = [
        module
        for module in model.modules()
        if isinstance(module, nn.ModuleList) and len(module) > 0 and len({type(layer) for layer in module}) == 1
    ]
    if not stacks:
        raise ConfigError(f"text.peft: {type(model).__name__} has no stack of layers to adapt; set text.peft = 'none'")
    return max(stacks, key=len)


def upper_parameters(model: nn.Module, upper_layers: int) -> dict[str, nn.Parameter]:
    """The weights of the upper layers by their full names."""
    names = {module: name for name, module in model.named_modules()}
    return {
        f"{names[layer]}.{name}": parameter
        for layer in list(layers_of(model))[-upper_layers:]
        for name, parameter in layer.named_parameters()
    }


def target_modules(model: Any, upper_layers: int, suffixes: list[str] | None) -> list[str]:
    """Full names of the linear maps in the upper layers that are adapted.

    Args:
        model: a Hugging Face encoder.
        upper_layers: how many layers, from the top.
        suffixes: what peft names for this architecture; None, or where none of these is found: the maps of the
            attention, and all linear maps where no module is named after attention.
    """
    names = {module: name for name, module in model.named_modules()}
    stack = layers_of(model)
    linear = [
        f"{names[layer]}.{name}"
        for layer in list(stack)[-upper_layers:]
        for name, module in layer.named_modules()
        if isinstance(module, nn.Linear)
    ]
    named = [name for name in linear if any(name.endswith(f".{suffix}") for suffix in suffixes or ())]
    attention = [name for name in linear if any(part in name.rpartition(f"{names[stack]}.")[2] for part in _ATTENTION)]
    return named or attention or linear
