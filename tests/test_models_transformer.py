"""The Transformer keeps what is promised of every network; its masks hide, its positions and its tasks are right."""

from datetime import timedelta

import numpy as np
import pytest

import nanonet as nt
from nanonet.data.sequence_tasks import FIRST, FORMATS, LAST, TASKS, Alphabet, part_of
from nanonet.models.attention import Attention, attention_weights
from nanonet.models.config import ConfigError
from nanonet.models.positions import Rotary, sinusoidal
from nanonet.models.transformer import BEGIN, END, PAD, EncoderDecoder, TransformerConfig, greedy
from nanonet.recipes import Use
from nanonet.training.history import History
from tests import model_promises as promise

TINY = {"d_model": 16, "heads": 2, "feedforward": 32, "lines": 200, "batch_size": 8}
POSITIONS = ["learned", "sinusoidal", "rotary"]


def made(positions="rotary", dtype="float64", **changes):
    nt.manual_seed(0)
    config = TransformerConfig(positions=positions, d_model=16, heads=2, feedforward=24, length=12).replace(**changes)
    return EncoderDecoder(config, 20).to(dtype=dtype)


def tokens(*shape):
    return nt.randint(3, 20, shape)


def test_overfits_one_batch():
    promise.overfits(promise.make("transformer", **TINY, lr=0.01, warmup=0.01), steps=120, below=0.05)


def test_the_same_seed_gives_the_same_figures():
    promise.repeats("transformer", steps=6, **TINY, dropout=0.1)


def test_a_stopped_run_goes_on(tmp_path):
    promise.resumes("transformer", 14, tmp_path, **TINY, dropout=0.1)


@pytest.mark.parametrize("positions", POSITIONS)
def test_agrees_with_its_twin(positions):
    promise.agrees("transformer", **TINY, positions=positions)


def test_weights_travel_losslessly():
    promise.travels_losslessly("transformer", **TINY, positions="learned")


def test_numba_computes_the_same():
    promise.same_on_numba("transformer", **TINY)


@pytest.mark.parametrize("positions", POSITIONS)
def test_no_token_sees_a_later_one(positions):
    model, source, target = made(positions), tokens(2, 9), tokens(2, 8)
    before = model(source, target).numpy()
    changed = target.numpy().copy()
    changed[:, 5] = (changed[:, 5] - 3 + 1) % 17 + 3
    after = model(source, nt.tensor(changed)).numpy()
    np.testing.assert_array_equal(after[:, :5], before[:, :5])
    assert (abs(after[:, 5:] - before[:, 5:]).max((1, 2)) > 1e-6).all()


@pytest.mark.parametrize("positions", POSITIONS)
def test_padding_is_not_seen(positions):
    """A line alone, and beside a longer one, which makes it padded."""
    model, source, target = made(positions), tokens(1, 5), tokens(1, 6)
    padded = nt.tensor(np.pad(source.numpy(), ((0, 0), (0, 4)), constant_values=PAD))
    alone = model(source, target).numpy()
    np.testing.assert_allclose(model(padded, target).numpy(), alone, atol=1e-12)
    seen = nt.tensor(np.pad(source.numpy(), ((0, 0), (0, 4)), constant_values=7))
    assert abs(model(seen, target).numpy() - alone).max() > 1e-6


@pytest.mark.parametrize("positions", POSITIONS)
def test_one_token_at_a_time_is_all_at_once(positions):
    model, source, target = made(positions), tokens(3, 9), tokens(3, 8)
    whole, encoded, past, parts = model(source, target).numpy(), model.encode(source), None, []
    for start, stop in ((0, 1), (1, 2), (2, 5), (5, 8)):
        logits, past = model.decode(target[:, start:stop], encoded, past)
        parts.append(logits.numpy())
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-12)


@pytest.mark.parametrize("positions", POSITIONS)
def test_greedy_takes_the_likeliest_token(positions):
    """With keys and values that are kept, what computing everything anew in each step gives."""
    model, source = made(positions), tokens(4, 9)
    written = greedy(model, source, limit=7)
    target = np.full((4, 1), BEGIN)
    for t in range(written.shape[1]):
        best = model(source, nt.tensor(target)).numpy()[:, -1].argmax(-1)
        ended = (written[:, :t] == END).any(1)
        np.testing.assert_array_equal(written[:, t], np.where(ended, PAD, best))
        target = np.concatenate([target, best[:, None]], axis=1)


@pytest.mark.parametrize("positions", POSITIONS)
def test_the_order_of_the_source_counts(positions):
    """Without positions the encoder would see a set: the same tokens in another order give another output."""
    model, source, target = made(positions), tokens(1, 6), tokens(1, 4)
    turned = nt.tensor(source.numpy()[:, ::-1].copy())
    assert abs(model(turned, target).numpy() - model(source, target).numpy()).max() > 1e-4


def test_rotary_scores_depend_on_the_distance_only():
    rotary, q, k = Rotary(30, 8), nt.randn(8, dtype="float64"), nt.randn(8, dtype="float64")

    def score(s, t):
        a, b = (rotary(x.reshape(1, 1, 1, 8), place).reshape(8) for x, place in ((q, s), (k, t)))
        return float((a * b).sum().item())

    for distance in (0, 3, 11):
        scores = [score(s, s + distance) for s in (0, 1, 7, 15)]
        np.testing.assert_allclose(scores, scores[0], rtol=1e-12)
    assert abs(score(0, 3) - score(0, 4)) > 1e-3
    assert score(0, 0) == pytest.approx(float((q * k).sum().item()))  # at the same place: as if not turned
    turned = rotary(nt.tensor(np.tile(q.numpy(), (1, 1, 30, 1)))).numpy()
    np.testing.assert_allclose((turned**2).sum(-1), (q.numpy() ** 2).sum())  # lengths stay


def test_sinusoidal_positions():
    """The paper's two lines, and that a step of k places is one rotation, wherever it begins."""
    table = sinusoidal(40, 6)
    for t, i in ((0, 0), (7, 0), (7, 2), (39, 4)):
        assert table[t, i] == pytest.approx(np.sin(t / 10000 ** (i / 6)))
        assert table[t, i + 1] == pytest.approx(np.cos(t / 10000 ** (i / 6)))
    k = 5
    for i in (0, 2, 4):
        angle = k / 10000 ** (i / 6)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        np.testing.assert_allclose(table[k:, i : i + 2], table[:-k, i : i + 2] @ turn.T, atol=1e-12)


def test_attention_is_a_mean_of_values():
    """Rows of weights sum to 1; what D4 writes divides each by itself, so that all are 1."""
    q, k = nt.randn(3, 4), nt.randn(5, 4)
    weights = attention_weights(q, k).numpy()
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
    scores = np.exp(q.numpy() @ k.numpy().T / 2)
    np.testing.assert_allclose(weights, scores / scores.sum(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(scores / scores, 1)
    attention = Attention(4, 2)
    attention.maps = []
    x = nt.randn(1, 5, 4)
    attention(attention.queries(x), attention.keys_values(x), None)
    assert attention.maps[0].shape == (1, 2, 5, 5)


@pytest.mark.parametrize("name", TASKS)
def test_no_test_line_was_trained_on(name):
    """No key of a held-out line is in the training part: no date, no multiset of letters, no pair of numbers."""
    task = TASKS[name]
    parts = {part: task.pairs(part, 300, seed=0) for part in ("train", "validation", "test")}
    keys = {part: {key_of(name, *pair) for pair in pairs} for part, pairs in parts.items()}
    for part, found in keys.items():
        assert {part_of(key) for key in found} == {part}
    assert not keys["train"] & keys["test"]
    assert not keys["train"] & keys["validation"]
    assert not keys["validation"] & keys["test"]
    assert task.pairs("test", 300, seed=0) == parts["test"] != task.pairs("test", 300, seed=1)
    assert len({source for source, _ in parts["train"]}) == 300


def key_of(name, source, target):
    return "+".join(map(str, sorted(map(int, source.split("+"))))) if name == "addition" else target


def test_the_recipe_keeps_test_lines_out_of_training():
    recipe = promise.make("transformer", **TINY, task="sorting")
    trained = {line for batch in recipe.loader for line in recipe.alphabet.decode(batch[2].numpy())}
    assert len(trained) > 150
    assert not trained & {target for _, target in recipe.tested + recipe.held}


def test_a_date_has_one_reading():
    """All days of the century in all formats: no text stands for two days."""
    found = {}
    for i in range(0, (LAST - FIRST).days + 1, 3):
        day = FIRST + timedelta(days=i)
        for written in FORMATS:
            assert found.setdefault(written(day), day) == day


def test_tasks_are_solved_rightly():
    for source, target in TASKS["addition"].pairs("train", 50):
        assert sum(map(int, source.split("+"))) == int(target)
    for source, target in TASKS["sorting"].pairs("train", 50):
        assert sorted(source) == list(target)
    texts = dict(TASKS["dates"].pairs("train", 3000))
    assert {len(target) for target in texts.values()} == {10}
    day = next(source for source, target in texts.items() if source.endswith("/98") and target.startswith("1998"))
    assert day
    with pytest.raises(ValueError, match="not 99 different train lines"):
        type(TASKS["dates"])(lambda rng: ("a", "b", "key 1"), "ab", 1).pairs("train", 99)


def test_lines_become_rows_and_lines_again():
    alphabet = Alphabet("abc")
    rows = alphabet.encode(["ab", "", "ccc"])
    np.testing.assert_array_equal(rows, [[3, 4, 2, 0], [2, 0, 0, 0], [5, 5, 5, 2]])
    assert alphabet.decode(rows) == ["ab", "", "ccc"]


def test_pictures_show_where_it_looks():
    recipe = promise.make("transformer", **TINY)
    found = recipe.pictures(History())
    assert found.keys() == {"attention.png", "positions.png"}
    assert all(picture.startswith(b"\x89PNG") for picture in found.values())
    assert all(layer.multihead_attn.maps is None for layer in recipe.model.decoder.layers)


def test_use_translates():
    recipe = promise.make("transformer", **TINY)
    shown = recipe.use(["3 March 1998", "1.2.1999"], Use())
    assert len(shown.lines) == 2
    again = type(recipe).restore(recipe.settings, recipe.extras())
    again.load_weights(recipe.weights())
    assert again.use(["3 March 1998", "1.2.1999"], Use()) == shown


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match=r"positions as one of learned, sinusoidal, rotary, got 'relative'"):
        promise.make("transformer", positions="relative")
    with pytest.raises(ConfigError, match=r"d_model as a multiple of 8 \(4 heads, positions rotary\), got 12"):
        promise.make("transformer", d_model=12)
    with pytest.raises(ConfigError, match="task as one of dates, sorting, addition, got 'love'"):
        promise.make("transformer", task="love")
    recipe = promise.make("transformer", **TINY)
    with pytest.raises(ValueError, match=r"expected the characters .* got 'é'"):
        recipe.use(["3 février 1998"], Use())
    with pytest.raises(ValueError, match="at most 40 tokens in a sequence, got 101"):
        recipe.use(["1" * 100], Use())
    with pytest.raises(ValueError, match="lines to translate"):
        recipe.use([], Use())
