"""Animations and slides: every position of a trace is drawn, with the engine's numbers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nanonet as nt
import nanonet.functional as F
from nanonet import nn
from nanonet.teach.trace import Trace, replayed
from nanonet.teach.views.animation import Drawing, to_gif, to_mp4, to_svgs
from nanonet.teach.views.folding import folded
from nanonet.teach.views.layout import layered


def small() -> Trace:
    return nt.trace(lambda x, w: nt.tanh(x * w).sum(), np.array([0.5, -1.0]), np.array([2.0, 3.0]))


def texts(path: Path) -> str:
    return "\n".join(re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8")))


def test_slides_show_each_position_with_the_traces_numbers(tmp_path: Path) -> None:
    trace = small()
    seen: list[tuple[int, int]] = []
    files = to_svgs(trace, tmp_path, progress=lambda i, n: seen.append((i, n)))
    assert len(files) == len(trace.steps) + 1 == len(seen)
    for position, file in enumerate(files):
        shown = texts(file)
        assert f"step {position} of {len(trace.steps)}" in shown
        state = replayed(trace, position)
        for node in trace.nodes:
            grad = state.grad(node.id)
            if grad is not None:
                assert f"grad {grad:.4g}" in shown if not grad.ndim else f"{grad[0]:.4g}" in shown
        missing = [n for n in trace.nodes if state.value(n.id) is None or (n.wants_grad and state.grad(n.id) is None)]
        assert ("not yet" in shown) == bool(missing)


def test_a_gif_has_a_frame_for_each_position(tmp_path: Path) -> None:
    trace = nt.trace(lambda x: nt.exp(x), 0.5)
    with Image.open(to_gif(trace, tmp_path / "a.gif", seconds=0.5)) as image:
        assert image.n_frames == len(trace.steps) + 1
        assert image.info["duration"] == 500


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_an_mp4_is_written(tmp_path: Path) -> None:
    path = to_mp4(nt.trace(lambda x: nt.exp(x), 0.5), tmp_path / "a.mp4", seconds=0.2)
    assert path.read_bytes()[4:8] == b"ftyp"


def test_without_ffmpeg_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match="apt install ffmpeg"):
        to_mp4(small(), tmp_path / "a.mp4")


def test_modules_are_folded_until_the_picture_can_be_read() -> None:
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(20)))
    with nt.tracing() as trace:
        F.mse_loss(model(nt.ones((3, 2))), nt.zeros((3, 2))).backward()
    assert len(folded(trace, 100).boxes) == len(trace.nodes)
    few = folded(trace, 10)
    assert "model" in few.labels.values()
    assert sum(len(nodes) for nodes in few.boxes.values()) == len(trace.nodes)
    with pytest.raises(ValueError, match="boxes with every module folded"):
        folded(trace, 2)
    with pytest.raises(ValueError, match="no steps"):
        Drawing(Trace())


def test_edges_point_to_the_right_and_boxes_do_not_meet() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 5, 30):
        edges = [(int(rng.integers(0, b)), b) for b in range(1, size) for _ in range(2)]
        places = layered(range(size), edges)
        assert all(places[a][0] < places[b][0] for a, b in edges)
        assert len(set(places.values())) == size


def test_masks_and_values_that_are_not_finite_are_drawn(tmp_path: Path) -> None:
    x = np.array([np.nan, np.inf, 1.0, 2.0, 3.0, 4.0, -5.0, 6.0])
    trace = nt.trace(lambda x: nt.where(x > 0, x, 0.0).sum(), x)
    shown = texts(to_svgs(trace, tmp_path)[-1])
    assert "8: -5 … 6, 2 not finite" in shown
    assert "8: False … True" in shown
