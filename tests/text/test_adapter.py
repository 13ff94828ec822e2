"""Tuning touches the upper layers alone, and running only those gives what the whole encoder gives."""

from typing import get_args

import numpy as np
import pytest
import torch

from recsys.text.encoder import TextEncoder
from recsys.text.tuning.adapter import AdaptedEncoder
from recsys.text.tuning.layers import target_modules
from recsys.text.tuning.methods import Peft

METHODS = get_args(Peft)


@pytest.fixture
def encoder(tiny_encoder: str) -> TextEncoder:
    return TextEncoder.load(tiny_encoder, 16)


def teach(adapter: AdaptedEncoder, steps: int = 5) -> None:
    """Some steps towards a larger first number."""
    optimizer = torch.optim.Adam(adapter.parameters(), lr=0.1)
    for step in range(steps):
        optimizer.zero_grad()
        loss = -adapter.embed(np.arange(8))[:, 0].sum()
        penalty = adapter.method.penalty()
        (loss if penalty is None else loss + penalty).backward()
        optimizer.step()
        adapter.method.after_step(0.3 + step / 10)


def test_targets_are_what_peft_names_in_the_upper_layers(encoder: TextEncoder) -> None:
    names = target_modules(encoder.model, 2, ["query", "value"])
    assert len(names) == 4
    assert all(name.startswith(("encoder.layer.1.attention", "encoder.layer.2.attention")) for name in names)


def test_targets_of_an_architecture_that_peft_does_not_name() -> None:
    from transformers import DistilBertConfig, DistilBertModel

    model = DistilBertModel(DistilBertConfig(dim=16, n_layers=2, n_heads=2, hidden_dim=16, vocab_size=20))
    names = target_modules(model, 1, None)
    assert len(names) == 4
    assert all(name.startswith("transformer.layer.1.attention") for name in names)


@pytest.mark.parametrize("upper_layers", [1, 2, 3, 9])
def test_cached_lower_layers_give_the_same_vectors(encoder: TextEncoder, texts: list[str], upper_layers: int) -> None:
    expected = encoder.encode(texts)
    adapter = AdaptedEncoder(encoder, encoder.tokens(texts), "lora", 2, upper_layers)
    assert np.allclose(adapter.vectors(), expected, atol=1e-5)
    assert adapter.lower.keep(lambda: False)
    assert np.allclose(adapter.vectors(), expected, atol=2e-3)  # states are kept in half precision


def test_keeping_lower_layers_ends_with_the_time(encoder: TextEncoder, texts: list[str]) -> None:
    adapter = AdaptedEncoder(encoder, encoder.tokens(texts), "lora", 2, 1)
    assert not adapter.lower.keep(lambda: True)


@pytest.mark.parametrize("peft", METHODS)
def test_what_was_learned_ends_in_the_weights_of_the_upper_layers(
    peft: Peft, encoder: TextEncoder, texts: list[str]
) -> None:
    before = {name: p.detach().clone() for name, p in encoder.model.named_parameters()}
    version, expected = encoder.version, encoder.encode(texts)
    adapter = AdaptedEncoder(encoder, encoder.tokens(texts), peft, 2, 1)
    adapter.lower.keep(lambda: False)
    teach(adapter)
    learned = adapter.vectors()
    tuned = adapter.finished()
    assert tuned.tuning is not None
    assert tuned.tuning.weights
    assert all(name.startswith("encoder.layer.2.") for name in tuned.tuning.weights)
    now = dict(tuned.model.named_parameters())
    assert {name for name in before if not torch.equal(before[name], now[name])} == set(tuned.tuning.weights)
    vectors = tuned.encode(texts)
    assert np.allclose(vectors, learned, atol=2e-3)
    assert not np.allclose(vectors, expected, atol=5e-3)
    assert tuned.version != version
    with tuned.untuned() as encoder_again:
        assert encoder_again.version == version
        assert np.array_equal(encoder_again.encode(texts), expected)
    assert np.array_equal(tuned.encode(texts), vectors)


@pytest.mark.parametrize("peft", METHODS)
def test_what_does_not_pay_leaves_nothing_behind(peft: Peft, encoder: TextEncoder, texts: list[str]) -> None:
    expected = encoder.encode(texts)
    adapter = AdaptedEncoder(encoder, encoder.tokens(texts), peft, 2, 1)
    teach(adapter)
    left = adapter.abandoned()
    assert left is encoder
    assert np.array_equal(left.encode(texts), expected)


def test_adalora_switches_directions_off(encoder: TextEncoder, texts: list[str]) -> None:
    adapter = AdaptedEncoder(encoder, encoder.tokens(texts), "adalora", 2, 1)
    optimizer = torch.optim.SGD(adapter.parameters(), lr=0.5)
    for done in (0.0, 0.2, 0.5, 0.9, 1.0):
        optimizer.zero_grad()
        adapter.embed(np.arange(8))[:, 0].sum().backward()
        optimizer.step()
        adapter.method.after_step(done)
    values = [p for name, p in adapter.method.model.named_parameters() if "lora_E" in name]
    assert sum(int((value != 0).sum()) for value in values) <= 2 * len(values) + 1


def test_tuning_twice_adds_up(encoder: TextEncoder, texts: list[str]) -> None:
    expected = encoder.encode(texts)
    for upper_layers in (1, 2):
        adapter = AdaptedEncoder(encoder, encoder.tokens(texts), "lora", 2, upper_layers)
        teach(adapter)
        encoder = adapter.finished()
    assert encoder.tuning is not None
    assert any(".layer.1." in name for name in encoder.tuning.weights)
    with encoder.untuned() as base:
        assert np.array_equal(base.encode(texts), expected)
