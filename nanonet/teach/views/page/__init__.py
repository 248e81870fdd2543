"""The page of a trace: one self-contained HTML file to click through, drawn in the browser."""

from nanonet.teach.views.page.write import page, write

__all__ = ["page", "write"]
