"""Ways to tune an encoder: LoRA, AdaLoRA and IA3 through peft, or all weights of the upper layers."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from recsys.text.tuning.layers import target_modules, upper_parameters

Peft = Literal["lora", "adalora", "ia3", "full"]

_DROPOUT = 0.05
"""Dropout of the input of an adapter."""

_ALLOCATIONS = 1_000
"""AdaLoRA's own count of steps: training maps its progress, by steps or by time, to it."""

_WARM_UP, _SETTLED = 100, 200
"""AdaLoRA's steps before it takes directions away, and after it has."""

_ORTHOGONALITY = 0.1
"""Weight of the penalty that keeps AdaLoRA's directions apart."""

RATES = {"lora": 1.0, "adalora": 4.0, "ia3": 10.0, "full": 0.1}
"""Learning rates over that of LoRA: products of three and vectors of scales move slowly, whole weights fast."""


class TuningMethod(ABC):
    """A way to tune: `model` runs with what is trained in place."""

    model: Any

    def penalty(self) -> torch.Tensor | None:
        """What the method adds to the loss: nothing, for most."""
        return None

    def after_step(self, done: float) -> None:
        """Called after each step while gradients are there; `done` is the share of the training that is over."""
        return

    def extra_state(self) -> dict[str, torch.Tensor]:
        """What the method remembers beside the weights that are trained."""
        return {}

    def restore_extra(self, state: dict[str, torch.Tensor]) -> None:
        """Set it to what `extra_state` gave."""
        return

    @abstractmethod
    def merged(self) -> Any:
        """The encoder with what was learned in its own weights; the method must not be used afterwards."""


class FullTuning(TuningMethod):
    """All weights of the upper layers."""

    def __init__(self, model: Any, upper_layers: int) -> None:
        self.model = model
        for parameter in upper_parameters(model, upper_layers).values():
            parameter.requires_grad_(True)

    def merged(self) -> Any:
        """The encoder itself, frozen again."""
        return self.model.requires_grad_(False)


class PeftAdapter(TuningMethod):
    """LoRA (Hu et al., 2022) or IA3 (Liu et al., 2022)."""

    def __init__(self, model: Any, settings: Any) -> None:
        from peft import get_peft_model

        with quiet_peft():
            self.model = get_peft_model(model, settings)

    def merged(self) -> Any:
        """The encoder with the adapter multiplied in."""
        return self.model.merge_and_unload().requires_grad_(False)


class AdaLoraAdapter(PeftAdapter):
    """AdaLoRA: ranks move to where they pay (Zhang et al., 2023)."""

    def penalty(self) -> torch.Tensor | None:
        """How far the singular directions are from orthogonal, which AdaLoRA needs to compare them."""
        losses = []
        for name, parameter in self.model.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                products = parameter @ parameter.T if "lora_A" in name else parameter.T @ parameter
                losses.append((products - torch.eye(len(products), device=products.device)).norm())
        return _ORTHOGONALITY * torch.stack(losses).mean()

    def after_step(self, done: float) -> None:
        """Weigh the directions, and switch off those that do not pay."""
        self.model.base_model.update_and_allocate(min(int(done * _ALLOCATIONS), _ALLOCATIONS - _SETTLED - 1))

    def extra_state(self) -> dict[str, torch.Tensor]:
        """The running importance of each direction."""
        allocator = self.model.base_model.rankallocator
        return {
            f"{table}/{name}": tensor
            for table in ("ipt", "exp_avg_ipt", "exp_avg_unc")
            for name, tensor in getattr(allocator, table).items()
        }

    def restore_extra(self, state: dict[str, torch.Tensor]) -> None:
        """Set the importances."""
        for key, tensor in state.items():
            table, _, name = key.partition("/")
            getattr(self.model.base_model.rankallocator, table)[name] = tensor.clone()


def tuning_method(model: Any, peft: Peft, rank: int, upper_layers: int) -> TuningMethod:
    """Prepare an encoder for training.

    Args:
        model: a Hugging Face encoder, frozen.
        peft: which way.
        rank: width of the LoRA matrices; the mean one for AdaLoRA, which starts at twice of it.
        upper_layers: how many layers, from the top.

    Raises:
        ConfigError: the architecture has no stack of layers.
    """
    if peft == "full":
        return FullTuning(model, upper_layers)
    from peft import AdaLoraConfig, IA3Config, LoraConfig
    from peft.utils import constants

    kind = model.config.model_type
    if peft == "ia3":
        targets = target_modules(
            model, upper_layers, constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.get(kind)
        )
        forward = constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.get(kind, [])
        scaled = [name for name in targets if any(name.endswith(f".{suffix}") for suffix in forward)]
        return PeftAdapter(model, IA3Config(target_modules=targets, feedforward_modules=scaled))
    targets = target_modules(
        model, upper_layers, constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(kind)
    )
    common = {"lora_alpha": 2 * rank, "lora_dropout": _DROPOUT, "target_modules": targets}
    if peft == "lora":
        return PeftAdapter(model, LoraConfig(r=rank, **common))
    steps = {"tinit": _WARM_UP, "tfinal": _SETTLED, "deltaT": 1, "total_step": _ALLOCATIONS}
    return AdaLoraAdapter(model, AdaLoraConfig(init_r=2 * rank, target_r=rank, **steps, **common))


@contextmanager
def quiet_peft() -> Iterator[None]:
    """peft reads an attribute of transformers under its old name, which warns on every adapter."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        yield
