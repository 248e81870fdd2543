"""Where a Transformer looks when it writes a character; and what its positions are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import nanonet as nt
from nanonet.models.positions import Rotary, sinusoidal
from nanonet.recipes import plots

if TYPE_CHECKING:
    from nanonet.recipes.transformer import TransformerRecipe

LINES = {
    "dates": ("Tuesday, 3 March 1998", "11/25/2043", "the 22nd of August 1951"),
    "sorting": ("network", "gradient", "attention"),
    "addition": ("347+58", "99+1", "605+777"),
}


def pictures(recipe: TransformerRecipe) -> dict[str, bytes]:
    """{"attention.png": …, "positions.png": …}."""
    return {"attention.png": plots.png(draw_attention(recipe)), "positions.png": plots.png(draw_positions())}


def cross_attention(recipe: TransformerRecipe, line: str) -> tuple[str, np.ndarray]:
    """What the network writes for a line, and P (layers, T, S): how much output character t takes from input s.

    The mean over the heads. The ends of both lines are their last characters.
    """
    (written,) = recipe.translate([line])
    source, given, _ = (recipe.cast(part) for part in recipe.encoded([(line, written)]))
    attentions = [layer.multihead_attn for layer in recipe.model.decoder.layers]
    try:
        for attention in attentions:
            attention.maps = []
        recipe.model(source, given)
        return written, np.stack([attention.maps[0][0].mean(0) for attention in attentions])
    finally:
        for attention in attentions:
            attention.maps = None


def draw_attention(recipe: TransformerRecipe) -> Any:
    """A map for each line and each layer of the decoder."""
    from nanonet.teach.plots import style

    found = [(line, *cross_attention(recipe, line)) for line in LINES[recipe.settings.task]]
    layers = len(recipe.model.decoder.layers)
    picture = style.figure(4.6 * layers, 2.9 * len(found))
    grid = picture.subplots(len(found), layers, squeeze=False)
    for row, (line, written, maps) in zip(grid, found, strict=True):
        for layer, (axes, weights) in enumerate(zip(row, maps, strict=True), 1):
            style.tidy(axes).imshow(weights, cmap=style.shades(), vmin=0, vmax=1, aspect="auto")
            _characters(axes.set_xticks, line)
            _characters(axes.set_yticks, written)
            axes.set_title(f"layer {layer}", loc="left")
    return picture


def _characters(set_ticks: Any, line: str) -> None:
    shown = [*("␣" if c == " " else c for c in line), "⏎"]
    set_ticks(range(len(shown)), shown, family="DejaVu Sans Mono", fontsize=8)


def draw_positions() -> Any:
    """The table of sinusoidal positions; and the scores of a token with those before and after it."""
    from nanonet.teach.plots import style

    length, width, middle = 60, 64, 30
    picture = style.figure(9.2, 3.2)
    left, right = picture.subplots(1, 2, width_ratios=(3, 4))
    image = style.tidy(left).imshow(sinusoidal(length, width).T, cmap=style.two_sided(), vmin=-1, vmax=1, aspect="auto")
    left.set(xlabel="place t", ylabel="feature")
    left.set_title("sinusoidal positions", loc="left")
    style.colour_bar(picture, image, left, "")
    style.tidy(right, grid="y")
    for (name, scores), colour in zip(_scores(length, width, middle).items(), style.CLASSES, strict=False):
        right.plot(np.arange(length) - middle, scores, color=colour, label=name)
    right.set(xlabel="distance t - s", ylabel="score, 1 at most", ylim=(0.3, 1.05))
    right.set_title("which places a token finds", loc="left")
    right.legend(frameon=False, loc="lower center", fontsize=style.TEXT - 1)
    return picture


def _scores(length: int, width: int, middle: int, back: int = 5) -> dict[str, np.ndarray]:
    """p_s · p_t of sinusoidal positions; q_s · k_t of a query and a key turned by rotary ones. Both for s = middle."""
    table = sinusoidal(length, width)
    query = nt.tensor(np.ones((1, 1, length, width)) / np.sqrt(width))
    turned = Rotary(length + back, width)
    queries, keys = (turned(query, start).numpy()[0, 0] for start in (0, back))
    return {
        "sinusoidal: p(s) · p(t)": table @ table[middle] / (width / 2),
        f"rotary: q(s) · k(t), for a k that is q turned by {back} places": keys @ queries[middle],
    }
