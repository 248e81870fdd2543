"""Questions about arrays: shapes, batches, broadcasting, layers."""

# pyright: reportOptionalMemberAccess=false, reportOperatorIssue=false
# (the programs are shown as learners write them, who know that backward() has filled .grad)

from __future__ import annotations

from typing import Any

import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet.teach.exercises.predict.question import Question


def shape_of_dw() -> Any:
    x = nt.tensor(np.ones((4, 3)))
    w = nt.tensor(np.ones((3, 2)), requires_grad=True)
    y = x @ w
    nt.sum(y).backward()
    return w.grad.shape


def shape_of_y() -> Any:
    return (nt.tensor(np.ones((4, 3))) @ nt.tensor(np.ones((3, 2)))).shape


def bias_of_a_batch() -> Any:
    x = nt.tensor([[1.0], [2.0], [5.0]])
    b = nt.tensor([0.0], requires_grad=True)
    y = x + b
    nt.sum(y).backward()
    return b.grad


def bias_of_one() -> Any:
    b = nt.tensor([0.0], requires_grad=True)
    nt.sum(nt.tensor([[1.0]]) + b).backward()
    return b.grad


def shape_of_db() -> Any:
    x = nt.tensor(np.ones((2, 3)))
    b = nt.tensor(np.zeros(3), requires_grad=True)
    y = x + b
    nt.sum(y).backward()
    return b.grad.shape


def shape_of_the_sum() -> Any:
    return (nt.tensor(np.ones((2, 3))) + nt.tensor(np.zeros(3))).shape


def dead_entries() -> Any:
    x = nt.tensor([-1.0, 2.0, 0.0, 3.0], requires_grad=True)
    y = F.relu(x)
    nt.sum(y).backward()
    return np.flatnonzero(x.grad.numpy() == 0)


def negative_entries() -> Any:
    x = nt.tensor([-1.0, 2.0, 0.0, 3.0])
    return np.flatnonzero(x.numpy() < 0)


def largest() -> Any:
    x = nt.tensor([1.0, 4.0, 2.0], requires_grad=True)
    y = nt.max(x)
    y.backward()
    return x.grad


def all_of_them() -> Any:
    x = nt.tensor([1.0, 4.0, 2.0], requires_grad=True)
    nt.sum(x).backward()
    return x.grad


def row_of_ones() -> Any:
    x = nt.tensor([[1.0, 1.0]], requires_grad=True)
    w = nt.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = x @ w
    nt.sum(y).backward()
    return x.grad


def not_transposed() -> Any:
    w = nt.tensor([[1.0, 2.0], [3.0, 4.0]])
    return nt.tensor([[1.0, 1.0]]) @ w


def doubled_sum() -> Any:
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    once = nt.tensor([[1.0], [1.0]], requires_grad=True)
    twice = nt.tensor([[1.0], [1.0]], requires_grad=True)
    nt.sum((nt.tensor(x) @ once) ** 2).backward()
    nt.sum((nt.tensor(np.concatenate([x, x])) @ twice) ** 2).backward()
    return np.allclose(twice.grad.numpy(), 2 * once.grad.numpy())


def doubled_mean() -> Any:
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    once = nt.tensor([[1.0], [1.0]], requires_grad=True)
    twice = nt.tensor([[1.0], [1.0]], requires_grad=True)
    nt.mean((nt.tensor(x) @ once) ** 2).backward()
    nt.mean((nt.tensor(np.concatenate([x, x])) @ twice) ** 2).backward()
    return np.allclose(twice.grad.numpy(), 2 * once.grad.numpy())


def sum_over_classes() -> Any:
    scores = nt.tensor([[2.0, 0.0, 1.0]], requires_grad=True)
    loss = F.cross_entropy(scores, np.array([0]))
    loss.backward()
    return nt.sum(scores.grad)


def sum_of_shares() -> Any:
    return nt.sum(F.softmax(nt.tensor([[2.0, 0.0, 1.0]]), dim=-1))


def positive_scores() -> Any:
    scores = nt.tensor([0.0, 0.0, 0.0, 0.0], requires_grad=True)
    loss = F.cross_entropy(scores, np.array(2))
    loss.backward()
    return scores.grad


def only_the_label() -> Any:
    p = F.softmax(nt.tensor([0.0, 0.0, 0.0, 0.0]), dim=-1).numpy()
    return np.where(np.arange(4) == 2, p - 1, 0)


def word_used_often() -> Any:
    table = nt.tensor([[0.0], [0.0], [0.0]], requires_grad=True)
    y = F.embedding(np.array([1, 1, 0, 1]), table)
    nt.sum(y).backward()
    return table.grad


def word_used_once() -> Any:
    table = nt.tensor([[0.0], [0.0], [0.0]], requires_grad=True)
    nt.sum(F.embedding(np.array([0, 1]), table)).backward()
    return table.grad


def constant_added() -> Any:
    x = nt.tensor([1.0, 2.0, 6.0], requires_grad=True)
    y = F.layer_norm(x, (3,))
    (y * nt.tensor([1.0, 0.0, 0.0])).sum().backward()
    return abs(nt.sum(x.grad).item()) < 1e-6


def no_mean_taken() -> Any:
    x = nt.tensor([1.0, 2.0, 6.0], requires_grad=True)
    (x * nt.tensor([1.0, 0.0, 0.0])).sum().backward()
    return abs(nt.sum(x.grad).item()) < 1e-6


QUESTIONS = [
    Question(
        "shape-of-dw",
        shape_of_dw,
        "What is the shape of w.grad?",
        "shape",
        "A gradient has the shape of what it is the gradient of: one number for each entry of w.",
        shape_of_y,
        "That is the shape of y, and of dy; dw = xᵀ dy sums over the samples.",
    ),
    Question(
        "bias-of-a-batch",
        bias_of_a_batch,
        "What is the gradient of b?",
        "number",
        "b was used once for each sample, and each use adds its term.",
        bias_of_one,
        "That is the term of one sample, or their mean; the terms are added.",
    ),
    Question(
        "shape-of-db",
        shape_of_db,
        "What is the shape of b.grad?",
        "shape",
        "What the forward stretched the backward sums: over the axis along which b was repeated.",
        shape_of_the_sum,
        "That is the shape of dy: broadcasting has to be undone.",
    ),
    Question(
        "dead-entries",
        dead_entries,
        "Which entries of x.grad are zero?",
        "entries",
        "relu passes nothing back where x is negative, and nothing at 0 either, by agreement.",
        negative_entries,
        "Entry 2 is missing: at exactly 0 the slope is a choice, and the engine, as others do, takes 0.",
    ),
    Question(
        "largest",
        largest,
        "What is the gradient of x?",
        "numbers",
        "Only the largest entry moves the maximum; the others could change a little without being noticed.",
        all_of_them,
        "That is the gradient of a sum; a maximum passes its gradient to one entry.",
    ),
    Question(
        "row-times-matrix",
        row_of_ones,
        "What is the gradient of x?",
        "numbers",
        "dx = dy wᵀ: with dy = (1, 1) these are the sums of the rows of w.",
        not_transposed,
        "These are the sums of the columns: dy w, without the transpose.",
    ),
    Question(
        "double-batch-sum",
        doubled_sum,
        "The batch is doubled by repeating it, and the loss is a sum. Does that double the gradient of w?",
        "yes or no",
        "Every sample adds its term to the gradient, so twice the samples give twice the gradient.",
        doubled_mean,
        "That is the answer for a mean; a sum does not divide by the number of samples.",
    ),
    Question(
        "double-batch-mean",
        doubled_mean,
        "The batch is doubled by repeating it, and the loss is a mean. Does that double the gradient of w?",
        "yes or no",
        "There are twice as many terms, and each has half the weight: the gradient stays as it was.",
        doubled_sum,
        "That is the answer for a sum; the mean divides by the number of samples, which has doubled as well.",
    ),
    Question(
        "sum-over-classes",
        sum_over_classes,
        "What do the entries of scores.grad add up to?",
        "number",
        "The gradient is p - y, and both p and y add up to 1: adding the same to all scores changes nothing.",
        sum_of_shares,
        "That is the sum of p alone; the label's 1 is subtracted.",
    ),
    Question(
        "all-scores-equal",
        positive_scores,
        "What is the gradient of the scores?",
        "numbers",
        "p - y: the scores of the wrong classes are pushed down too, each in proportion to its probability.",
        only_the_label,
        "The loss only reads the label's probability, but that depends on all scores, through the softmax's sum.",
    ),
    Question(
        "word-used-often",
        word_used_often,
        "What is the gradient of the table?",
        "numbers",
        "A row that is looked up several times gets one term for each time; one that is never used gets 0.",
        word_used_once,
        "That would be so if each row were used once at most, or if the last use overwrote the others.",
    ),
    Question(
        "normalised-sum",
        constant_added,
        "Do the entries of x.grad add up to 0?",
        "yes or no",
        "A constant added to all of x changes neither x - mean nor the variance: no slope in that direction.",
        no_mean_taken,
        "That is so without the normalisation; through the mean, every entry of x moves every entry of y.",
    ),
]
