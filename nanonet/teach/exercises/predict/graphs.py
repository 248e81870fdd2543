"""Questions about small graphs: uses, chains, constants, steps."""

# pyright: reportOptionalMemberAccess=false, reportOperatorIssue=false
# (the programs are shown as learners write them, who know that backward() has filled .grad)

from __future__ import annotations

from typing import Any

import nanonet as nt
from nanonet.teach.exercises.predict.question import Question


def two_uses() -> Any:
    x = nt.tensor(3.0, requires_grad=True)
    y = x * x + x
    y.backward()
    return x.grad


def two_uses_without_the_last() -> Any:
    x = nt.tensor(3.0, requires_grad=True)
    (x * x).backward()
    return x.grad


def product() -> Any:
    a = nt.tensor(2.0, requires_grad=True)
    b = nt.tensor(5.0, requires_grad=True)
    y = a * b
    y.backward()
    return a.grad


def product_of_the_other() -> Any:
    a = nt.tensor(2.0, requires_grad=True)
    b = nt.tensor(5.0, requires_grad=True)
    (a * b).backward()
    return b.grad


def difference() -> Any:
    a = nt.tensor(4.0, requires_grad=True)
    b = nt.tensor(1.0, requires_grad=True)
    y = (a - b) ** 2
    y.backward()
    return b.grad


def difference_of_the_other() -> Any:
    a = nt.tensor(4.0, requires_grad=True)
    b = nt.tensor(1.0, requires_grad=True)
    ((a - b) ** 2).backward()
    return a.grad


def inner_factor() -> Any:
    x = nt.tensor(0.0, requires_grad=True)
    y = nt.exp(2 * x)
    y.backward()
    return x.grad


def inner_factor_left_out() -> Any:
    u = nt.tensor(0.0, requires_grad=True)
    nt.exp(u).backward()
    return u.grad


def left_the_graph() -> Any:
    x = nt.tensor(3.0, requires_grad=True)
    y = x * x.detach()
    y.backward()
    return x.grad


def kept_in_the_graph() -> Any:
    x = nt.tensor(3.0, requires_grad=True)
    (x * x).backward()
    return x.grad


def backward_twice() -> Any:
    x = nt.tensor(1.0, requires_grad=True)
    (2 * x).backward()
    (2 * x).backward()
    return x.grad


def backward_once() -> Any:
    x = nt.tensor(1.0, requires_grad=True)
    (2 * x).backward()
    return x.grad


def one_step() -> Any:
    w = nt.tensor(1.0, requires_grad=True)
    loss = (w - 3) ** 2
    loss.backward()
    w = w - 0.1 * w.grad
    return w


def one_step_up() -> Any:
    w = nt.tensor(1.0, requires_grad=True)
    ((w - 3) ** 2).backward()
    return w + 0.1 * w.grad


def vanishing() -> Any:
    x = nt.tensor(10.0, requires_grad=True)
    y = nt.sigmoid(x)
    y.backward()
    return x.grad.item() > 0.01


def large_value() -> Any:
    return nt.sigmoid(nt.tensor(10.0)).item() > 0.01


def four_sigmoids() -> Any:
    x = nt.tensor(0.0, requires_grad=True)
    y = nt.sigmoid(x)
    y.backward()
    return x.grad


def value_at_zero() -> Any:
    return nt.sigmoid(nt.tensor(0.0))


def averaged() -> Any:
    x = nt.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = nt.mean(x)
    y.backward()
    return x.grad


def added_up() -> Any:
    x = nt.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    nt.sum(x).backward()
    return x.grad


QUESTIONS = [
    Question(
        "product",
        product,
        "What is the gradient of a?",
        "number",
        "The derivative of a product with respect to one factor is the other factor.",
        product_of_the_other,
        "That is the gradient of b: the factor itself in place of the other one.",
    ),
    Question(
        "two-uses",
        two_uses,
        "What is the gradient of x?",
        "number",
        "x is used three times, twice in x * x and once in + x; each use adds its term: 3 + 3 + 1.",
        two_uses_without_the_last,
        "That leaves out the last use: through + x the gradient arrives unchanged, as 1.",
    ),
    Question(
        "difference",
        difference,
        "What is the gradient of b?",
        "number",
        "The square gives 2 (a - b), and b enters the difference with a minus sign.",
        difference_of_the_other,
        "That is the gradient of a: the minus sign in front of b is lost.",
    ),
    Question(
        "inner-factor",
        inner_factor,
        "What is the gradient of x?",
        "number",
        "Chain rule: exp(2x) times the derivative of 2x.",
        inner_factor_left_out,
        "That is the outer derivative alone, without the factor 2 of the inner function.",
    ),
    Question(
        "sigmoid-slope",
        four_sigmoids,
        "What is the gradient of x?",
        "number",
        "y' = y (1 - y), and y = 1/2 here: this is the steepest place of a sigmoid.",
        value_at_zero,
        "That is the value y itself and not its slope.",
    ),
    Question(
        "saturated",
        vanishing,
        "Is the gradient of x above 0.01?",
        "yes or no",
        "Far from 0 a sigmoid is flat: y (1 - y) is nearly 0 when y is nearly 1.",
        large_value,
        "The value of y is near 1, but the gradient is its slope: a large value may have no slope at all.",
    ),
    Question(
        "detached",
        left_the_graph,
        "What is the gradient of x?",
        "number",
        "detach() makes a constant of the second x, so only the first use passes a gradient on.",
        kept_in_the_graph,
        "That would be right for x * x: but a detached tensor passes nothing back.",
    ),
    Question(
        "backward-twice",
        backward_twice,
        "What is the gradient of x?",
        "number",
        "backward() adds to .grad; zero_grad() before the second call would have cleared it.",
        backward_once,
        "That is what one call gives; the second one does not replace it, it is added.",
    ),
    Question(
        "mean-of-four",
        averaged,
        "What is the gradient of x?",
        "numbers",
        "The mean gives each of its n elements the share 1/n of the gradient.",
        added_up,
        "That is the gradient of a sum: the 1/4 of the mean is lost.",
    ),
    Question(
        "one-step",
        one_step,
        "What is w after this step?",
        "number",
        "The gradient is 2 (w - 3) = -4, and a step goes against it: w grows towards 3.",
        one_step_up,
        "That step goes along the gradient, uphill: away from 3.",
    ),
]
