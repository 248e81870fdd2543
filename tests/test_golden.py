"""The worked examples come out the same by the engine, by the pseudocode and by hand; Mazur's to the printed digits."""

from __future__ import annotations

import inspect
from dataclasses import replace
from decimal import Decimal, getcontext

import numpy as np
import pytest

from nanonet.teach import pseudocode as doc
from nanonet.teach.documents import Golden, golden_example, golden_examples, hand, mazur, regression, same_digits
from nanonet.teach.documents.networks import MAZUR, THREE_FIVE_TWO

NAMES = [one.name for one in golden_examples()]


def differences(one: Golden) -> dict[str, float]:
    """The largest difference between the three ways, by the value's name."""
    engine, pseudocode, by_hand = one.by_engine(), one.by_pseudocode(), one.by_hand(one.network)
    assert set(engine) == set(by_hand)
    assert set(engine) <= set(pseudocode)
    return {
        name: max(np.abs(np.ravel(value) - np.ravel(other[name])).max() for other in (pseudocode, by_hand))
        for name, value in engine.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_three_ways_agree(name: str) -> None:
    assert max(differences(golden_example(name)).values()) < 1e-13


def test_a_wrong_formula_by_hand_is_found() -> None:
    """D2 (4), planted: without w_kj the hidden gradients differ, and all else agrees."""

    def without_weights(net):
        found = hand.two_layers("cross-entropy")(net)
        dZ2 = found["Ŷ"] - net.Y
        dZ1 = dZ2.sum() * found["A1"] * (1 - found["A1"])
        return found | {"dW0": dZ1 @ net.X.T, "db0": dZ1}

    wrong = differences(replace(golden_example("D2 3-5-2"), by_hand=without_weights))
    assert {name for name, difference in wrong.items() if difference > 1e-6} == {"dW0", "db0"}


@pytest.mark.parametrize("name", NAMES)
def test_the_function_and_its_inputs_are_ready_for_a_trace(name: str) -> None:
    one = golden_example(name)
    function, inputs = one.function, one.inputs()
    assert list(inspect.signature(function).parameters)[:3] == ["X", "Y", "W0"] or name == "D0 X = I2"
    assert all(x.dtype == np.float64 for x in inputs)
    assert [x.requires_grad for x in inputs] == [False, False] + [True] * (len(inputs) - 2)
    assert function(*inputs).item() == one.by_engine()["J"]


def test_identity_example_as_on_paper() -> None:
    """X = I₂: Z = (-0.2, 0.5), A = (0, 0.5), A - Y = (-1, 0.5), L = ½ (1 + 0.25), dZ = (0, 0.5) = dW."""
    values = golden_example("D0 X = I2").by_engine()
    for name, expected in {"Z1": [[-0.2, 0.5]], "Ŷ": [[0, 0.5]], "J": 0.625, "dW0": [[0, 0.5]], "db0": [[0.5]]}.items():
        np.testing.assert_allclose(values[name], expected, rtol=1e-15)


def test_one_step_lowers_every_loss() -> None:
    for one in golden_examples():
        before, after = one.by_engine(), one.by_engine()
        parameters = [after[f"{kind}{i}+"] for i in range(len(one.network.W)) for kind in "Wb"]
        stepped = replace(one.network, W=tuple(parameters[0::2]), b=tuple(parameters[1::2]))
        assert replace(one, network=stepped).by_engine()["J"] < before["J"]


# Mazur

METHODS = {"engine": mazur.engine, "pseudocode": mazur.pseudocode, "by hand": mazur.hand}
OFF_BY_ONE = "∂E_o2/∂out_h1"


@pytest.fixture(scope="module")
def computed() -> dict[str, dict[str, float]]:
    return {name: mazur.values(method) for name, method in METHODS.items()}


@pytest.mark.parametrize("way", METHODS)
@pytest.mark.parametrize("name", mazur.PUBLISHED)
def test_mazurs_numbers_to_the_printed_digits(name: str, way: str, computed: dict[str, dict[str, float]]) -> None:
    assert same_digits(mazur.PUBLISHED[name], computed[way][name]) == (name != OFF_BY_ONE)


def test_reproduce_gives_each_published_number_beside_the_computed_one(computed: dict[str, dict[str, float]]) -> None:
    one = replace(golden_example("Mazur 2-2-2"), computed=lambda: computed["engine"])
    assert one.reproduce() == {name: (text, computed["engine"][name]) for name, text in mazur.PUBLISHED.items()}
    assert golden_example("Mazur 2-2-2").computed is mazur.by_engine
    assert len(one.reproduce()) == 31


def test_the_three_ways_agree_after_ten_thousand_updates(computed: dict[str, dict[str, float]]) -> None:
    for name, value in computed["engine"].items():
        for way in METHODS:
            assert computed[way][name] == pytest.approx(value, rel=1e-9)


def test_one_printed_number_is_one_unit_off() -> None:
    """∂E_o2/∂out_h1 with 30 digits: -0.01904911825…, which rounds to -0.019049118; printed is -0.019049119.

    The article's own sum uses it: 0.055399425 - 0.019049119 = 0.036350306, and so does the other value.
    """
    getcontext().prec = 30

    def sigmoid(z: Decimal) -> Decimal:
        return 1 / (1 + (-z).exp())

    def d(text: str) -> Decimal:
        return Decimal(text)

    h1 = sigmoid(d("0.15") * d("0.05") + d("0.20") * d("0.10") + d("0.35"))
    h2 = sigmoid(d("0.25") * d("0.05") + d("0.30") * d("0.10") + d("0.35"))
    o2 = sigmoid(d("0.50") * h1 + d("0.55") * h2 + d("0.60"))
    exact = (o2 - d("0.99")) * o2 * (1 - o2) * d("0.50")
    assert exact.quantize(d("0.00000000001")) == d("-0.01904911826")
    assert abs(exact - d(mazur.PUBLISHED[OFF_BY_ONE])) < d("0.000000001")


def test_the_later_numbers_belong_to_the_new_output_weights() -> None:
    """The article tells to use the old ones. With these, the first update's w₁⁺ is as printed, but not what follows."""
    plain = mazur.outputs(mazur.hand, (1, 9999, 10_000))
    new = mazur.outputs(mazur.hand, (1, 10_000), new_weights=True)
    printed = {name: mazur.PUBLISHED[f"{name} after 10,000 updates"] for name in ("E", "out_o1", "out_o2")}
    after_one = mazur.PUBLISHED["E after 1 update"]
    assert same_digits(after_one, mazur.error(new[1]))
    assert not same_digits(after_one, mazur.error(plain[1]))
    for i, name in enumerate(("out_o1", "out_o2")):
        assert same_digits(printed[name], new[10_000][i])
        assert not same_digits(printed[name], plain[10_000][i])
    assert same_digits(printed["E"], mazur.error(plain[9999]))
    assert not same_digits(printed["E"], mazur.error(plain[10_000]))
    assert not same_digits(printed["E"], mazur.error(new[10_000]))
    new_w1 = MAZUR.W[0] - MAZUR.alpha * mazur.hand(MAZUR.W[0], MAZUR.W[1], True).dW0
    assert not same_digits(mazur.PUBLISHED["w1+"], new_w1[0, 0])


def test_same_digits_sees_one_unit_in_the_last_place() -> None:
    for text in mazur.PUBLISHED.values():
        unit = 10.0 ** -len(text.partition(".")[2])
        assert same_digits(text, float(text))
        assert not same_digits(text, float(text) + unit)
        assert not same_digits(text, float(text) - 0.6 * unit)


# The regression


def test_regression_reaches_the_least_squares_line_three_ways() -> None:
    x, y = regression.points()
    best = regression.least_squares(x, y)
    np.testing.assert_allclose(regression.descend(x, y, epochs=1000), best, rtol=1e-12)

    W, b = [np.zeros((1, 1))], [np.zeros((1, 1))]
    for _ in range(1000):
        Z, A = doc.forward(x.T, W, b)
        _, dW, db = doc.backward(y.T, W, Z, A)
        doc.update(W, b, dW, db, alpha=0.1)
    J = doc.loss(y.T, doc.forward(x.T, W, b)[1][1], x.size)
    np.testing.assert_allclose((W[0].item(), b[0].item(), J), best, rtol=1e-12)
    np.testing.assert_allclose(np.polyfit(x[:, 0], y[:, 0], 1), best[:2], rtol=1e-12)


def test_regression_goes_to_slope_2_intercept_1_5_and_loss_1_12() -> None:
    """To the standard errors of n points: σ/√(n var x), σ/√n, and √((1/80 - 1/144)/n), three of each at most."""
    for n in (100, 10_000, 100_000):
        slope, intercept, loss = regression.least_squares(*regression.points(n))
        assert abs(slope - 2) < 3 * np.sqrt(1 / 12 / n / (4 / 3))
        assert abs(intercept - 1.5) < 3 * np.sqrt(1 / 12 / n)
        assert abs(loss - 1 / 12) < 3 * np.sqrt((1 / 80 - 1 / 144) / n)


def test_refuses_an_unknown_name() -> None:
    with pytest.raises(ValueError, match=r"expected one of D0 ReLU network, .*; got 'D9'"):
        golden_example("D9")


def test_labels_fit_the_outputs_of_the_corrected_example() -> None:
    assert THREE_FIVE_TWO.Y.shape == (THREE_FIVE_TWO.W[1].shape[0], 1)
