"""Activations that are exponential below 0 and straight above, with the names and arguments of torch.nn.functional."""

from nanonet.op import sample
from nanonet.ops.activation import Activation
from nanonet.sampling import normal, values

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


class Elu(Activation):
    """y = x where x > 0, else alpha (e^x - 1);  dx = dy where x > 0, else dy ⊙ alpha e^x.

    At 0 the gradient is alpha dy. Source: Clevert, Unterthiner and Hochreiter, arXiv:1511.07289.
    """

    latex = (
        r"y = [x > 0] \odot x + [x \le 0] \odot \alpha (e^x - 1); "
        r"dx = dy \odot ([x > 0] + [x \le 0] \odot \alpha e^x)"
    )
    samples = [
        *Activation.samples[:3],
        sample(normal(3, 4), 0.7, name="alpha"),
        sample(values([0.0, -0.0, 1.0, 1e4, -1e4]), alpha=0.7, name="zero", kink="x = 0"),
    ]

    def call(input, alpha=1.0):
        return (input,), {"alpha": alpha}

    def forward(xp, x, *, alpha=1.0):
        return exponential_below_zero(xp, x, alpha, 1.0, 1.0), (x, alpha)

    def backward(xp, saved, dy):
        x, alpha = saved
        return (dy * exponential_slope(xp, x, alpha, 1.0, 1.0),)


class Selu(Activation):
    """y = λ x where x > 0, else λ α (e^x - 1);  dx = λ dy where x > 0, else dy ⊙ λ α e^x.

    λ = 1.0507009873554805 and α = 1.6732632423543772 keep mean 0 and variance 1. At 0 the gradient is λ α dy.
    Source: Klambauer et al., arXiv:1706.02515.
    """

    latex = (
        r"y = \lambda ([x > 0] \odot x + [x \le 0] \odot \alpha (e^x - 1)); "
        r"dx = \lambda\, dy \odot ([x > 0] + [x \le 0] \odot \alpha e^x)"
    )
    samples = [*Activation.samples[:3], sample(values([0.0, -0.0, 1.0, 1e4, -1e4]), name="zero", kink="x = 0")]

    def forward(xp, x):
        return exponential_below_zero(xp, x, SELU_ALPHA, SELU_SCALE, 1.0), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy * exponential_slope(xp, x, SELU_ALPHA, SELU_SCALE, 1.0),)


class Celu(Activation):
    """y = x where x > 0, else alpha (e^(x / alpha) - 1);  dx = dy where x > 0, else dy ⊙ e^(x / alpha).

    Raises ValueError for alpha = 0. Source: Barron, arXiv:1704.07483.
    """

    latex = (
        r"y = [x > 0] \odot x + [x \le 0] \odot \alpha (e^{x / \alpha} - 1); "
        r"dx = dy \odot ([x > 0] + [x \le 0] \odot e^{x / \alpha})"
    )
    samples = [
        sample(normal(3, 4)),
        sample(normal(3, 4), 2.0, name="alpha"),
        sample(values([0.0, -0.0, 1.0, 1e4, -1e4]), alpha=0.5, name="zero", kink="x = 0"),
    ]

    def call(input, alpha=1.0):
        if alpha == 0:
            raise ValueError("celu: alpha must not be 0, it divides; use relu for the limit")
        return (input,), {"alpha": alpha}

    def forward(xp, x, *, alpha=1.0):
        return exponential_below_zero(xp, x, alpha, 1.0, 1 / alpha), (x, alpha)

    def backward(xp, saved, dy):
        x, alpha = saved
        return (dy * exponential_slope(xp, x, alpha, 1.0, 1 / alpha),)


def exponential_below_zero(xp, x, alpha, scale, rate):
    """scale x where x > 0, else scale alpha (e^(rate x) - 1): what elu, selu and celu share."""
    return scale * xp.maximum(x, 0) + (scale * alpha) * xp.expm1(rate * xp.minimum(x, 0))  # one of the terms is 0


def exponential_slope(xp, x, alpha, scale, rate):
    """The derivative of `exponential_below_zero`. At NaN it is `scale`, as in PyTorch."""
    return xp.where(x <= 0, (scale * alpha * rate) * xp.exp(rate * xp.minimum(x, 0)), scale)
