"""Tensors on a device: where they go, what is refused, and that nothing is copied behind anyone's back."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.backends.cuda.backend import backend
from nanonet.backends.cuda.simulation import SimulatedCuda
from nanonet.data import DataLoader
from nanonet_kernels.cuda.memory import SimulatedArray

assert isinstance(backend, SimulatedCuda)
cuda = backend


@pytest.fixture
def copies() -> Iterator[Any]:
    """A function that gives the (uploads, downloads) since the test began, or since it was last called."""
    before = [cuda.uploads, cuda.downloads]

    def since() -> tuple[int, int]:
        found = cuda.uploads - before[0], cuda.downloads - before[1]
        before[:] = cuda.uploads, cuda.downloads
        return found

    return since


def test_a_tensor_goes_to_the_device_and_its_gradient_comes_back() -> None:
    x = nt.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True)
    y = x.to("cuda")
    assert (x.device, y.device, y.dtype) == ("cpu", "cuda", np.float32)
    (y * y).sum().backward()
    assert x.grad is not None
    assert x.grad.device == "cpu"
    assert np.array_equal(x.grad.numpy(), 2 * x.numpy())
    assert y.to("cuda") is y
    assert y.cpu().device == "cpu"


def test_second_derivatives_cross_devices() -> None:
    x = nt.tensor([2.0, 3.0])

    def cube(x: nt.Tensor) -> nt.Tensor:
        return (x.to("cuda") ** 3).sum()

    assert np.allclose(nt.grad(cube)(x).numpy(), 3 * x.numpy() ** 2)
    assert np.allclose(nt.grad(lambda x: nt.grad(cube)(x).sum())(x).numpy(), 6 * x.numpy())


def test_what_is_new_lies_where_the_backend_in_use_computes() -> None:
    with nt.use("cuda"):
        assert {nt.tensor([1.0]).device, nt.zeros(2).device, nt.randn(2).device, nt.arange(3).device} == {"cuda"}
        assert nn.Linear(2, 3).weight.device == "cuda"
        assert nt.tensor([1.0], device="cpu").device == "cpu"
    assert nt.tensor([1.0]).device == "cpu"
    assert nt.tensor([1.0], device="cuda").device == "cuda"


def test_operations_run_where_their_inputs_lie_whatever_is_in_use() -> None:
    x = nt.tensor([1.0, 2.0], device="cuda")
    assert (F.relu(x) + 1).device == "cuda"
    with nt.use("cuda"):
        assert (nt.tensor([1.0], device="cpu") * 2).device == "cpu"
    with nt.use("numba"):
        assert F.softmax(x, dim=0).device == "cuda"


def test_inputs_on_two_devices_are_refused_in_one_line() -> None:
    x, y = nt.tensor([1.0]), nt.tensor([1.0], device="cuda")
    for a, b in [(x, y), (y, x)]:
        with pytest.raises(
            ValueError, match=r"^add: the inputs lie on cpu and cuda; bring them together with \.to\(\)$"
        ):
            a + b


def test_the_ways_to_the_numbers_are_open_ones(copies: Any) -> None:
    x = nt.tensor([[1.5, 2.5]], device="cuda")
    for hidden in (x.numpy, lambda: np.asarray(x), lambda: np.asarray(x.data)):
        with pytest.raises(TypeError):
            hidden()
    assert copies() == (1, 0)
    assert x.cpu().numpy().tolist() == [[1.5, 2.5]] == x.tolist()
    assert float(x[0, 0]) == 1.5
    assert "device='cuda'" in repr(x)
    assert copies() == (0, 4)


def test_a_model_moves_with_its_gradients_and_optimizers_go_on() -> None:
    nt.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    twin = copy.deepcopy(model)
    x, y = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32), np.array([0, 1, 1, 0, 1, 0])
    weight = model[0].weight
    step(model, optim.SGD(model.parameters(), lr=0.1), nt.tensor(x), nt.tensor(y))
    assert model.to("cuda") is model
    assert model[0].weight is weight
    assert {p.device for p in model.parameters()} == {b.device for b in model.buffers()} == {"cuda"}
    assert weight.grad is not None
    assert weight.grad.device == "cuda"
    twin_optimizer, optimizer = optim.SGD(twin.parameters(), lr=0.1), optim.SGD(model.parameters(), lr=0.1)
    step(twin, twin_optimizer, nt.tensor(x), nt.tensor(y))
    for _ in range(3):
        expected = step(twin, twin_optimizer, nt.tensor(x), nt.tensor(y))
        found = step(model, optimizer, nt.tensor(x, device="cuda"), nt.tensor(y, device="cuda"))
        assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    model.cpu()
    for a, b in zip(model.state_dict().values(), twin.state_dict().values(), strict=True):
        assert np.allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)


def step(model: nn.Module, optimizer: optim.Optimizer, x: nt.Tensor, y: nt.Tensor) -> nt.Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 8), nn.GELU(), nn.LayerNorm(8), nn.Dropout(0.2), nn.Linear(8, 3))


def cnn() -> nn.Module:
    features = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(features, nn.Flatten(), nn.Linear(12, 3))


MODELS = {"mlp": (mlp, (6, 5)), "cnn": (cnn, (4, 1, 4, 4))}
OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", MODELS)
def test_a_network_trains_as_on_numpy_and_a_step_copies_nothing(name: str, optimizer: str, copies: Any) -> None:
    losses = {}
    for device in ("cpu", "cuda"):
        nt.manual_seed(1)
        make, shape = MODELS[name]
        model = make().to(device)
        rule = OPTIMIZERS[optimizer](model.parameters())
        rng = np.random.default_rng(2)
        x = nt.tensor(rng.normal(size=shape).astype(np.float32), device=device)
        y = nt.tensor(rng.integers(0, 3, shape[0]), device=device)
        found = [step(model, rule, x, y)]  # the first step may bring constants to the device
        copies()
        found += [step(model, rule, x, y) for _ in range(3)]
        assert copies() == (0, 0)
        losses[device] = [loss.item() for loss in found]
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=2e-5)
    assert losses["cpu"][-1] != losses["cpu"][0]


def test_a_step_that_reads_the_device_is_caught() -> None:
    x = nt.tensor([1.0, 2.0], device="cuda").data
    assert isinstance(x, SimulatedArray)
    for hidden in (
        bool,
        float,
        int,
        list,
        np.asarray,
        lambda x: np.add(x, 1),
        lambda x: x + np.ones(2),
        lambda x: x.item(),
    ):
        with pytest.raises(TypeError):
            hidden(x)


def test_a_loader_copies_one_batch_ahead_and_counts_only_what_it_gave(copies: Any) -> None:
    x, y = np.arange(12, dtype=np.float32).reshape(6, 2), np.arange(6)
    loader = DataLoader((x, y), batch_size=2, device="cuda")
    batches = iter(loader)
    first = next(batches)
    assert copies() == (4, 0)
    assert [t.device for t in first] == ["cuda", "cuda"]
    assert loader.state_dict()["position"] == 1
    rest = list(batches)
    assert np.concatenate([b[0].cpu().numpy() for b in [first, *rest]]).tolist() == x.tolist()


def test_fit_evaluate_predict_and_checkpoints_follow_the_model(tmp_path: Path) -> None:
    from nanonet.training import Trainer

    figures = {}
    for device in ("cpu", "cuda"):
        nt.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)).to(device)
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(20, 3)).astype(np.float32), rng.integers(0, 2, 20)
        trainer = Trainer(model, optimizer="adam", loss="cross_entropy", metrics=["accuracy"])
        history = trainer.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        path = trainer.save(tmp_path / device)
        figures[device] = [history["loss"], trainer.evaluate(x, y)["loss"], trainer.predict(x[:2]).tolist()]
        assert path.exists()
    assert np.allclose(np.array(figures["cuda"][2]), np.array(figures["cpu"][2]), rtol=1e-4)
    assert figures["cuda"][0] == pytest.approx(figures["cpu"][0], rel=1e-5)


def test_gradients_are_clipped_on_the_device(copies: Any) -> None:
    model = nn.Linear(3, 2).to("cuda")
    model(nt.ones(4, 3).to("cuda")).sum().backward()
    copies()
    norm = (
        optim.clip_grad_norm_(model.parameters(), 0.5)
        if hasattr(optim, "clip_grad_norm_")
        else nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    )
    assert copies() == (0, 0)
    assert norm.device == "cuda"
    total = sum(float((p.grad * p.grad).sum()) for p in model.parameters())
    assert total == pytest.approx(0.25, rel=1e-4)


def test_state_dicts_go_between_devices() -> None:
    a, b = nn.Linear(2, 2), nn.Linear(2, 2).to("cuda")
    b.load_state_dict(a.state_dict())
    assert np.array_equal(b.weight.cpu().numpy(), a.weight.numpy())
    a.load_state_dict(b.state_dict())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_parameters_and_the_optimizers_memory_stay_where_they_are(optimizer: str) -> None:
    """What a CUDA graph of a step needs: the same addresses in every step."""
    model = mlp().to("cuda")
    rule = OPTIMIZERS[optimizer](model.parameters())
    x, y = nt.randn(6, 5).to("cuda"), nt.tensor([0, 1, 2, 0, 1, 2], device="cuda")
    step(model, rule, x, y)
    arrays = [p.array for p in model.parameters()]
    arrays += [a for state in rule.state.values() for a in state.values() if isinstance(a, SimulatedArray)]
    before = [a.host.ctypes.data for a in arrays]
    values = [a.get() for a in arrays]
    step(model, rule, x, y)
    now = [p.array for p in model.parameters()]
    now += [a for state in rule.state.values() for a in state.values() if isinstance(a, SimulatedArray)]
    assert all(a is b for a, b in zip(arrays, now, strict=True))
    assert [a.host.ctypes.data for a in now] == before
    assert any(not np.array_equal(a.get(), b) for a, b in zip(now, values, strict=True))


def test_out_of_range_labels_give_nan_instead_of_a_wait() -> None:
    loss = F.cross_entropy(nt.randn(3, 4).to("cuda"), nt.tensor([0, 4, 1], device="cuda"), reduction="none")
    assert np.isnan(loss.cpu().numpy()).tolist() == [False, True, False]


def test_dropout_has_the_same_mask_on_every_backend() -> None:
    masks = {}
    for name in ("numpy", "numba", "cuda"):
        with nt.use(name):
            nt.manual_seed(7)
            masks[name] = F.dropout(nt.ones(9, 11), 0.3).cpu().numpy()
    assert np.array_equal(masks["numpy"], masks["numba"])
    assert np.array_equal(masks["numpy"], masks["cuda"])
    assert 0.5 < np.mean(masks["numpy"] > 0) < 0.9


def test_a_trace_of_device_tensors_shows_their_numbers() -> None:
    with nt.use("cuda"):
        trace = nt.trace(lambda x: (F.relu(x) * 2).sum(), nt.tensor([[1.0, -2.0]]))
        assert "relu" in trace.to_markdown()


def test_the_command_trains_on_the_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from nanonet.cli import main

    options = [
        "--hidden",
        "4",
        "--epochs",
        "1",
        "--batch-size",
        "64",
        "--backend",
        "cuda",
        "--out",
        str(tmp_path / "run"),
    ]
    assert main(["train", "iris", *options]) == 0
    assert "accuracy" in capsys.readouterr().out
    assert list((tmp_path / "run").glob("*.safetensors"))
