"""A public corpus of gradients, right and wrong, on which gradient checkers are run side by side.

`cases()` gives them all. `python -m nanonet_benchmarks.gradcorpus` runs nanonet's checker and, where they are
installed, PyTorch's, JAX's and autograd's.
"""

from nanonet_benchmarks.gradcorpus.case import Case
from nanonet_benchmarks.gradcorpus.families import cases

__all__ = ["Case", "cases"]
