"""A matplotlib Figure that a notebook shows without pyplot."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class Picture(Figure):
    """A Figure with a picture of itself, which Jupyter asks for. `savefig(path)` keeps it, as of every Figure."""

    def _repr_png_(self) -> bytes:
        from PIL import Image  # comes with matplotlib

        before = self.dpi
        self.set_dpi(110)
        canvas = FigureCanvasAgg(self)
        canvas.draw()
        pixels: Any = np.asarray(canvas.buffer_rgba())[..., :3]
        self.set_dpi(before)
        # 256 colours are enough for all of these plots, and make a file a third as large.
        image = Image.fromarray(pixels).quantize(256, dither=Image.Dither.NONE)
        stream = io.BytesIO()
        image.save(stream, format="png", optimize=True)
        return stream.getvalue()
