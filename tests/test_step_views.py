"""A trace as Markdown, as a table, in a notebook: what they say is what the trace has, and they fit."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

import nanonet as nt
from nanonet.teach.trace import Debugger, Trace, trace
from nanonet.teach.views import arrays, latex
from nanonet.teach.views.notebook import MOST_STEPS
from tests.step_targets import a_trace, a_training_step

NUMBER = r"-?(?:\d+\.?\d*|\\infty|\\mathrm\{nan\})(?: \\cdot 10\^\{-?\d+\})?"


def numbers_of(formula: str) -> list[float]:
    """The numbers of a bmatrix."""
    body = re.findall(r"\\begin\{bmatrix\} (.*) \\end\{bmatrix\}", formula)[0]
    plain = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", body).replace(r"\infty", "inf").replace(r"\mathrm{nan}", "nan")
    return [float(part) for part in re.split(r" & | \\\\ ", plain)]


def check_matrices(found: Trace, text: str) -> None:
    """Does each small matrix that a step made stand in its section of the Markdown, with the engine's numbers?"""
    sections = re.split(r"\n### \d+\. ", text)[1:]
    assert len(sections) == len(found.steps)
    for step, section in zip(found.steps, sections, strict=True):
        for change in step.changes:
            if change.after is None or change.after.ndim not in (1, 2) or max(change.after.shape) > latex.MOST:
                continue
            name = found.nodes[change.node].name
            left = {"value": latex.name(name), "grad": latex.gradient(name), "stored": latex.name(f"{name}.grad")}
            shown = [
                line for line in section.split("\n") if line.startswith(f"{left[change.part]} = \\begin{{bmatrix}}")
            ]
            assert len(shown) == 1
            np.testing.assert_allclose(numbers_of(shown[0]), change.after.ravel(), rtol=5e-4)


@pytest.mark.parametrize("found", [a_trace(), a_training_step()], ids=["a loss", "a training step"])
def test_markdown_has_every_step_with_the_engines_numbers(found: Trace) -> None:
    check_matrices(found, found.to_markdown())


def test_the_check_of_markdown_finds_a_wrong_number() -> None:
    with pytest.raises(AssertionError):
        check_matrices(a_trace(), a_trace().to_markdown().replace("0.3833", "0.3843"))


def test_markdown_shows_the_code_the_terms_and_what_came_out(tmp_path: Path) -> None:
    path = tmp_path / "trace.md"
    text = a_trace().to_markdown(path)
    assert path.read_text(encoding="utf-8") == text
    assert "def _loss(x: nt.Tensor, w: nt.Tensor, b: nt.Tensor) -> nt.Tensor:\n    z = x @ w + b" in text
    assert "$dz$ is a sum of 2 terms, one for each use; 1 of them so far:\n\n- add (step 5): $" in text
    assert "| `b` | 2 | [0.1 -0.2] | [0.6034 0.8023] |" in text
    assert text.count("$$") == 2 * text.count("$$\n") / 2
    for line in text.split("\n"):
        assert line == line.rstrip()


def test_markdown_of_some_steps() -> None:
    found = a_trace()
    text = found.to_markdown(steps=[2, -1])
    assert re.findall(r"### (\d+)\.", text) == ["3", "17"]
    with pytest.raises(IndexError, match="expected steps from 0 to 16, got 17"):
        found.to_markdown(steps=[17])


def test_code_with_backticks_does_not_end_its_block(tmp_path: Path) -> None:
    found = a_trace()
    found.sources = {file: [f"{line}  # ``` and ` and $" for line in lines] for file, lines in found.sources.items()}
    text = found.to_markdown()
    assert "````python" in text
    assert "`` z = x @ w + b  # ``` and ` and $ ``" in text


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("z", "z"),
        ("w1", "w_{1}"),
        ("W_2", "W_{2}"),
        ("model.0.weight", r"\mathrm{model.0.weight}"),
        ("tanh 7", r"\mathrm{tanh~7}"),
        ("my_x", r"\mathrm{my\_x}"),
    ],
)
def test_names_in_latex(name: str, formula: str) -> None:
    assert latex.name(name) == formula


def test_arrays_in_latex() -> None:
    assert latex.array(np.array(1.5e-7)) == r"1.5 \cdot 10^{-7}"
    assert latex.array(np.array([np.nan, -np.inf])) == r"\begin{bmatrix} \mathrm{nan} & -\infty \end{bmatrix}"
    big = latex.array(np.arange(100.0).reshape(10, 10))
    assert big.count(r"\\") == 5
    assert r"\ddots" in big
    assert latex.array(np.zeros((2, 3, 4))) == r"2 \times 3 \times 4\text{ numbers, all 0}"
    assert latex.array(np.zeros((0, 3))) == r"0 \times 3\text{, empty}"


def test_an_array_fits_where_it_is_shown() -> None:
    rng = np.random.default_rng(0)
    for shape in ((), (3,), (70,), (3, 4), (40, 40), (2, 3, 4), (9, 9, 9, 9), (0, 2)):
        for scale in (1.0, 1e-30, 1e30):
            array = rng.standard_normal(shape) * scale
            assert len(arrays.inline(array, 40)) <= 40
            lines = arrays.rows(array, width=60, height=10)
            assert len(lines) <= 11
            assert max(map(len, lines)) <= 60
    assert arrays.inline(np.array([1.0, np.nan, np.inf])) == "[1 nan inf]"
    assert arrays.between(np.array([1.0, np.nan, 2.0])) == "1 … 2, 1 not finite"
    assert arrays.inline(np.array(-0.0)) == "0"
    assert arrays.inline(np.array([True, False])) == "[True False]"


class Cell(HTMLParser):
    """The tags of a cell, and its text by step."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.steps: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "details":
            self.steps.append("")

    def handle_data(self, data: str) -> None:
        if self.steps:
            self.steps[-1] += data + " "


def check_cell(found: Trace) -> None:
    """Has each step of the cell the values and gradients that the debugger has there?"""
    steps = Cell(found._repr_html_()).steps
    assert len(steps) == len(found.steps)
    debugger = Debugger(found)
    for text in steps:
        step = debugger.step()
        assert step is not None
        for node in dict.fromkeys((*step.inputs, *step.outputs)):
            if found.nodes[node].kind == "number":
                continue
            for array in (debugger.value(node), debugger.grad(node)):
                assert array is None or arrays.inline(array, 72) in text
        if step.kind == "forward":
            nodes = [found.nodes[node] for node in {*step.inputs, *step.outputs}]
            waiting = [node for node in nodes if node.wants_grad and debugger.grad(node.id) is None]
            assert text.count(" not yet ") == len(waiting)


def test_a_notebook_cell_has_every_step_with_its_numbers() -> None:
    check_cell(a_trace())
    check_cell(a_training_step(1))


def test_the_check_of_the_cell_finds_a_gradient_that_comes_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    grad = Debugger.grad
    monkeypatch.setattr(
        Debugger, "grad", lambda self, node: np.zeros(1) if grad(self, node) is None else grad(self, node)
    )
    found = a_trace()
    html = found._repr_html_()
    monkeypatch.undo()
    monkeypatch.setattr(Trace, "_repr_html_", lambda self: html)
    with pytest.raises(AssertionError):
        check_cell(found)


def test_a_notebook_cell_is_static_small_and_of_any_trace() -> None:
    long = a_training_step(40)
    html = long._repr_html_()
    cell = Cell(html)
    assert not {"script", "img", "link", "iframe"} & set(cell.tags)
    assert "http" not in html
    assert "url(" not in html
    assert len(html.encode()) < 200_000
    assert len(cell.steps) == MOST_STEPS + 1
    left_out = len(long.steps) - MOST_STEPS
    assert f"({left_out:,} of {len(long.steps):,})" in html
    assert len(trace(lambda x: nt.sum(x.reshape(-1)), np.ones((300, 300)))._repr_html_().encode()) < 200_000


def test_what_the_users_code_says_is_no_html() -> None:
    found = a_trace()
    found.sources = {file: [f"{line}  # <b>&" for line in lines] for file, lines in found.sources.items()}
    assert "# &lt;b&gt;&amp;" in found._repr_html_()
    assert "# <b>" not in found._repr_html_()


def test_colours_can_be_read_in_light_and_dark() -> None:
    """WCAG AA: 4.5 to 1 for text on its ground."""
    css = (Path(nt.__file__).parent / "teach/views/notebook.css").read_text(encoding="utf-8")
    for theme in re.findall(r"\{([^{}]*--ground[^{}]*)\}", css):
        colours = dict(re.findall(r"--(\w+): (#\w+)", theme))
        assert {"ground", "ink", "soft", "forward", "backward", "update"} <= set(colours)
        for name in ("ink", "soft", "forward", "backward", "update"):
            assert contrast(colours[name], colours["ground"]) >= 4.5, (name, colours)


def contrast(one: str, other: str) -> float:
    """Of two colours, by WCAG's formula."""
    light = sorted(luminance(colour) for colour in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_in_one_line_and_as_a_table() -> None:
    found = a_training_step()
    assert repr(found) == "Trace of 41 steps (12 forward, 16 backward, 13 update) and 20 tensors"
    lines = found.text().split("\n")
    assert len(lines) == 1 + len(found.steps)
    assert max(map(cell_len, lines)) <= 80
    assert all(step.title in line for step, line in zip(found.steps, lines[1:], strict=True))


def test_the_page_can_be_shown_in_a_cell() -> None:
    shown = a_trace().show(height=300)
    html = shown._repr_html_()  # type: ignore[attr-defined]
    assert html.startswith("<iframe ")
    assert "height:300px" in html
    assert "srcdoc=" in html
    assert "src=" not in html.replace("srcdoc=", "")[:200]
