"""Traces to make pages of, and a browser that reads what a page shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.teach import Trace
from nanonet.teach.trace import State, trace, tracing


def shared() -> Trace:
    """h is used three times: its gradient has three terms."""

    def f(x: Any, w: Any) -> Any:
        h = nt.tanh(x * w)
        return nt.sum(h * h + h)

    return trace(f, np.array([0.5, -1.0]), np.array([2.0, 0.25]))


def broadcast() -> Trace:
    """A row, a column and a number meet; a view and a constant take part."""

    def f(row: Any, column: Any) -> Any:
        table = row + column * 3.0
        return nt.mean(table.T * np.arange(6.0).reshape(3, 2))

    return trace(f, np.array([[0.1, -0.2, 1 / 3]]), np.array([[1e-17], [-2.5e30]]))


def scalars() -> Trace:
    """0-d tensors, -0.0, and values that need all 17 digits."""
    return trace(lambda a, b: (a * b + nt.exp(b)) / 3.0, np.array(-0.0), np.array(0.1 + 0.2))


def not_numbers() -> Trace:
    """NaN and the infinities, in the forward and in the backward."""
    with np.errstate(all="ignore"):
        return trace(lambda x: nt.log(x) * x, np.array([0.0, -1.0, np.inf, 2.0]))


def integers() -> Trace:
    """Whole numbers, truth values and float32 beside each other."""
    table = nt.tensor(np.arange(8, dtype="f4").reshape(4, 2), requires_grad=True)
    rows = nt.tensor(np.array([3, 1, 1], dtype="i8"))
    with tracing() as found:
        chosen = F.embedding(rows, table)
        loss = nt.sum(nt.where(chosen > 2.5, chosen, chosen * 0.1))
        loss.backward()
    return found


def training(steps: int = 2) -> Trace:
    """Steps of training: modules, a loss, an optimizer with a memory, zero_grad."""
    nt.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    x = nt.tensor(np.random.default_rng(0).normal(size=(4, 3)))
    y = nt.tensor(np.array([0, 1, 1, 0]))
    with tracing() as found:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
    return found


def deep(layers: int, width: int = 16) -> Trace:
    """A model of many modules: 4 nodes for each layer."""
    nt.manual_seed(0)
    model = nn.Sequential(*[part for _ in range(layers) for part in (nn.Linear(width, width), nn.Tanh())])
    x = nt.tensor(np.random.default_rng(0).normal(size=(8, width)))
    with tracing() as found:
        loss = (model(x) ** 2).mean()
        loss.backward()
    return found


class Block(nn.Module):
    """Fifty operations."""

    def forward(self, x: Any) -> Any:
        for _ in range(25):
            x = nt.tanh(x) * 1.5
        return x


def blocks(count: int) -> Trace:
    """A model of blocks within blocks: 50 results and 25 numbers in each."""
    size = 8
    model = nn.Sequential(*[nn.Sequential(*[Block() for _ in range(size)]) for _ in range(count // size)])
    return trace(model, np.array([0.5, -1.0]), gradient=np.ones(2))


def long(operations: int) -> Trace:
    """A long chain without modules."""

    def f(x: Any) -> Any:
        for _ in range(operations // 2):
            x = nt.tanh(x) + x
        return nt.sum(x)

    return trace(f, np.array([0.5, -1.0]))


TRACES = {f.__name__: f for f in (shared, broadcast, scalars, not_numbers, integers, training)}


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright; skips with the reason where one of them is missing."""
    chromium = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed (pip install nanonet[pages])"
    )
    if chromium is None:
        pytest.skip("no Chromium is installed here")
    with playwright.sync_playwright() as p:
        arguments = ["--no-sandbox", "--disable-gpu"]
        found = p.chromium.launch(executable_path=chromium, args=arguments)
        yield found
        found.close()


READ = """() => ({
  step: document.body.dataset.step, steps: document.body.dataset.steps,
  nodes: [...document.querySelectorAll("[data-node]")].map((e) => ({...e.dataset})),
})"""


def differences(page: Any, trace: Trace, state: State, summaries: bool = False) -> list[str]:
    """Where the page, as it stands in the browser, shows something else than the trace's state."""
    seen = page.evaluate(READ)
    found = [] if seen["step"] == str(state.position) else [f"data-step is {seen['step']}, expected {state.position}"]
    for shown in seen["nodes"]:
        node = trace.nodes[int(shown["node"])]
        if shown["op"] != node.op:
            found.append(f"{node.name}: data-op is {shown['op']}")
        for part, array in (("value", state.value(node.id)), ("grad", state.grad(node.id))):
            if not same(shown[part], array, summaries):
                found.append(f"step {state.position}, {node.name}: the {part} is {shown[part]:.200}, expected {array}")
    return found


def same(text: str, array: np.ndarray | None, summaries: bool = False) -> bool:
    """Does JSON say the same as an array, bit for bit? With `summaries` it may also be its shape and range."""
    value = json.loads(text)
    if summaries and isinstance(value, dict) and array is not None:
        return value == {"shape": [*array.shape], "min": array.min(), "max": array.max(), "mean": array.mean()}
    if array is None or value is None:
        return array is None and value is None
    read = np.array(value, dtype=object)
    words = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
    flat = [words.get(x, x) if isinstance(x, str) else x for x in read.reshape(-1)]
    numbers = np.array(flat, dtype=array.dtype).reshape(read.shape)
    if numbers.shape != array.shape:
        return False
    unknown = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)  # a NaN has many bit patterns
    return bool(np.all(np.isnan(numbers[unknown]))) and numbers[~unknown].tobytes() == array[~unknown].tobytes()


def opened(browser: Any, path: Path, **settings: Any) -> Any:
    """A tab with a page in it; an error in the page's script fails the test."""
    tab = browser.new_page(**settings)
    tab.errors = []
    tab.requests = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.on("console", lambda message: tab.errors.append(message.text) if message.type == "error" else None)
    tab.on("request", lambda request: tab.requests.append(request.url))
    tab.goto(path.as_uri())
    return tab
