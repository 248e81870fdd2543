"""The plots of nanonet.teach: the numbers behind each picture, and that collecting them changes nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn, optim
from nanonet.teach import plots
from nanonet.teach.plots.boundary import probabilities
from nanonet.teach.plots.filters import images
from nanonet.teach.plots.histograms import bin_edges, histogram
from nanonet.teach.plots.landscape import principal_directions
from nanonet.teach.plots.landscape_picture import levels
from nanonet.teach.plots.layers import snapshot
from nanonet.teach.plots.norms import lines

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)).astype(np.float32)
Y = (X[:, :1] * X[:, 1:] > 0).astype(np.float32)


def make_model() -> nn.Sequential:
    """With everything that a careless look would disturb: dropout's random numbers, batch norm's running means."""
    nt.manual_seed(3)
    return nn.Sequential(
        nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)
    )


def loss_of(model: nn.Module) -> Callable[[], Any]:
    measure = nn.BCEWithLogitsLoss()
    return lambda: measure(model(nt.tensor(X)), nt.tensor(Y))


def everything(model: nn.Module) -> dict[str, bytes]:
    found = {name: t.array.tobytes() for name, t in model.state_dict().items()}
    grads = {f"grad {n}": b"" if p.grad is None else p.grad.array.tobytes() for n, p in model.named_parameters()}
    return {**found, **grads, "random": repr(nt.random.get_state()).encode()}


def trained(look: Callable[[nn.Module], Any]) -> tuple[dict[str, bytes], list[float]]:
    """The end of a training, and its history; `look` gives the callbacks and a context manager for it."""
    model = make_model()
    callbacks, block = look(model)
    model.compile(optimizer="adam", loss="bce_with_logits", lr=0.02)
    with block:
        history = model.fit(X, Y, epochs=4, batch_size=16, validation_data=(X, Y), callbacks=callbacks, verbose=0)
    return everything(model), history["loss"] + history["val_loss"]


class Nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...


def one_step(model: nn.Module, loss: Callable[[], Any], optimizer: Any) -> float:
    optimizer.zero_grad()
    value = loss()
    value.backward()
    optimizer.step()
    return value.item()


# Collecting changes nothing


def test_collecting_leaves_the_training_bit_for_bit() -> None:
    plain = trained(lambda model: ((), Nothing()))

    def look(model: nn.Module) -> Any:
        return (plots.WeightPath(model), plots.BoundaryRecorder(model, X, points=9)), plots.LayerRecorder(model)

    assert trained(look) == plain


def test_a_disturbed_training_would_be_noticed() -> None:
    class Disturbing(plots.WeightPath):
        def record(self) -> None:
            nt.rand(1)
            super().record()

    plain = trained(lambda model: ((), Nothing()))
    assert trained(lambda model: ((Disturbing(model),), Nothing())) != plain


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_the_landscape_leaves_model_gradients_and_random_numbers(training: bool) -> None:
    model = make_model().train(training)
    loss = loss_of(model)
    loss().backward()
    held = [p.array for p in model.parameters()]
    before = everything(model)
    plots.landscape(loss, model, points=5)
    assert everything(model) == before
    assert all(p.array is array for p, array in zip(model.parameters(), held, strict=True))
    assert all(module.training is training for module in model.modules())


def test_looking_between_forward_and_backward_does_no_harm() -> None:
    found = []
    for look in (False, True):
        model = make_model()
        value = loss_of(model)()
        if look:
            plots.landscape(loss_of(model), model, points=3)
            plots.BoundaryRecorder(model, X, points=5).record()
        value.backward()
        found.append(everything(model))
    assert found[0] == found[1]


def test_the_model_is_put_back_when_the_loss_fails() -> None:
    model = make_model()
    before = everything(model)
    with pytest.raises(ZeroDivisionError):
        plots.landscape(lambda: 1 / 0, model)
    assert everything(model) == before
    assert nt.is_grad_enabled()


def test_recorders_take_their_hooks_away_also_after_an_error() -> None:
    model = make_model()
    with pytest.raises(ZeroDivisionError), plots.LayerRecorder(model) as seen:
        loss_of(model)().backward()
        raise ZeroDivisionError
    count = sum(map(len, seen.outputs.values()))
    loss_of(model)().backward()
    assert count == sum(map(len, seen.outputs.values())) == 7
    assert not any(p.hooks for p in model.parameters())


# The landscape


def test_the_centre_of_the_landscape_is_the_loss() -> None:
    model = make_model().eval()
    loss = loss_of(model)
    found = plots.landscape(loss, model, points=7)
    assert found.here == (0, 0)
    assert found.losses[3, 3] == found.loss == loss().item()
    assert not np.any(found.losses[[0, 0, 6, 6], [0, 6, 0, 6]] == found.loss)


def test_a_point_of_the_grid_is_the_loss_there() -> None:
    model = make_model().eval()
    loss = loss_of(model)
    found = plots.landscape(loss, model, points=5)
    there = found.origin + found.a[1] * found.directions[0] + found.b[4] * found.directions[1]
    start = 0
    for p in model.parameters():
        p.data = there[start : start + p.size].reshape(p.shape).astype(p.dtype)
        start += p.size
    assert found.losses[4, 1] == loss().item() != found.losses[1, 4]


def test_two_weights_are_the_axes_themselves() -> None:
    w = nt.tensor(np.array([1.0, -2.0]), requires_grad=True)
    found = plots.landscape(lambda: w[0] ** 2 + 3 * w[1] ** 2, [w], points=5, span=((-1, 1), (0, 4)))
    expected = found.a[None, :] ** 2 + 3 * found.b[:, None] ** 2
    np.testing.assert_allclose(found.losses, expected, rtol=1e-14)
    assert (found.here, found.loss) == ((1.0, -2.0), 13.0)


@pytest.mark.parametrize("directions", ["path", "random"])
def test_the_losses_along_the_path_are_the_history(directions: str) -> None:
    nt.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))
    loss, path = loss_of(model), plots.WeightPath(model)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    history = []
    for _ in range(8):
        path.record()
        history.append(one_step(model, loss, optimizer))
    found = plots.landscape(loss, model, path, directions=directions, points=3)
    assert found.path_losses.tolist() == history
    path.arrays[2][0][0, 0] += 0.5
    wrong = plots.landscape(loss, model, path, directions=directions, points=3)
    assert np.flatnonzero(wrong.path_losses != history).tolist() == [2]


def test_a_fit_records_the_start_and_every_batch() -> None:
    model = make_model()
    path = plots.WeightPath(model, every=2)
    start = [p.array.copy() for p in model.parameters()]
    model.compile(optimizer="sgd", loss="bce_with_logits").fit(
        X, Y, epochs=2, batch_size=10, callbacks=[path], verbose=0
    )
    assert len(path) == 1 + 8 // 2
    assert all(np.array_equal(a, b) for a, b in zip(path.arrays[0], start, strict=True))
    assert all(np.array_equal(a, p.array) for a, p in zip(path.arrays[-1], model.parameters(), strict=True))


def test_principal_directions_span_a_flat_path() -> None:
    plane = np.linalg.qr(RNG.normal(size=(9, 2)))[0].T
    steps = RNG.normal(size=(12, 2)) * [5, 1] @ plane
    axes, shares = principal_directions(steps)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(steps @ axes.T @ axes, steps, atol=1e-12)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] > shares[1]


def test_the_path_ends_at_the_origin_of_its_plane() -> None:
    model = make_model().eval()
    path = plots.WeightPath(model)
    model.compile(optimizer="adam", loss="bce_with_logits").fit(X, Y, epochs=3, callbacks=[path], verbose=0)
    found = plots.landscape(loss_of(model), model, path, points=5)
    np.testing.assert_allclose(found.path[-1], 0, atol=1e-6)
    assert found.shadow_losses[-1] == pytest.approx(found.path_losses[-1], rel=1e-6)
    assert found.a[0] < found.path[:, 0].min() < found.path[:, 0].max() < found.a[-1]


def test_a_random_direction_has_the_length_of_each_filter() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(3, 2))
    found = plots.landscape(lambda: model(nt.ones((1, 2, 3, 3))).sum(), model, points=3)
    kernel = found.directions[0][: 3 * 18].reshape(3, 18)
    expected = np.linalg.norm(model[0].weight.array.reshape(3, 18), axis=1)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=1), expected, rtol=1e-6)
    assert not found.directions[0][54:57].any()  # the bias


def test_losses_that_are_not_finite_are_left_out_of_the_picture() -> None:
    w = nt.tensor(np.array([1.0, 1.0]), requires_grad=True)
    found = plots.landscape(lambda: nt.log(w[0]) + w[1], [w], points=5, span=((-1, 1), (0, 1)))
    assert np.isnan(found.losses[:, :3]).all()
    assert np.isfinite(levels(found)).all()
    assert plots.plot_landscape(found)._repr_png_()
    with pytest.raises(ValueError, match="finite nowhere"):
        plots.plot_landscape(replace(found, losses=np.full((5, 5), np.nan)))


def test_what_makes_no_landscape_is_refused() -> None:
    model = make_model()
    path = plots.WeightPath(model)
    path.record()
    with pytest.raises(ValueError, match="at least 3 steps, got one of 1 steps"):
        plots.landscape(loss_of(model), model, path, directions="path")
    with pytest.raises(ValueError, match="'axes' needs two weights"):
        plots.landscape(loss_of(model), model, directions="axes")
    with pytest.raises(ValueError, match="another model"):
        plots.landscape(loss_of(model), model[0], path)
    with pytest.raises(ValueError, match="one number, got shape"):
        plots.landscape(lambda: np.zeros(3), model)
    with pytest.raises(TypeError, match="a Module or a list of Tensors, got a ndarray"):
        plots.landscape(loss_of(model), [np.zeros(2)])


# Layers


def test_collected_gradients_are_the_parameters_grad() -> None:
    model = make_model()
    loss = loss_of(model)
    with plots.LayerRecorder(model) as seen:
        for _ in range(3):
            model.zero_grad()
            loss().backward()
    for name, p in model.named_parameters():
        last = seen.parameter_gradients[name][-1]
        assert np.array_equal(last.values, np.ravel(p.grad.array))
        assert last.norm == pytest.approx(np.linalg.norm(p.grad.array.astype(np.float64)), rel=1e-12)
        assert [s.step for s in seen.parameter_gradients[name]] == [0, 1, 2]


def test_collected_outputs_and_their_gradients_are_the_engines() -> None:
    nt.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    with plots.LayerRecorder(model) as seen:
        z = model[0](nt.tensor(X))  # outside a call of the model: not its step
        a = nt.tanh(z)
        y = model[2](a)
        for t in (z, a, y):
            t.retain_grad()
        nt.sum(y * y).backward()
        assert not any(seen.outputs.values())
        out = model(nt.tensor(X))
        nt.sum(out * out).backward()
    for label, t in zip(("0 Linear", "1 Tanh", "2 Linear"), (z, a, y), strict=True):
        assert np.array_equal(seen.outputs[label][0].values, np.ravel(t.array))
        assert np.array_equal(seen.gradients[label][0].values, np.ravel(t.grad.array))


def test_every_second_call_and_no_validation() -> None:
    model = make_model()
    with plots.LayerRecorder(model, every=2, layers=["4"]) as seen:
        for _ in range(5):
            loss_of(model)().backward()
            with nt.no_grad():
                model(nt.tensor(X))
    assert list(seen.outputs) == ["4 Linear"]
    steps = [0, 2, 4]
    assert [s.step for s in seen.outputs["4 Linear"]] == [s.step for s in seen.gradients["4 Linear"]] == steps
    assert [s.step for s in seen.parameter_gradients["0.weight"]] == steps


def test_figures_of_an_array_are_of_all_its_elements() -> None:
    array = np.where(RNG.random(10_000) < 0.3, 0, RNG.normal(size=10_000)).astype(np.float32)
    one = snapshot(7, array, keep=100)
    assert (one.step, one.size, len(one.values)) == (7, 10_000, 100)
    assert one.zeros == np.mean(array == 0)
    assert one.norm == pytest.approx(float(np.linalg.norm(array.astype(np.float64))), rel=1e-12)
    assert one.rms == pytest.approx(float(np.sqrt(np.mean(array.astype(np.float64) ** 2))), rel=1e-12)
    assert snapshot(0, np.array([1, np.nan, np.inf, 0]), 9).finite == 0.5


def test_a_histogram_counts_every_value_but_zeros() -> None:
    values = np.array([0, 0, 1e-6, -1e-3, 1.0, 3.0, np.nan, 1.0])
    one = snapshot(0, values, 99)
    edges = bin_edges([one], "log", 10)
    assert histogram(one, edges, "log").sum() == 5 / 8
    assert histogram(one, np.array([-7, -5, -2, 2]), "log").tolist() == [1 / 8, 1 / 8, 3 / 8]
    assert histogram(one, np.array([-2, 0, 2]), "linear").tolist() == [1 / 8, 4 / 8]  # 3 falls into the end bin


def test_vanishing_gradients_are_in_the_lines() -> None:
    nt.manual_seed(0)
    layers = [part for _ in range(6) for part in (nn.Linear(8, 8), nn.Sigmoid())]
    model = nn.Sequential(*layers, nn.Linear(8, 1))
    with plots.LayerRecorder(model) as seen:
        nt.sum(model(nt.tensor(RNG.normal(size=(16, 8)).astype(np.float32)))).backward()
    sizes = [lines(s, "rms")[1][0] for name, s in seen.gradients.items() if "Linear" in name]
    assert all(a < b / 3 for a, b in pairwise(sizes))
    zero = snapshot(0, np.zeros(3), 3)
    assert np.isnan(lines([zero], "norm")[1]).all()


def test_recorders_say_what_they_expect() -> None:
    model = make_model()
    with pytest.raises(ValueError, match=r"no layer '9'; the model has 0, 1, 2"):
        plots.LayerRecorder(model, layers=["9"])
    with pytest.raises(TypeError, match="expected a Module, got a function"):
        plots.LayerRecorder(lambda x: x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing was recorded"):
        plots.plot_norms(plots.LayerRecorder(model).gradients)
    with pytest.raises(ValueError, match="kind 'heat' or 'ridge'"):
        plots.plot_histograms({}, kind="pie")
    with pytest.raises(ValueError, match=r"two features, got \(3, 5\)"):
        plots.BoundaryRecorder(model, np.zeros((3, 5)))
    with pytest.raises(ValueError, match="probabilities, got values from -1 to 2"):
        probabilities(np.array([[-1.0], [2.0]]), logits=False)


# The boundary


def test_a_frame_is_what_the_model_says_in_evaluation_mode() -> None:
    model = make_model()
    frame = plots.BoundaryRecorder(model, X, points=7).record("now")
    model.eval()
    at = np.array([[frame.x1[5], frame.x2[2]]], np.float32)
    expected = 1 / (1 + np.exp(-model(nt.tensor(at)).item()))
    assert frame.probabilities[2, 5, 1] == pytest.approx(expected, rel=1e-5)
    assert frame.probabilities.shape == (7, 7, 2)
    np.testing.assert_allclose(frame.probabilities.sum(axis=-1), 1)


def test_probabilities_of_logits_are_softmax() -> None:
    z = np.array([[1.0, 2.0, 1000.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(probabilities(z, True), [[0, 0, 1], [1 / 3] * 3], atol=1e-12)
    p = np.array([[0.25], [0.9]])
    np.testing.assert_allclose(probabilities(p, False), [[0.75, 0.25], [0.1, 0.9]])
    np.testing.assert_allclose(probabilities(np.log(p / (1 - p)), True), probabilities(p, False))


def test_only_the_epochs_that_were_asked_for() -> None:
    model = make_model()
    seen = plots.BoundaryRecorder(model, X, epochs=(0, 2), points=5)
    model.compile(optimizer="sgd", loss="bce_with_logits").fit(X, Y, epochs=3, callbacks=[seen], verbose=0)
    assert [frame.label for frame in seen.frames] == ["before training", "epoch 2"]


# Filters


def test_filters_are_the_weights_on_one_scale() -> None:
    layer = nn.Conv2d(1, 6, 3)
    picture = plots.plot_filters(layer)
    drawn = [axes.images[0] for axes in picture.axes if axes.images]
    assert len(drawn) == 6
    for i, image in enumerate(drawn):
        assert np.array_equal(image.get_array(), layer.weight.array[i, 0])
    limits = {image.get_clim() for image in drawn}
    ((low, high),) = limits
    assert low == -high < 0


def test_weights_of_a_linear_layer_become_images() -> None:
    layer = nn.Linear(12, 5)
    found = images(layer, (3, 4))
    assert found.shape == (5, 1, 3, 4)
    assert np.array_equal(found[2, 0, 1], layer.weight.array[2, 4:8])
    with pytest.raises(ValueError, match="12 weights make no pictures of 5×5"):
        images(layer, (5, 5))
    with pytest.raises(TypeError, match="a layer with a weight"):
        images(nn.ReLU())


def test_images_are_drawn_as_they_are() -> None:
    array = RNG.random((3, 12))
    picture = plots.plot_images(array, [7, 8, 9], (3, 4))
    assert [axes.get_title() for axes in picture.axes] == ["7", "8", "9"]
    assert all(
        np.array_equal(axes.images[0].get_array(), a.reshape(3, 4)) for axes, a in zip(picture.axes, array, strict=True)
    )
    with pytest.raises(ValueError, match="a label for each of 3 images, got 1"):
        plots.plot_images(array, [7], (3, 4))
    with pytest.raises(ValueError, match=r"got \(3, 12\)"):
        plots.plot_images(array, image_shape=(5, 5))


# Every picture


def pictures() -> dict[str, Any]:
    model = make_model()
    path, seen = plots.WeightPath(model), plots.BoundaryRecorder(model, X, epochs=(0, 2), points=9)
    model.compile(optimizer="adam", loss="bce_with_logits")
    with plots.LayerRecorder(model, layers=["2", "4"]) as layers:
        history = model.fit(X, Y, epochs=2, callbacks=[path, seen], verbose=0)
    return {
        "landscape": plots.plot_landscape(plots.landscape(loss_of(model), model, path, points=5)),
        "plane": plots.plot_landscape(plots.landscape(loss_of(model), model, points=5)),
        "heat": plots.plot_histograms(layers.outputs),
        "log": plots.plot_histograms(layers.gradients, scale="log", what="gradient"),
        "ridge": plots.plot_histograms(layers.outputs, kind="ridge"),
        "norms": plots.plot_norms(layers.gradients),
        "boundary": plots.plot_boundaries(seen.frames, X, Y),
        "filters": plots.plot_filters(nn.Conv2d(1, 4, 3)),
        "colours": plots.plot_filters(nn.Conv2d(3, 4, 3)),
        "channels": plots.plot_filters(nn.Conv2d(2, 3, 3)),
        "images": plots.plot_images(np.arange(36).reshape(4, 9), "abcd", (3, 3)),
        "curves": plots.plot_curves(history, log=True),
    }


def test_every_picture_shows_itself_and_labels_its_axes() -> None:
    for name, picture in pictures().items():
        png = picture._repr_png_()
        assert png[:8] == b"\x89PNG\r\n\x1a\n", name
        assert len(png) < 60_000, name
        titles = {axes.get_title(side) for axes in picture.axes for side in ("center", "right")}
        labels = {text for axes in picture.axes for text in (axes.get_xlabel(), axes.get_ylabel())}
        assert name == "colours" or (titles | labels) - {""}, name


def test_a_picture_has_the_same_bytes_twice_and_keeps_its_size() -> None:
    picture = plots.plot_curves({"a": [1, 2, 3]})
    dpi = picture.dpi
    assert picture._repr_png_() == picture._repr_png_() == plots.plot_curves({"a": [1, 2, 3]})._repr_png_()
    assert picture.dpi == dpi


def test_matplotlib_is_imported_to_draw_and_pyplot_never() -> None:
    code = (
        "import sys; from nanonet.teach import plots; from nanonet import nn; assert 'matplotlib' not in sys.modules;"
        "plots.plot_filters(nn.Conv2d(1, 2, 3))._repr_png_(); assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
