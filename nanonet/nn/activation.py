"""Activations as modules. Formulas, gradients and remarks are those of the functions of the same meaning."""

from __future__ import annotations

from typing import Any

from nanonet import functional as F
from nanonet.nn import init
from nanonet.nn.module import Module
from nanonet.nn.parameter import new_parameter
from nanonet.nn.thin import ThinModule
from nanonet.tensor import Tensor


class Activation(ThinModule):
    """x (…) -> y (…). `inplace` is accepted as PyTorch's argument; the result is always a new tensor."""

    unused = ("inplace",)

    def extra_repr(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self.options if name != "inplace"]
        return ", ".join([*shown, "inplace=True"] if getattr(self, "inplace", False) else shown)


class ReLU(Activation):
    """y = max(x, 0)."""

    function, options = "relu", {"inplace": False}


class ReLU6(Activation):
    """y = min(max(x, 0), 6)."""

    function, options = "relu6", {"inplace": False}


class LeakyReLU(Activation):
    """y = x for x > 0, else negative_slope · x."""

    function, options = "leaky_relu", {"negative_slope": 0.01, "inplace": False}


class PReLU(Module):
    """y = x for x > 0, else weight · x; `num_parameters` is 1 or the size of axis 1, `init` their first value."""

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = new_parameter(num_parameters, dtype=dtype, device=device)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class ELU(Activation):
    """y = x for x > 0, else alpha (eˣ - 1)."""

    function, options = "elu", {"alpha": 1.0, "inplace": False}


class SELU(Activation):
    """y = scale (x for x > 0, else alpha (eˣ - 1)), with the constants that keep mean 0 and variance 1."""

    function, options = "selu", {"inplace": False}


class CELU(Activation):
    """y = max(x, 0) + min(0, alpha (e^(x/alpha) - 1))."""

    function, options = "celu", {"alpha": 1.0, "inplace": False}


class GELU(Activation):
    """y = x Φ(x), Φ the normal distribution function; `approximate="tanh"` replaces Φ by a formula of tanh."""

    function, options = "gelu", {"approximate": "none"}


class SiLU(Activation):
    """y = x sigmoid(x)."""

    function, options = "silu", {"inplace": False}


class Mish(Activation):
    """y = x tanh(softplus(x))."""

    function, options = "mish", {"inplace": False}


class Sigmoid(Activation):
    """y = 1 / (1 + e⁻ˣ)."""

    function = "sigmoid"


class Tanh(Activation):
    """y = tanh(x)."""

    function = "tanh"


class Softplus(Activation):
    """y = log(1 + e^(beta x)) / beta; x itself where beta x > threshold."""

    function, options = "softplus", {"beta": 1.0, "threshold": 20.0}


class Softsign(Activation):
    """y = x / (1 + |x|)."""

    function = "softsign"


class Hardtanh(Activation):
    """y = min(max(x, min_val), max_val)."""

    function, options = "hardtanh", {"min_val": -1.0, "max_val": 1.0, "inplace": False}


class Hardsigmoid(Activation):
    """y = min(max(x/6 + 1/2, 0), 1)."""

    function, options = "hardsigmoid", {"inplace": False}


class Hardswish(Activation):
    """y = x hardsigmoid(x)."""

    function, options = "hardswish", {"inplace": False}


class Hardshrink(Activation):
    """y = x where |x| > lambd, else 0."""

    function, options = "hardshrink", {"lambd": 0.5}

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Activation):
    """y = x moved towards 0 by lambd, 0 where |x| ≤ lambd."""

    function, options = "softshrink", {"lambd": 0.5}

    def extra_repr(self) -> str:
        return str(self.lambd)


class Tanhshrink(Activation):
    """y = x - tanh(x)."""

    function = "tanhshrink"


class LogSigmoid(Activation):
    """y = log sigmoid(x), without overflow."""

    function = "logsigmoid"


class Threshold(Activation):
    """y = x where x > threshold, else value."""

    function, options = "threshold", {"threshold": Activation.REQUIRED, "value": Activation.REQUIRED, "inplace": False}


class GLU(Activation):
    """y = a sigmoid(b), a and b the halves of x along `dim`."""

    function, options = "glu", {"dim": -1}


class Softmax(Activation):
    """y = eˣ / Σ eˣ along `dim`."""

    function, options = "softmax", {"dim": None}


class Softmin(Activation):
    """y = softmax(-x) along `dim`."""

    function, options = "softmin", {"dim": None}


class LogSoftmax(Activation):
    """y = x - log Σ eˣ along `dim`."""

    function, options = "log_softmax", {"dim": None}
