"""GPT keeps what is promised of every network; its cache, its folders and its recipe do what they say."""

import json

import numpy as np
import pytest

import nanonet as nt
from nanonet.data.download import DataUnavailable
from nanonet.models import ConfigError
from nanonet.models.generate import beam_search, sample
from nanonet.models.gpt import GPT, GPTConfig, KVCache, Reader, next_token_loss, window_start
from nanonet.models.gpt2_format import load_gpt2, save_gpt2
from nanonet.recipes import Use, find
from nanonet.recipes.gpt import GptRecipe, warmup_cosine
from nanonet.recipes.text_baselines import ngram_bits
from nanonet.recipes.text_figures import batches, bits_per_character, sampled_bits, surprises
from tests import model_promises as promise

SMALL = GPTConfig(vocab_size=11, n_positions=12, n_embd=16, n_layer=2, n_head=2)
TINY = {"n_positions": 16, "n_embd": 16, "n_layer": 2, "n_head": 2, "batch_size": 8, "lr": 0.01, "warmup": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Text files that a tiny GPT learns from."""
    path = tmp_path_factory.mktemp("texts")
    for i in range(8):
        lines = [f"def f{j}(x):\n    return x * {j} + {i}\n\n" for j in range(12)]
        (path / f"module{i}.py").write_text("".join(lines))
    return str(path)


@pytest.fixture
def tiny(folder):
    return {**TINY, "data": folder}


def model_of(config=SMALL, seed=0, spread=0.4):
    """A GPT with weights large enough for its choices to depend on all that it sees."""
    nt.manual_seed(seed)
    model = GPT(config.replace(initializer_range=spread))
    model.eval()
    return model


# Promises of every network


def test_overfits_one_batch(tiny):
    promise.overfits(promise.make("gpt", **tiny, steps=200), steps=150, below=0.1)


def test_the_same_seed_gives_the_same_figures(tiny):
    promise.repeats("gpt", steps=12, **tiny)


def test_a_stopped_run_goes_on(tiny, tmp_path):
    promise.resumes("gpt", steps=20, folder=tmp_path, **tiny, resid_pdrop=0.1)


def test_agrees_with_its_twin(tiny):
    promise.agrees("gpt", **tiny)


def test_weights_travel_losslessly(tiny):
    promise.travels_losslessly("gpt", **tiny)


def test_numba_computes_the_same(tiny):
    promise.same_on_numba("gpt", **tiny)


# The network


def test_a_token_depends_on_those_before_it_alone():
    model, ids = model_of(), np.arange(10)[None] % 11
    before = model(nt.tensor(ids)).numpy()
    ids[0, 6] = 9
    after = model(nt.tensor(ids)).numpy()
    np.testing.assert_array_equal(before[0, :6], after[0, :6])
    assert (before[0, 6:] != after[0, 6:]).any(axis=-1).all()


def test_weights_begin_as_gpt2s():
    nt.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=500, n_positions=400, n_embd=64, n_layer=8, n_head=4))
    for name, w in model.named_parameters():
        values = w.numpy()
        if name.endswith("bias"):
            assert (values == 0).all()
        elif values.ndim == 1:
            assert (values == 1).all()
        else:
            std = 0.02 / 4 if name.endswith("c_proj.weight") else 0.02
            assert values.std() == pytest.approx(std, rel=0.05)
            assert abs(values.mean()) < 0.1 * std
    loss = next_token_loss(model(nt.randint(0, 500, (4, 50))), nt.randint(0, 500, (4, 50)))
    assert loss.item() == pytest.approx(np.log(500), rel=0.02)


def test_the_embedding_is_the_output_too():
    model = model_of()
    names = [name for name, _ in model.named_parameters()]
    assert "wte.weight" in names
    assert not any("lm_head" in name for name in names)
    model(nt.tensor([[1, 2]])).sum().backward()
    assert (model.wte.weight.grad.numpy() != 0).any(axis=1).all()  # also of tokens that were not in the text


def test_a_sequence_longer_than_the_model_is_refused():
    model = model_of()
    with pytest.raises(ValueError, match=r"at most 12 tokens \(n_positions\), got a sequence of 13"):
        model(nt.zeros(1, 13, dtype=int))
    cache = KVCache(SMALL)
    model(nt.zeros(1, 10, dtype=int), cache)
    with pytest.raises(ValueError, match="got a sequence of 13"):
        model(nt.zeros(1, 3, dtype=int), cache)
    with pytest.raises(ValueError, match=r"expected tokens \(N, T\)"):
        model(nt.zeros(5, dtype=int))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"n_head": 3}, "expected n_head as a divisor of n_embd"),
        ({"n_layer": 0}, "expected n_layer as at least 1"),
        ({"attn_pdrop": 1.0}, "expected attn_pdrop as a share"),
        ({"activation_function": "silu"}, "expected activation_function as one of gelu_new, gelu, relu"),
        ({"n_layers": 3}, "did you mean 'n_layer'"),
    ],
)
def test_sizes_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(ConfigError, match=words):
        SMALL.replace(**wrong)


# The cache


@pytest.mark.parametrize("pieces", [(1,) * 12, (5, 1, 6), (4, 4, 4), (12,)])
def test_piece_by_piece_gives_the_same_logits(pieces):
    model, ids = model_of(), np.random.default_rng(0).integers(0, 11, (3, 12))
    whole, cache, start, parts = model(nt.tensor(ids)).numpy(), KVCache(SMALL), 0, []
    for size in pieces:
        assert len(cache) == start
        parts.append(model(nt.tensor(ids[:, start : start + size]), cache).numpy())
        start += size
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_positions", [12, 7, 1])
@pytest.mark.parametrize("options", [{"temperature": 0}, {"temperature": 0.9, "top_k": 5, "seed": 4}])
def test_texts_drawn_with_the_cache_are_those_without(n_positions, options):
    """Also beyond n_positions, where the window moves."""
    model = model_of(SMALL.replace(n_positions=n_positions))
    start = np.random.default_rng(1).integers(0, 11, (4, 3))
    with_cache, without = (sample(Reader(model, cached), start, 40, **options) for cached in (True, False))
    np.testing.assert_array_equal(with_cache, without)
    assert len({tuple(row) for row in with_cache}) == 4


def test_beams_found_with_the_cache_are_those_without():
    model = model_of()
    found = [beam_search(Reader(model, cached), np.array([1, 2]), 20, beams=5, stop=0) for cached in (True, False)]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        assert one.log_p == pytest.approx(other.log_p, abs=1e-4)


def test_the_logits_of_a_moving_window_are_those_of_its_tokens():
    model, reader, ids = model_of(), Reader(model_of()), np.random.default_rng(2).integers(0, 11, (2, 40))
    for length in range(3, 41):
        start = window_start(length, 12)
        assert 0 <= start < length
        assert 6 <= length - start <= 12 or start == 0
        expected = model(nt.tensor(ids[:, start:length])).numpy()[:, -1]
        np.testing.assert_allclose(reader(ids[:, :length]), expected, rtol=1e-4, atol=1e-5)


def test_a_cache_of_the_wrong_text_would_be_found():
    """The comparison above can fail: a reader that was given other tokens before has other logits."""
    ids = np.random.default_rng(2).integers(0, 11, (2, 6))
    right, wrong = Reader(model_of()), Reader(model_of())
    right(ids[:, :5])
    wrong((ids[:, :5] + 1) % 11)
    assert abs(right(ids) - wrong(ids)).max() > 0.01


def test_a_model_that_still_drops_is_not_read():
    model = model_of()
    model.train()
    with pytest.raises(ValueError, match=r"call model.eval\(\) first"):
        Reader(model)


# Folders of Hugging Face


def peer(**changes):
    pytest.importorskip("torch", reason="the peer is transformers' GPT-2, in PyTorch")
    transformers = pytest.importorskip("transformers", reason="the peer is transformers' GPT-2")
    import torch

    torch.manual_seed(0)
    sizes = {"vocab_size": 40, "n_positions": 16, "n_embd": 24, "n_layer": 3, "n_head": 4}
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(**{**sizes, "bos_token_id": 0, "eos_token_id": 0, **changes})
    ).eval()
    with torch.no_grad():
        for w in model.parameters():
            w += 0.1 * torch.randn_like(w)
    return model


@pytest.mark.parametrize(
    "changes",
    [{}, {"activation_function": "gelu"}, {"activation_function": "gelu_pytorch_tanh"}, {"n_inner": 40}],
    ids=str,
)
def test_gpt2_folders_give_the_logits_of_transformers(changes, tmp_path):
    theirs = peer(**changes)
    import torch

    theirs.save_pretrained(tmp_path)
    ids = np.random.default_rng(0).integers(0, 40, (2, 16))
    with torch.no_grad():
        expected = theirs(torch.tensor(ids)).logits.numpy()
    ours = load_gpt2(tmp_path)
    assert abs(expected).max() > 1
    np.testing.assert_allclose(ours(nt.tensor(ids)).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_a_gpt2_folder_comes_back_losslessly(tmp_path):
    from safetensors.numpy import load_file

    theirs = peer()
    theirs.save_pretrained(tmp_path / "theirs")
    save_gpt2(load_gpt2(tmp_path / "theirs"), tmp_path / "ours")
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in ("theirs", "ours"))
    promise.same(a, b)
    again = type(theirs).from_pretrained(tmp_path / "ours")
    for name, w in theirs.state_dict().items():
        assert (w == again.state_dict()[name]).all(), name
    for key in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "activation_function", "resid_pdrop"):
        assert getattr(again.config, key) == getattr(theirs.config, key)


def test_names_without_prefix_and_a_head_that_is_the_embedding(tmp_path):
    from safetensors.numpy import load_file, save_file

    model = model_of()
    save_gpt2(model, tmp_path)
    path = tmp_path / "model.safetensors"
    weights = {name.removeprefix("transformer."): w for name, w in load_file(path).items()}
    weights["h.0.attn.bias"] = np.tril(np.ones((1, 1, 12, 12), np.float32))  # the mask that older files have
    save_file({**weights, "lm_head.weight": weights["wte.weight"]}, path)
    promise.same(*({k: w.numpy() for k, w in m.state_dict().items()} for m in (load_gpt2(tmp_path), model)))
    save_file({**weights, "lm_head.weight": weights["wte.weight"] + 1}, path)
    with pytest.raises(ValueError, match=r"model.safetensors: expected lm_head.weight equal to wte.weight"):
        load_gpt2(tmp_path)


def test_folders_that_are_no_gpt2s_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config.json: there is no such file"):
        load_gpt2(tmp_path)
    save_gpt2(model_of(), tmp_path)
    about = json.loads((tmp_path / "config.json").read_text())

    def refused(error, words, **changes):
        (tmp_path / "config.json").write_text(json.dumps({k: v for k, v in {**about, **changes}.items() if v != ""}))
        with pytest.raises(error, match=words):
            load_gpt2(tmp_path)

    refused(
        ConfigError,
        "expected activation_function as one of gelu_new, gelu, relu, got 'silu'",
        activation_function="silu",
    )
    refused(ConfigError, "expected model_type 'gpt2', got 'llama'", model_type="llama")
    refused(ConfigError, "expected tie_word_embeddings True, got False", tie_word_embeddings=False)
    refused(ConfigError, "it lacks n_layer", n_layer="")
    refused(ConfigError, "expected n_embd as a whole number, got 'wide'", n_embd="wide")
    refused(ValueError, "wpe.weight: expected shape", n_positions=13)
    refused(ValueError, "missing: h.2.ln_1.weight", n_layer=3)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ConfigError, match="expected an object"):
        load_gpt2(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(about))
    (tmp_path / "model.safetensors").write_bytes(b"\x08")
    with pytest.raises(ValueError, match=r"model.safetensors: damaged"):
        load_gpt2(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model.safetensors: there is no such file"):
        load_gpt2(tmp_path)


# Figures


def test_every_token_is_predicted_once_and_from_enough_before_it():
    model, tokens = model_of(), np.random.default_rng(0).integers(0, 11, 75)
    found = surprises(model, tokens)
    starts = [*range(0, 75 - 1 - 12, 6), 75 - 1 - 12]
    expected, seen = np.full(74, np.nan), 0
    for start in starts:
        log_p = nt.functional.log_softmax(model(nt.tensor(tokens[None, start : start + 12]))).numpy()[0]
        for i in range(seen - start, 12):
            expected[start + i] = -log_p[i, tokens[start + i + 1]] / np.log(2)
        seen = start + 12
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert len(surprises(model, tokens[:3])) == 2


def test_a_sample_of_windows_is_near_the_whole(tiny):
    recipe = promise.make("gpt", **tiny)
    recipe.model.eval()
    whole = bits_per_character(recipe.model, recipe.tokenizer, recipe.validation)
    assert sampled_bits(recipe.model, recipe.tokenizer, recipe.validation, 500) == pytest.approx(whole, rel=0.02)
    assert [len(part) for part in batches(np.arange(70))] == [32, 32, 6]


def test_counting_finds_the_entropy():
    """A chain in which each token has two followers: order 1 sees 2 bits, order 2 sees 1 bit."""
    rng = np.random.default_rng(0)
    tokens = np.cumsum(rng.integers(1, 3, 40_000)) % 4
    train, test = tokens[:30_000], tokens[30_000:]
    assert ngram_bits(train, test, 4, 1) == pytest.approx(2, abs=0.01)
    assert ngram_bits(train, test, 4, 2) == pytest.approx(1, abs=0.02)
    with pytest.raises(ValueError, match="too many 9-grams"):
        ngram_bits(train, test, 200, 9)


def test_what_counting_predicts_sums_to_one():
    train = np.random.default_rng(0).integers(0, 5, 200)
    context = train[17:19]
    p = [2 ** -(3 * ngram_bits(train, np.array([*context, c]), 5, 3)) for c in range(5)]
    before = 2 ** -(2 * ngram_bits(train, context, 5, 3))
    assert sum(p) == pytest.approx(before)


# The recipe


def test_the_rate_rises_and_falls():
    rates = [warmup_cosine(done, 10, 110, 0.1) for done in range(112)]
    assert rates[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert rates[10] == 1
    assert rates[60] == pytest.approx(0.55)
    assert rates[110] == rates[111] == pytest.approx(0.1)
    assert warmup_cosine(0, 0, 1, 0.1) == 1


def test_held_out_files_are_not_trained_on(tiny):
    recipe = promise.make("gpt", **tiny)
    trained = recipe.tokenizer.decode(recipe.tokens)
    held_out = [*recipe.validation, *(document.text for document in recipe.held_out.documents)]
    assert len(held_out) >= 2
    assert not any(text in trained for text in held_out)
    assert sum(len(text) for text in recipe.train_texts) == len(trained)


def test_batches_are_windows_of_the_text(tiny):
    recipe = promise.make("gpt", **tiny)
    x, y = recipe.draw(next(iter(recipe.loader)))
    assert x.shape == y.shape == (8, 16)
    np.testing.assert_array_equal(x.numpy()[:, 1:], y.numpy()[:, :-1])
    text = recipe.tokenizer.decode(recipe.tokens)
    assert all(recipe.tokenizer.decode(row) in text for row in x.numpy())


def test_learns_and_is_judged_in_bits(tiny):
    recipe = promise.make("gpt", **tiny, steps=60)
    recipe.loop(verbose=0).run()
    with recipe.judging():
        figures = recipe.test()
    assert figures["bits_per_character"] < 0.8 * figures["unigram_bits"]
    assert figures["ngram5_bits"] < figures["unigram_bits"] < figures["uniform_bits"]
    assert 0 < figures["lzma_bits"] < figures["uniform_bits"]


def test_unknown_characters_cost_bits(tiny):
    recipe = promise.make("gpt", **tiny)
    with recipe.judging():
        plain, odd = (bits_per_character(recipe.model, recipe.tokenizer, [text]) for text in ("x" * 40, "ж" * 40))
    assert odd > plain + 15


def test_a_run_is_restored_without_its_text_and_continues_texts(tiny, tmp_path):
    recipe = promise.make("gpt", **tiny, steps=30)
    recipe.loop(verbose=0).run()
    settings = GptRecipe.Settings.from_dict(json.loads(json.dumps(recipe.settings.to_dict())))
    again = GptRecipe.restore(settings.replace(data="gone"), recipe.extras())
    again.load_weights(recipe.weights())
    for how in (Use(count=2, length=20, seed=3), Use(count=2, length=10, beams=3), Use(length=50, temperature=0)):
        with recipe.judging(), again.judging():
            shown = recipe.use(["def f", "ret"], how), again.use(["def f", "ret"], how)
        assert shown[0] == shown[1]
        assert len(shown[0].lines) == 2 * how.count
        assert all(line.startswith(("def f", "ret")) for line in shown[0].lines)
    with recipe.judging():
        assert len(recipe.use([], Use(length=5)).lines) == 1


def test_goes_on_from_a_folder_of_gpt2(tiny, tmp_path):
    recipe = promise.make("gpt", **tiny, steps=5)
    recipe.loop(verbose=0).run()
    save_gpt2(recipe.model, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"tokenizer.json: there is no such file"):
        promise.make("gpt", data=tiny["data"], init_from=str(tmp_path))
    (tmp_path / "tokenizer.json").write_text(recipe.tokenizer.to_json())
    tuned = promise.make("gpt", data=tiny["data"], batch_size=8, init_from=str(tmp_path), steps=3)
    promise.same(tuned.weights(), recipe.weights())
    assert tuned.settings.network.n_embd == 16
    tuned.loop(verbose=0).run()
    assert (tuned.weights()["model.wte.weight"] != recipe.weights()["model.wte.weight"]).any()
    (tmp_path / "tokenizer.json").write_text(json.dumps({"kind": "char", "characters": "".join(map(chr, range(99)))}))
    with pytest.raises(ValueError, match="its tokenizer has 101 tokens, its network"):
        promise.make("gpt", data=tiny["data"], init_from=str(tmp_path))


def test_goes_on_from_a_folder_of_a_run(tiny, tmp_path):
    from nanonet.program import networks
    from nanonet.program.folder import Run

    cls = find("gpt")
    networks.train("gpt", cls.Settings().replace(**tiny, steps=5), Run(tmp_path / "run"), verbose=0)
    loaded = networks.load(Run(tmp_path / "run"))
    tuned = promise.make("gpt", **tiny, init_from=str(tmp_path / "run"), steps=3)
    promise.same(tuned.weights(), loaded.weights())
    assert (tmp_path / "run" / "samples.png").stat().st_size < 150_000
    with pytest.raises(FileNotFoundError, match="there is neither"):
        promise.make("gpt", **tiny, init_from=str(tmp_path))


def test_byte_pairs_in_the_recipe(tiny):
    pytest.importorskip("tokenizers", reason="byte-pair encoding needs tokenizers: pip install 'nanonet[text]'")
    recipe = promise.make("gpt", **tiny, tokenizer="bpe", vocab_size=300, steps=5)
    recipe.loop(verbose=0).run()
    assert recipe.settings.network.vocab_size == recipe.tokenizer.vocab_size <= 300
    with recipe.judging():
        assert recipe.use(["def f"], Use(length=5)).lines[0].startswith("def f")
        assert recipe.test()["bits_per_character"] < 8


def test_texts_that_cannot_be_trained_on_are_refused(tmp_path):
    with pytest.raises(DataUnavailable, match="it is empty"):
        promise.make("gpt", data=str(tmp_path))
    (tmp_path / "a.txt").write_text("a line\n" * 60)
    with pytest.raises(ValueError, match="too few for 16 windows of 128"):
        promise.make("gpt", data=str(tmp_path))
    for wrong, words in (({"tokenizer": "word"}, "one of char, bpe"), ({"clip": 0}, "clip as above 0")):
        with pytest.raises(ConfigError, match=words):
            promise.make("gpt", data=str(tmp_path), **wrong)
