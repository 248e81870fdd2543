"""Each idea's claim holds for the numbers that it computes."""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from nanonet.teach import ideas
from nanonet.teach.ideas import Idea, batch_norm, counting, dead_relu, learning_rate, modes, order, recursion
from nanonet.teach.ideas.idea import Table

WITH_A_PICTURE = {"modes", "vanishing", "dead_relu", "learning_rate", "batch_norm"}


@cache
def computed(name: str) -> Idea:
    return ideas.get(name)


# The claims, each as a question to the numbers, so that other numbers can be asked too


def order_holds(figures: dict[str, Any]) -> bool:
    """The topological walk gives the slope, neither naive one does, and only it visits each operation once."""
    walks, slopes = figures["walks"], figures["slopes"]

    def right(walk: str) -> bool:
        return all(math.isclose(walks[walk][name], slope, rel_tol=1e-9) for name, slope in slopes.items())

    counts = all(paths == 2**depth - 1 and visits == depth for depth, (paths, visits) in figures["paths"].items())
    return right("topological") and not right("each once") and not right("sum so far") and counts


def modes_hold(figures: dict[str, Any]) -> bool:
    """Same Jacobian; forward mode pays for each input, reverse mode for each output."""
    wide, tall = figures["wide"], figures["tall"]
    same = all(found[2] < 1e-12 for found in (*wide.values(), *tall.values()))
    return same and wide[64][0] > 50 * wide[64][1] and tall[64][1] > 50 * tall[64][0] and wide[1][:2] == tall[1][:2]


def softmax_holds(figures: dict[str, Any]) -> bool:
    """The chain is (p - y)/N, so is the fused rule; far out, only the fused one is left."""
    close = figures["difference"] < 1e-15 and np.allclose(figures["fused"], figures["short"], rtol=1e-14, atol=1e-16)
    far = figures["far"]
    return bool(close and np.isnan(far["composed"][1]) and far["fused"] == (800.0, -1.0, 1.0))


def vanishing_holds(figures: dict[str, Any]) -> bool:
    """Sigmoid's gradient falls by a factor at every layer, tanh's and ReLU's stay of one size."""
    falls = bool(np.all(figures["norms"]["sigmoid"][:-1] < 0.5 * figures["norms"]["sigmoid"][1:]))
    ratios = figures["ratios"]
    return falls and ratios["sigmoid"] < 0.25**11 and all(0.1 < ratios[name] < 10 for name in ("tanh", "relu"))


def dead_holds(figures: dict[str, Any]) -> bool:
    """A silent unit has no gradient and only such a unit; bias and learning rate kill; a leak keeps alive."""
    biased, stepped = figures["biased"], figures["stepped"]
    one = all(f.silent == f.no_gradient for f in (*(b[0] for b in biased.values()), *stepped.values()))
    kills = (
        biased[0.0][0].silent < 0.01 < 0.9 < biased[-8.0][0].silent
        and stepped[0.01].silent < 0.2 < stepped[0.12].silent
    )
    return one and kills and all(leak.no_gradient == 0 for _, leak in biased.values())


def learning_rate_holds(figures: dict[str, Any]) -> bool:
    """w after k steps is (1 - αh)^k; a push of the net grows by 1 - αλ each step, and beyond 2/λ it grows."""
    parabola = all(np.allclose(w, (1 - p) ** np.arange(len(w)), rtol=1e-12) for p, w in figures["paths"].items())
    factors = all(math.isclose(f, 1 - 2 * share, abs_tol=1e-4) for share, f in figures["growth"].items())
    losses = figures["losses"]
    return parabola and factors and losses[0.9] < 1e-3 < losses[1.5]


def batch_norm_holds(figures: dict[str, Any]) -> bool:
    """Each path is its formula; the three make the engine's rule, two of them never do; dx sums to 0."""
    taped, written, rule = figures["taped"], figures["written"], figures["rule"]
    paths = all(np.allclose(taped[path], written[path], rtol=1e-12, atol=1e-15) for path in taped)
    needed = all(np.max(np.abs(rule - (figures["total"] - dx))) > 1e-2 for dx in taped.values())
    return bool(paths and needed and np.allclose(figures["total"], rule, rtol=1e-12) and abs(rule.sum()) < 1e-15)


def recursion_holds(figures: dict[str, Any]) -> bool:
    """The recursion stops at the limit, the loop goes through with the known gradient."""
    stopped = figures["error"] == "RecursionError" and 0 < figures["reached"] < figures["limit"] < figures["operations"]
    return stopped and math.isclose(figures["gradient"], figures["expected"], rel_tol=1e-9)


CLAIMS = {
    "order": order_holds,
    "modes": modes_hold,
    "softmax_cross_entropy": softmax_holds,
    "vanishing": vanishing_holds,
    "dead_relu": dead_holds,
    "learning_rate": learning_rate_holds,
    "batch_norm": batch_norm_holds,
    "recursion": recursion_holds,
}


@pytest.mark.parametrize("name", ideas.NAMES)
def test_the_claim_holds(name: str) -> None:
    assert CLAIMS[name](computed(name).figures)


# Contradictions planted in the programs: the claim must not survive them


def test_a_walk_in_topological_order_is_not_mistaken_for_a_naive_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "once", order.topological)
    assert not order_holds(order.idea().figures)


def test_a_batch_norm_rule_without_its_variance_path_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    two = batch_norm.path_alone("direct") + batch_norm.path_alone("mean")
    monkeypatch.setattr(batch_norm, "engine_rule", lambda: two)
    assert not batch_norm_holds(batch_norm.idea().figures)


def test_a_forward_mode_that_counts_one_pass_only_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = modes.forward_mode
    monkeypatch.setattr(modes, "forward_mode", lambda ws, x: (right(ws, x)[0], right(ws, x)[1] // len(x)))
    assert not modes_hold(modes.idea().figures)


def test_units_that_leak_are_not_called_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_relu, "relu", dead_relu.leaky_relu)
    assert not dead_holds(dead_relu.idea().figures)


def test_a_step_twice_as_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = learning_rate.parabola
    monkeypatch.setattr(learning_rate, "parabola", lambda rate: right(2 * rate))
    assert not learning_rate_holds(learning_rate.idea().figures)


def test_a_recursion_that_gets_through_is_told_from_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recursion, "OPERATIONS", 50)
    assert not recursion_holds(recursion.idea().figures)


# The counter


def test_multiplications_are_counted_as_they_are_made() -> None:
    counter = counting.Counter()
    a, b = counter.lift(np.ones((2, 3))), counter.lift(np.ones((3, 4)))
    _ = a @ b
    assert counter.multiplications == 2 * 3 * 4
    _ = (1 - a) * a / 2 + a**2
    assert counter.multiplications == 24 + 6 + 6 + 6


# What is shown


@pytest.mark.parametrize("name", ideas.NAMES)
def test_the_text_fits_a_terminal_and_has_all_rows(name: str) -> None:
    idea = computed(name)
    lines = idea.text().splitlines()
    assert lines[0] == idea.title == ideas.titles()[name]
    assert max(map(len, lines)) <= 80
    for table in idea.tables:
        for row in table.cells():
            assert any(all(cell in line for cell in row) for line in lines)


@pytest.mark.parametrize("name", ideas.NAMES)
def test_markdown_has_the_same_tables(name: str) -> None:
    idea = computed(name)
    rows = [line for line in idea.markdown().splitlines() if line.startswith("|")]
    assert len(rows) == sum(len(table.rows) + 2 for table in idea.tables)
    assert idea.markdown().startswith(f"## {idea.title}\n\n{idea.sentence}")


@pytest.mark.parametrize("name", ideas.NAMES)
def test_a_picture_where_one_helps(name: str) -> None:
    figure = computed(name).figure()
    assert (figure is not None) == (name in WITH_A_PICTURE)
    if figure is not None:
        assert all(ax.get_xlabel() or ax.get_xticklabels() for ax in figure.axes)


def test_all_gives_every_idea_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ideas, "get", computed)
    assert [idea.name for idea in ideas.all()] == list(ideas.NAMES)


def test_an_unknown_idea_is_refused_with_the_names() -> None:
    with pytest.raises(ValueError, match=r"ideas: expected one of order, modes, .*, got 'entropy'"):
        ideas.get("entropy")
    assert ideas.get("batch-norm").name == "batch_norm"


def test_bars_in_cells_do_not_break_a_markdown_table() -> None:
    idea = dataclasses.replace(computed("order"), tables=[Table(("|a|", "b"), [["1", True]])])
    assert r"| \|a\| | b |" in idea.markdown()
    assert "| 1 | yes |" in idea.markdown()
