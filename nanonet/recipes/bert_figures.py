"""How well a pretrained network guesses: figures on held-out text, curves, and words for the gaps in a text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from nanonet import functional as F
from nanonet.data.masking import Pair
from nanonet.data.seeds import generator
from nanonet.data.wordpiece import MASK, SPECIAL
from nanonet.training.history import History

SIZE = 64  # texts that are judged at once


def judge(recipe: Any, pairs: Sequence[Pair], baseline: bool = False) -> dict[str, float]:
    """Means over all hidden tokens and all pairs; what is hidden depends on the place in `pairs` alone.

    masked_loss, perplexity, masked_accuracy    of the hidden tokens: -mean log p, e to that, the share guessed
    pair_accuracy                               the share of right answers to the second task; not for RoBERTa
    unigram_…                                   the same for a guesser that knows each token's frequency alone
    """
    losses, guesses, relations, targets = [], [], [], []
    order = np.argsort([len(pair.first) + len(pair.second) for pair in pairs], kind="stable")
    for rows in np.array_split(order, range(SIZE, len(order), SIZE)):
        rngs = [generator(1, int(row)) for row in rows]
        batch = recipe.cast(recipe.batch([pairs[row] for row in rows], pairs, rngs))
        tokens, relation = recipe.guess(batch)
        losses.append(recipe.read(F.cross_entropy(tokens, batch["targets"], reduction="none")))
        targets.append(recipe.read(batch["targets"]))
        guesses.append(recipe.read(tokens).argmax(1) == targets[-1])
        if relation is not None:
            relations.append(recipe.read(relation).argmax(1) == recipe.read(batch["labels"]))
    loss = float(np.concatenate(losses).mean())
    found = {"masked_loss": loss, "perplexity": float(np.exp(loss)), "masked_accuracy": _share(guesses)}
    if relations:
        found["pair_accuracy"] = _share(relations)
    return found | (unigram(recipe, np.concatenate(targets)) if baseline else {})


def unigram(recipe: Any, targets: np.ndarray) -> dict[str, float]:
    """Every hidden token guessed by its frequency in the training texts, each counted once more than it is there."""
    counts = np.ones(len(recipe.tokenizer))
    for pair in recipe.train:
        np.add.at(counts, np.concatenate(pair[:2]), 1)
    counts[: len(SPECIAL)] = 0
    p = (counts / counts.sum())[targets]
    loss = float(-np.log(p).mean())
    accuracy = float((targets == counts.argmax()).mean())
    return {"unigram_loss": loss, "unigram_perplexity": float(np.exp(loss)), "unigram_accuracy": accuracy}


def filled(recipe: Any, text: str, count: int) -> str:
    """The text, and for each [MASK] in it the `count` likeliest tokens with their probabilities.

    Raises ValueError for a text without [MASK].
    """
    ids, mask, kinds = (recipe.cast(part) for part in recipe.tokenizer([text], max_length=recipe.settings.length))
    at = np.flatnonzero(recipe.read(ids) == MASK)
    if not len(at):
        raise ValueError(f"bert: expected a text with [MASK] where a token is to be guessed, got {text!r}")
    tokens, _ = recipe.guess({"ids": ids, "mask": mask, "kinds": kinds, "at": recipe.cast(at)})
    gaps = []
    for p in recipe.read(F.softmax(tokens, dim=-1)):
        best = np.argsort(-p)[:count]
        gaps.append(", ".join(f"{recipe.tokenizer.tokenizer.id_to_token(int(i))} {p[i]:.2f}" for i in best))
    return f"{text}  {' | '.join(gaps)}"


def curves(history: History) -> bytes:
    """The losses of training and held-out text over the steps: a PNG."""
    from matplotlib.figure import Figure

    names = ["masked_loss", *(["pair_loss"] if "pair_loss" in history else [])]
    figure = Figure(figsize=(4.5 * len(names), 3.2), layout="constrained")
    for number, name in enumerate(names, 1):
        axes = figure.add_subplot(1, len(names), number)
        for column, label in ((name, "training"), (f"val_{name}", "validation")):
            axes.plot(history.get("step", []), history.get(column, [float("nan")] * history.epochs), label=label)
        axes.set(xlabel="step", ylabel={"masked_loss": "hidden tokens: -log p", "pair_loss": "pairs: -log p"}[name])
        axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def _share(right: Sequence[np.ndarray]) -> float:
    return float(np.concatenate(right).mean())
