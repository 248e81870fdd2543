"""nanonet: a neural-network engine written from scratch on NumPy, to learn from, to check with and to compare by."""

from numpy import bool_ as bool
from numpy import float16, float32, float64, int32, int64, uint8

from nanonet import functional
from nanonet.anomaly import AnomalyError, detect_anomaly
from nanonet.backends import backends, use
from nanonet.backends import current as current_backend
from nanonet.creation import arange, eye, full, full_like, linspace, ones, ones_like, tensor, zeros, zeros_like
from nanonet.functional import array_functions as _array_functions
from nanonet.gradcheck import Report, gradcheck
from nanonet.random import manual_seed, rand, randint, randn, randperm
from nanonet.tensor import Tensor
from nanonet.transforms import grad, hessian, jacobian, jvp, value_and_grad, vjp, vjp_of
from nanonet.variable import enable_grad, no_grad

__version__ = "0.1.0"

globals().update(_array_functions)
