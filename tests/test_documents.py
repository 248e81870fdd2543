"""The documents' programs reach what they should, on real data, and repeat exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

import nanonet as nt
from nanonet import data, nn


def digits_run(seed: int) -> tuple[float, Any]:
    """D2's 128-64-10 network on scikit-learn's digits: (test accuracy, history)."""
    digits = data.load("digits")
    x, x_test, y, y_test = data.train_test_split(digits.x, digits.y, test_size=0.2, seed=0, stratify=digits.y)
    nt.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)  # for ReLU; the default start needs standardised inputs
    model.compile(optimizer="adam", loss="cross_entropy", metrics=("accuracy",))
    history = model.fit(x, y, epochs=20, batch_size=32, seed=seed, verbose=False)
    return model.evaluate(x_test, y_test)["accuracy"], history


def test_d2_digits_reach_97_percent_and_repeat() -> None:
    accuracy, history = digits_run(seed=0)
    assert accuracy >= 0.97
    again, history_again = digits_run(seed=0)
    assert again == accuracy
    assert history_again["loss"] == history["loss"]


def test_d2_regression_finds_the_line_and_the_noise_floor() -> None:
    """y = 2x + 1 + U(0, 1): slope 2, intercept 1.5, loss 1/12 (the document's 0.0035 is below the noise)."""
    x, y = data.linear(n=100, seed=0)
    nt.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 1))
    model.compile(optimizer="sgd", loss="mse", metrics=())
    history = model.fit(x, y, epochs=100, batch_size=32, seed=0, verbose=False)
    line: Any = model[0]
    assert abs(line.weight.item() - 2) < 0.1
    assert abs(line.bias.item() - 1.5) < 0.1
    assert abs(history["loss"][-1] - 1 / 12) < 0.02
    prediction = model.predict(np.array([[3.0]], np.float32))
    assert abs(float(prediction[0, 0]) - 7.5) < 0.3
