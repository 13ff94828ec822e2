"""Any language that the encoder reads: a multilingual encoder is one line of the config."""

from pathlib import Path

import numpy as np
import pytest
from text_world import DAY, given, make_log

from recsys.config import load_config
from recsys.data.log.interactions import InteractionLog
from recsys.text.fitting import InterestFitting
from recsys.text.interest import InterestModel

SUBJECTS = (
    ("cat", "Katze", "кошка", "猫", "قطة"),
    ("bread", "Brot", "хлеб", "麵包", "خبز"),
    ("river", "Fluss", "река", "河", "نهر"),
    ("lamp", "Lampe", "лампа", "燈", "مصباح"),
)
KINDS = (("new", "neu", "новый", "新", "جديد"), ("old", "alt", "старый", "舊", "قديم"))
TEXTS = [f"{kind[place]} {word}" for words in SUBJECTS for place, word in enumerate(words) for kind in KINDS]
PER_SUBJECT = len(TEXTS) // len(SUBJECTS)


@pytest.fixture(scope="module")
def multilingual_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a two-layer XLM-RoBERTa of 32 dimensions, random weights, and words of five languages."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    folder = tmp_path_factory.mktemp("multilingual")
    words = {word.lower() for words in (*SUBJECTS, *KINDS) for word in words}
    signs = sorted({sign for word in words for sign in word})
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *sorted(words), *signs, *(f"##{sign}" for sign in signs)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    ).save_pretrained(folder)
    import torch

    torch.manual_seed(1)
    settings = XLMRobertaConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=66, pad_token_id=1, initializer_range=0.2,
    )  # fmt: skip
    XLMRobertaModel(settings).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """100 users who stay with a subject and go through its languages."""
    steps = [(user, day, (user + 3 * day) % PER_SUBJECT) for user in range(100) for day in range(6)]
    rows = [(user, user % len(SUBJECTS) * PER_SUBJECT + place, 1, day * DAY + user, 4.0) for user, day, place in steps]
    return make_log(rows, len(TEXTS))


@pytest.mark.parametrize("peft", ["none", "lora"])
def test_one_line_of_the_config_reads_other_languages(
    peft: str, multilingual_encoder: str, log: InteractionLog, tmp_path: Path
) -> None:
    lines = ["text.max_tokens=16", "text.batch_size=32", "text.learning_rate=0.004", "text.epochs=6"]
    config = load_config(None, [*lines, f"text.peft={peft}", f"text.encoder={multilingual_encoder}"]).text
    model = InterestFitting(TEXTS, log, config, minutes=5).run()
    russian = TEXTS.index("новый кошка") % PER_SUBJECT
    scores = model.score(given(*([PER_SUBJECT * subject + russian] for subject in range(len(SUBJECTS)))))
    assert liked(scores) == [0, 1, 2, 3]
    model.save(tmp_path)
    loaded = InterestModel.load(tmp_path)
    texts = ["新 猫 кошка", "новый хлеб Brot"]
    assert np.allclose(loaded.encode_items(texts), model.encode_items(texts), atol=1e-5)
    assert liked(loaded.score(given([], []), ["кошка 猫", "хлеб"])) == [0, 1]


def liked(scores: np.ndarray) -> list[int]:
    """The subject that each request likes most."""
    by_subject: np.ndarray = scores.reshape(len(scores), len(SUBJECTS), PER_SUBJECT).mean(axis=2)
    return [int(subject) for subject in by_subject.argmax(axis=1)]
