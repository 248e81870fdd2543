"""How well a recurrent network predicts texts that it has not seen, beside what counting reaches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from nanonet.data import DataLoader
from nanonet.data.streams import Streams
from nanonet.data.tokenizer import Tokenizer
from nanonet.data.windows import stream
from nanonet.models.recurrent import CharRnn, next_character_loss
from nanonet.recipes import plots
from nanonet.recipes.text_baselines import ngram_bits, uniform_bits
from nanonet.recipes.text_figures import UNKNOWN_BITS, unknown


def bits_per_character(
    model: CharRnn, tokenizer: Tokenizer, texts: Sequence[str], streams: int = 16, window: int = 200
) -> float:
    """The mean of -log₂ P(character | those before it), the texts' ends included, in `streams` streams.

    The state goes on from window to window, so that all that came before in the stream counts. An unknown character
    costs log₂ 1,114,112 = 20 bits on top, for a code must name it.
    """
    tokens = stream(texts, tokenizer)
    streams = max(1, min(streams, (len(tokens) - 1) // window))
    data = Streams(tokens, streams, min(window, len(tokens) - 1))
    state, total = None, 0.0
    for x, y, _ in DataLoader(data, streams):
        logits, state = model(x.to(model.head.weight.device), state)
        total += next_character_loss(logits, y.to(logits.device)).item()
    return total / data.windows / math.log(2) + _naming(tokens, tokenizer)


def baselines(train: Sequence[str], test: Sequence[str], tokenizer: Tokenizer) -> dict[str, float]:
    """Bits per character for characters alike, counted singly, counted in pairs."""
    learned, held_out = stream(train, tokenizer), stream(test, tokenizer)
    more, V = _naming(held_out, tokenizer), tokenizer.vocab_size
    return {
        "uniform_bits": uniform_bits(V) + more,
        "unigram_bits": ngram_bits(learned, held_out, V, 1) + more,
        "bigram_bits": ngram_bits(learned, held_out, V, 2) + more,
    }


def picture(history: Mapping[str, Sequence[float]], counted: Mapping[str, float]) -> bytes:
    """Bits per character over the steps, beside those that counting reaches."""
    made, axes = plots.axes(6.0, 3.4)
    axes.plot(history["step"], np.array(history["loss"]) / math.log(2), color=plots.BLUE, label="training")
    axes.plot(history["step"], history["val_bits_per_character"], color=plots.ORANGE, label="validation")
    for name, bits in counted.items():
        axes.axhline(bits, color=plots.SOFT, linewidth=0.8, linestyle=":")
        axes.text(history["step"][-1], bits, name.replace("_bits", ""), ha="right", va="bottom", color=plots.SOFT)
    axes.set(xlabel="step", ylabel="bits per character", ylim=(0, None))
    axes.legend(frameon=False, loc="lower left")
    return plots.png(made)


def _naming(tokens: np.ndarray, tokenizer: Tokenizer) -> float:
    return UNKNOWN_BITS * unknown(tokens, tokenizer) / len(tokens)
