"""A small folder of reviews: three characters decide, the others are the same in praise and complaint."""

from __future__ import annotations

from pathlib import Path

import numpy as np

COMMON = "这本书的内容是我在店里看到一个人说了多少次都没有来过"


def write_reviews(folder: Path, count: int = 150) -> str:
    """`count` reviews of each kind; returns the folder as a setting."""
    rng = np.random.Generator(np.random.PCG64(0))
    for name, telling in (("pos.txt", "好赞美"), ("neg.txt", "坏差烂")):
        lines = []
        for _ in range(count):
            characters = list(rng.choice(list(COMMON), rng.integers(8, 20)))
            characters.insert(rng.integers(len(characters)), rng.choice(list(telling)))
            characters.insert(len(characters) // 2, "，")
            lines.append("".join(characters))
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return str(folder)


SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
    "batch_size": 8,
}
