"""nanonet: a neural-network engine written from scratch on NumPy, to learn from, to check with and to compare by."""

from nanonet import backends as _backends
from nanonet import functional
from nanonet.functional import array_functions as _array_functions
from nanonet.tensor import Tensor
from nanonet.transforms import vjp_of
from nanonet.variable import enable_grad, no_grad

globals().update(_array_functions)
backends = _backends.backends
use = _backends.use
