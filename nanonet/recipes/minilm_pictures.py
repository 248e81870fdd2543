"""MiniLM's sentence vectors in a plane."""

from __future__ import annotations

import io

import numpy as np


def sentence_map(vectors: np.ndarray, labels: np.ndarray) -> bytes:
    """Sentences as points, in the two directions in which their vectors (N, D) differ most; PNG."""
    from matplotlib.figure import Figure
    from sklearn.decomposition import PCA

    points = PCA(2, random_state=0).fit_transform(vectors)
    figure = Figure(figsize=(5, 4.2), layout="constrained")
    axes = figure.subplots()
    for label, (name, colour) in enumerate([("negative", "#c44"), ("positive", "#27a")]):
        axes.scatter(*points[labels == label].T, s=4, color=colour, label=name, alpha=0.6, linewidths=0)
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second")
    axes.legend(frameon=False, markerscale=3)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
