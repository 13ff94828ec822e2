"""LoRA touches the upper layers alone, and running only those gives what the whole encoder gives."""

import numpy as np
import pytest
import torch

from recsys.text.adapter import AdaptedEncoder, target_modules
from recsys.text.encoder import TextEncoder


@pytest.fixture
def encoder(tiny_encoder: str) -> TextEncoder:
    return TextEncoder.load(tiny_encoder, 16)


def test_targets_are_the_attention_of_the_upper_layers(encoder: TextEncoder) -> None:
    names = target_modules(encoder.model, 2)
    assert len(names) == 8
    assert all(name.startswith(("encoder.layer.1.attention", "encoder.layer.2.attention")) for name in names)


def test_another_architecture() -> None:
    from transformers import DistilBertConfig, DistilBertModel

    names = target_modules(
        DistilBertModel(DistilBertConfig(dim=16, n_layers=2, n_heads=2, hidden_dim=16, vocab_size=20)), 1
    )
    assert names
    assert all(name.startswith("transformer.layer.1.attention") for name in names)


@pytest.mark.parametrize("upper_layers", [1, 2, 3, 9])
def test_cached_lower_layers_give_the_same_vectors(encoder: TextEncoder, texts: list[str], upper_layers: int) -> None:
    expected = encoder.encode(texts)
    adapter = AdaptedEncoder(encoder, encoder.tokens(texts), 2, upper_layers)
    assert np.allclose(adapter.vectors(), expected, atol=1e-5)
    adapter.keep_lower_states()
    assert np.allclose(adapter.vectors(), expected, atol=2e-3)  # states are kept in half precision


def test_training_changes_the_adapter_only_and_it_can_be_taken_off(encoder: TextEncoder, texts: list[str]) -> None:
    expected = encoder.encode(texts)
    adapter = AdaptedEncoder(encoder, encoder.tokens(texts), 2, 1)
    before = {name: p.detach().clone() for name, p in adapter.model.named_parameters()}
    optimizer = torch.optim.SGD(adapter.parameters(), lr=1.0)
    adapter.embed(np.arange(8))[:, 0].sum().backward()
    optimizer.step()
    changed = {name for name, p in adapter.model.named_parameters() if not torch.equal(p, before[name])}
    assert changed
    assert all("lora_" in name and ".layer.2." in name for name in changed)
    assert not np.allclose(adapter.adapted().encode(texts), expected, atol=1e-3)
    assert adapter.adapted().version != encoder.version
    assert np.allclose(adapter.removed().encode(texts), expected, atol=1e-6)
