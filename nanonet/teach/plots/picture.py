"""A matplotlib Figure that a notebook shows without pyplot."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A Figure with a picture of itself, which Jupyter asks for. `savefig(path)` keeps it, as of every Figure."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=110, metadata={"Software": None})  # the same bytes in every run
        return stream.getvalue()
