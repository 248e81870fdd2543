"""A judge of generated digits: a classifier that was trained on real ones. Which digits does it recognise?"""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np

import nanonet as nt
from nanonet import random
from nanonet.data.download import cache_folder
from nanonet.recipes import cnn
from nanonet.training.checkpoint import CheckpointError, load_state, save_state

CONFIDENCE = 0.9  # a digit is recognised where the judge's probability of a class is at least this
LEAST = 0.02  # a class is covered if it is recognised in at least this share of all images
CLASSES = 10


def coverage(probabilities: np.ndarray) -> dict[str, float]:
    """What a judge's probabilities (N, 10) say of N generated digits.

    recognised      share of the images of which the judge is sure (CONFIDENCE)
    classes         digits that are at least the share LEAST of all images, recognised
    rarest          the share of the digit that is recognised least often
    entropy         of the recognised digits' distribution, in bits; log2 10 = 3.32 if all are equally frequent
    """
    sure = probabilities.max(1) >= CONFIDENCE
    shares = np.bincount(probabilities.argmax(1)[sure], minlength=CLASSES) / len(probabilities)
    p = shares[shares > 0] / max(shares.sum(), 1e-12)
    return {
        "recognised": float(sure.mean()),
        "classes": float((shares >= LEAST).sum()),
        "rarest": float(shares.min()),
        "entropy": float(abs((p * np.log2(p)).sum())),
    }


class Judge:
    """The recipe `cnn` with its own settings, trained on 3,600 digits with augmentation."""

    def __init__(self, recipe: cnn.CnnRecipe) -> None:
        self.recipe = recipe

    @classmethod
    def trained(cls, folder: Path | None = None, settings: cnn.Settings | None = None) -> Judge:
        """From the cache; the first time it is trained (about a minute) and kept there.

        A file that is damaged or of another network is made anew. The default generator is as it was.
        """
        state = random.get_state()
        try:
            recipe = cnn.CnnRecipe(settings)
            file = (cache_folder() if folder is None else folder) / "judge" / f"{fingerprint(recipe)}.safetensors"
            if not _load(recipe, file):
                with nt.enable_grad():
                    recipe.loop(evaluate=None, verbose=0).run()
                with suppress(OSError, CheckpointError):  # a cache that cannot be written costs a minute next time
                    save_state(file, recipe.weights())
        finally:
            random.set_state(state)
        return cls(recipe)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Images (N, 1, 28, 28), brightness 0 to 1 -> the classes' probabilities (N, 10)."""
        with self.recipe.judging():
            logits = self.recipe.logits(images).astype(np.float64)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)

    def figures(self) -> dict[str, float]:
        """How the judge does on the 1,000 real test digits, of which it has seen none."""
        found = self.probabilities(self.recipe.test_x)
        right = found.argmax(1) == self.recipe.test_y
        return {"judge_accuracy": float(right.mean()), "judge_recognised": coverage(found)["recognised"]}


def fingerprint(recipe: cnn.CnnRecipe) -> str:
    """Other settings, another judge."""
    return f"{zlib.crc32(json.dumps(recipe.settings.to_dict(), sort_keys=True).encode()):08x}"


def _load(recipe: cnn.CnnRecipe, file: Path) -> bool:
    try:
        recipe.load_weights(load_state(file))
    except (CheckpointError, ValueError, KeyError):
        return False
    return True
