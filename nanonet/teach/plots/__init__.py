"""Plots that a learner expects: loss landscape, values and gradients per layer, decision boundary, filters.

Each plot has two halves: something that collects numbers while a model trains and changes nothing of it, and a function
that draws them and returns a matplotlib Figure. `nt.teach.plots` needs matplotlib only to draw.
"""

from nanonet.teach.plots.boundary import BoundaryRecorder, Frame, plot_boundaries
from nanonet.teach.plots.curves import plot_curves
from nanonet.teach.plots.filters import plot_filters
from nanonet.teach.plots.histograms import plot_histograms
from nanonet.teach.plots.landscape import Landscape, landscape
from nanonet.teach.plots.landscape_picture import plot_landscape
from nanonet.teach.plots.layers import LayerRecorder, Snapshot
from nanonet.teach.plots.norms import plot_norms
from nanonet.teach.plots.path import WeightPath
from nanonet.teach.plots.pictures import plot_images

__all__ = [
    "BoundaryRecorder",
    "Frame",
    "Landscape",
    "LayerRecorder",
    "Snapshot",
    "WeightPath",
    "landscape",
    "plot_boundaries",
    "plot_curves",
    "plot_filters",
    "plot_histograms",
    "plot_images",
    "plot_landscape",
    "plot_norms",
]
