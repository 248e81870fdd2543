"""On a device as on the CPU: what people do with tensors, modules, optimizers and training, beside the plain step."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.backends.base import HOMES, Doorway
from nanonet.backends.cuda.backend import backend
from nanonet.training import EarlyStopping, Trainer

A = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
cuda: Any = backend


def on(device: str, data: Any = A, **how: Any) -> nt.Tensor:
    return nt.tensor(data, device=device, **how)


def agree(compute: Any) -> None:
    """compute(device) gives the same numbers on both devices, and where it says so: cpu's are there and cuda's here."""
    expected, found = compute("cpu"), compute("cuda")
    assert len(expected) == len(found)
    for a, b in zip(expected, found, strict=True):
        assert (a.device, b.device) == ("cpu", "cuda")
        assert np.allclose(a.numpy(), b.cpu().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"])
def test_recurrent_modules_start_with_zeros_on_their_inputs_device(name: str) -> None:
    def compute(device: str) -> list[nt.Tensor]:
        nt.manual_seed(0)
        module = getattr(nn, name)(4, 2).to(device)
        x = on(device, A[None] if "Cell" not in name else A)
        uploads = cuda.uploads
        y = module(x)
        assert cuda.uploads == uploads
        first = y[0] if isinstance(y, tuple) else y
        (first * first).sum().backward()
        return [first, *[p.grad for p in module.parameters()]]

    agree(compute)


def test_masks_of_attention_may_be_arrays() -> None:
    def compute(device: str) -> list[nt.Tensor]:
        nt.manual_seed(0)
        attention = nn.MultiheadAttention(4, 2, batch_first=True).to(device)
        x = on(device, A[None])
        padding = np.array([[False, False, True]])
        y, weights = attention(x, x, x, attn_mask=np.triu(np.ones((3, 3), bool), 1), key_padding_mask=padding)
        return [y, weights]

    agree(compute)


@pytest.mark.parametrize(
    "key", [np.array([0, 2]), np.array([True, False, True]), (slice(None), np.array([1, 3])), [0, 2]], ids=str
)
def test_an_index_from_main_memory_reads_and_writes_on_the_device(key: Any) -> None:
    def compute(device: str) -> list[nt.Tensor]:
        x = on(device)
        x[key] = 7
        if isinstance(key, np.ndarray):
            x[nt.tensor(key)] = x[key] + 1  # a Tensor in main memory
        return [x, x[key]]

    agree(compute)


def test_derivatives_of_functions_take_device_tensors() -> None:
    def rows(x: nt.Tensor) -> nt.Tensor:
        return (x**3).sum(axis=1)

    def compute(device: str) -> list[nt.Tensor]:
        x = on(device)
        y, pull = nt.vjp(rows, x)
        by_array = nt.jvp(rows, (x,), (A,))[1]  # the tangent is brought to x
        return [nt.jacobian(rows)(x), nt.hessian(lambda x: rows(x).sum())(x), *pull(y), *pull(A[:, 0]), by_array]

    agree(compute)


def test_gradients_that_are_given_go_to_their_tensors_device() -> None:
    def compute(device: str) -> list[nt.Tensor]:
        x = on(device, requires_grad=True)
        x.grad = A
        y = x * 2
        y.register_hook(lambda dy: np.ones((3, 4)))
        y.backward(A.tolist())
        z = on(device, requires_grad=True)
        z.register_hook(lambda dy: A)
        z.sum().backward()
        return [x.grad, z.grad]

    agree(compute)


def test_a_gradient_tensor_of_another_device_is_refused() -> None:
    x, elsewhere = on("cuda", requires_grad=True), on("cpu")
    said = r"expected a gradient on cuda, as the tensor, got one on cpu; bring it there with \.to\('cuda'\)$"
    with pytest.raises(ValueError, match="^backward: " + said):
        (x * 2).backward(elsewhere)
    with pytest.raises(ValueError, match="^grad: " + said):
        x.grad = elsewhere
    x.register_hook(lambda dy: elsewhere)
    with pytest.raises(ValueError, match="^hook: " + said):
        x.sum().backward()


def test_random_tensors_like_another_lie_where_it_does() -> None:
    def compute(device: str) -> list[nt.Tensor]:
        nt.manual_seed(3)
        return [nt.randn_like(on(device)), nt.rand_like(on(device))]

    agree(compute)
    with nt.use("cuda"):
        assert nt.zeros_like(A).device == "cuda"
        assert nt.randn_like(on("cpu")).device == "cpu"


def test_a_nan_on_the_device_is_found() -> None:
    with nt.use("cuda"):
        x = on("cuda", [-1.0, 1.0], requires_grad=True)
        with (
            pytest.raises(nt.AnomalyError, match=r"the forward of log gave NaN in 1 of 2 elements"),
            nt.detect_anomaly(),
        ):
            nt.log(x)
        with nt.detect_anomaly():
            F.relu(x).sum().backward()
        with pytest.raises(nt.AnomalyError, match=r"the backward of sqrt gave Inf"), nt.detect_anomaly():
            nt.sqrt(x * 0).sum().backward()


def test_a_trace_shows_the_walk_back_on_the_device() -> None:
    with nt.use("cuda"):
        trace = nt.trace(lambda x, w: F.mse_loss(x @ w, nt.zeros(3, 2)), A, np.ones((4, 2), np.float32))
    assert {"forward", "backward"} <= {step.phase for step in trace.steps}


def test_gradcheck_says_where_it_checks() -> None:
    with pytest.raises(ValueError, match=r"^gradcheck: input 0 is on cuda, reference derivatives need main memory"):
        nt.gradcheck(F.gelu, on("cuda"))
    with pytest.raises(ValueError, match=r"^gradcheck: the module is on cuda"):
        nt.gradcheck(nn.Linear(4, 2).to("cuda"), A)
    with nt.use("cuda"):
        assert nt.gradcheck(F.gelu, A[:1, :2])


@pytest.mark.parametrize("make", [optim.Adam, optim.RMSprop, optim.Adagrad, optim.AdamW], ids=lambda m: m.__name__)
def test_an_optimizers_memory_follows_a_model_that_moves(make: Any) -> None:
    after = {}
    for devices in (("cpu", "cpu", "cpu"), ("cpu", "cuda", "cpu")):
        nt.manual_seed(0)
        model = nn.Linear(4, 2)
        optimizer = make(model.parameters(), lr=0.05)
        for device in devices:
            model.to(device)
            optimizer.zero_grad()
            (model(on(device)) ** 2).sum().backward()
            optimizer.step()
        after[devices] = model.weight.numpy()
    assert np.allclose(*after.values(), rtol=1e-4)


def test_the_best_weights_are_put_back_on_the_device(tmp_path: Path) -> None:
    def compute(device: str) -> list[nt.Tensor]:
        nt.manual_seed(0)
        x, y = np.tile(A, (2, 1)), np.array([0, 1, 1, 0, 1, 0])
        model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).to(device)
        trainer = Trainer(model, optimizer=optim.SGD(model.parameters(), lr=3.0), loss="cross_entropy")
        stop = EarlyStopping(patience=9, restore_best_weights=True)
        trainer.fit(x, y, epochs=3, batch_size=3, validation_data=(x, y), callbacks=[stop], verbose=0)
        path = trainer.save(tmp_path / device)
        trainer.fit(x, y, epochs=4, batch_size=3, callbacks=[stop], validation_data=(x, y), verbose=0, resume_from=path)
        return [p.detach() for p in model.parameters()]

    agree(compute)


def test_pickles_keep_the_device() -> None:
    model = pickle.loads(pickle.dumps(nn.Linear(4, 2).to("cuda")))
    assert model.weight.device == "cuda"


def test_a_summary_runs_the_model_where_it_is() -> None:
    model = nn.Linear(4, 2)
    said = str(model.summary((3, 4)))
    assert str(model.to("cuda").summary((3, 4))) == said == str(model.summary(A))


def test_after_a_block_every_kind_of_array_has_its_backend_again() -> None:
    before, homes = Doorway.backend, dict(HOMES)
    with nt.use("numba"):
        nt.use("cuda")
    with nt.use("cuda"), nt.use("numba"):
        nt.use("numpy")
        nt.use("cuda")
    with pytest.raises(KeyError), nt.use("cuda"):
        raise KeyError
    assert Doorway.backend is before
    assert homes == HOMES


def test_threads_may_compute_on_the_device_at_the_same_time() -> None:
    found: list[Any] = []

    def work() -> None:
        x = on("cuda", requires_grad=True)
        (F.relu(x) * 2).sum().backward()
        found.append(x.grad)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [x.cpu().numpy().tolist() for x in found] == [(2.0 * (A > 0)).tolist()] * 3


@pytest.mark.parametrize("device", ["gpu", "CUDA", "mps", 0])
def test_what_is_no_device_is_said_in_one_line(device: Any) -> None:
    for move in (nt.tensor([1.0]).to, nn.Linear(1, 1).to):
        with pytest.raises(TypeError, match=r"^dtype: expected .*; the devices are 'cpu' and 'cuda'$"):
            move(device)
    for name in ("cuda:0", "cpu:0"):
        assert nt.tensor([1.0]).to(name).device == name[:-2]
    with pytest.raises(ValueError, match=r"^device: expected 'cpu' or 'cuda', got 'cuda:1'"):
        nt.tensor([1.0]).to("cuda:1")
