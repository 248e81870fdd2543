"""Mistakes in the middle of a forward: its steps are followed, and a mistake is tried in each."""

import numpy as np
import pytest

import nanonet as nt
from nanonet.gradcheck.diagnosis.traced import trace

rng = np.random.default_rng(17)


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def excite(x, W, V):
    """Channels are scaled by a gate that their means open."""
    return x * sigmoid(np.tanh(x.mean(1) @ W) @ V)[:, None]


def excite_backward(mistake):
    def backward(dy, x, W, V):
        h = np.tanh(x.mean(1) @ W)
        z = sigmoid(h @ V)
        dz = (dy * x).sum(1) * (1.0 if mistake == "no gate slope" else z * (1 - z))
        da = dz @ (V if mistake == "V for its transpose" else V.T)
        da = da * (1 - (x.mean(1) @ W if mistake == "argument for value" else h) ** 2)
        if mistake == "noise":
            da = da * (1 + 0.3 * np.sin(9 * da))
        through = (da @ W.T)[:, None] / x.shape[1]
        return (0 if mistake == "no direct path" else dy * z[:, None]) + through, None, None

    return lambda dy, x, W, V: (backward(dy, x, W, V)[0] + 0 * x, *right_weights(dy, x, W, V))


def right_weights(dy, x, W, V):
    h = np.tanh(x.mean(1) @ W)
    z = sigmoid(h @ V)
    dz = (dy * x).sum(1) * z * (1 - z)
    return x.mean(1).T @ ((dz @ V.T) * (1 - h**2)), h.T @ dz


EXCITE = [rng.standard_normal(s) for s in ((2, 4, 3), (3, 3), (3, 3))]


@pytest.mark.parametrize(
    ("mistake", "kinds"),
    [
        ("no gate slope", {"missing-factor"}),
        ("V for its transpose", {"transpose"}),
        ("argument for value", {"input-for-output"}),
        ("no direct path", {"missing-term", "overwritten"}),
        ("noise", {"unknown"}),
    ],
)
def test_a_mistake_in_a_step_is_named_and_noise_is_not(mistake, kinds):
    report = nt.check_backward(excite, excite_backward(mistake), EXCITE)
    assert report.verdict == "fail"
    assert report.cause is not None
    assert report.cause.kind in kinds, report.cause


def running(x, a):
    h, found = np.zeros(x.shape[1]), []
    for row in x:
        h = np.tanh(a * h + row)
        found.append(h)
    return np.stack(found)


def running_backward(mistake):
    def backward(dy, x, a):
        hs = [np.zeros(x.shape[1]), *running(x, a)]
        dh, dx, da = np.zeros(x.shape[1]), np.zeros_like(x), np.zeros_like(a)
        for t in reversed(range(len(x))):
            dz = (dh + dy[t]) * (1 if mistake == "no slope" else 1 - hs[t + 1] ** 2)
            dx[t] = dz
            da += dz * hs[t + 1 if mistake == "next state" else t]
            dh = dz * (1 if mistake == "no weight" else a)
        return dx, da

    return backward


@pytest.mark.parametrize(
    ("mistake", "kind"),
    [("no slope", "missing-factor"), ("no weight", "missing-factor"), ("next state", "off-by-one")],
)
def test_the_same_mistake_in_every_turn_of_a_loop_is_named(mistake, kind):
    inputs = [rng.standard_normal((4, 3)), rng.uniform(0.3, 0.9, 3)]
    assert nt.check_backward(running, running_backward(""), inputs).verdict == "pass"
    report = nt.check_backward(running, running_backward(mistake), inputs)
    assert report.cause is not None
    assert report.cause.kind == kind, report.cause


def test_a_forward_that_cannot_be_followed_is_not_followed():
    x = rng.standard_normal(5)
    followed = trace(lambda v: np.exp(v[0]) * 2, [x], np.exp(x) * 2)
    assert followed is not None
    assert [s.name for s in followed.steps] == ["input 0", "exp", "multiply"]
    for forward in (lambda v: np.asarray(v[0]) * 2, lambda v: np.array([float(e) for e in v[0]]), lambda v: 3.0):
        assert trace(forward, [x], 2 * x) is None


def test_steps_can_be_run_again_at_other_values():
    x, y = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))

    def forward(values):
        z = np.einsum("ij,jk->ik", values[0], values[1])
        z[0] = 0.5
        z += 1
        return np.concatenate([z[:, ::-1], z.T.reshape(3, 2)], 1)

    tape = trace(forward, [x, y], forward([x.copy(), y.copy()]))
    assert tape is not None
    for step in tape.steps[2:]:
        again = step.run(*[tape.steps[k].value for k in step.parents])
        np.testing.assert_array_equal(again, step.value)
