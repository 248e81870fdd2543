"""Smooth activations, with the names and arguments of torch.nn.functional.

None of them takes PyTorch's `inplace`: tensors of a graph do not change, and the result is always a new one.
Integers become float32.
"""

import math

from nanonet.op import Op, sample
from nanonet.sampling import normal, values

SQRT_HALF = math.sqrt(0.5)
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
HUGE = sample(values([-1e4, -30.0, -1.0, 0.0, 2.0, 30.0, 1e4]), name="huge")


class Activation(Op, abstract=True):
    """One input, the same shape out."""

    promote = "float"
    samples = [sample(normal(3, 4)), sample(normal(), name="0-d"), sample(normal(0, 3), name="empty"), HUGE]

    def call(input):
        return (input,), {}


class Gelu(Activation):
    """y = x ⊙ Φ(x);  dx = dy ⊙ (Φ(x) + x ⊙ φ(x)).

    Φ and φ are the standard normal distribution function and density: Φ(x) = ½ (1 + erf(x/√2)). With
    approximate="tanh", Φ(x) = ½ (1 + tanh(√(2/π) (x + 0.044715 x³))) and φ is its derivative. Raises ValueError for
    any other `approximate` than "none" and "tanh". Source: Hendrycks and Gimpel, arXiv:1606.08415.
    """

    latex = r"y = x \odot \Phi(x); dx = dy \odot (\Phi(x) + x \odot \varphi(x))"
    method = True
    samples = [*Activation.samples, sample(normal(3, 4), approximate="tanh", name="tanh")]

    def call(input, approximate="none"):
        if approximate not in ("none", "tanh"):
            raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
        return (input,), {"approximate": approximate}

    def forward(xp, x, *, approximate="none"):
        if approximate == "tanh":
            cdf = 0.5 * (1 + xp.tanh(SQRT_2_OVER_PI * (x + 0.044715 * (x * x * x))))
        else:
            cdf = 0.5 * (1 + xp.erf(x * SQRT_HALF))
        return x * cdf, (x, cdf, approximate)

    def backward(xp, saved, dy):
        x, cdf, approximate = saved
        if approximate == "tanh":
            dx = 2 * cdf * (1 - cdf) * (1 + 3 * 0.044715 * (x * x)) * SQRT_2_OVER_PI
        else:
            dx = xp.exp(-0.5 * (x * x)) * (0.5 * SQRT_2_OVER_PI)
        dx *= x
        dx += cdf
        dx *= dy
        return (dx,)


class Silu(Activation):
    """y = x ⊙ s;  dx = dy ⊙ s ⊙ (1 + x ⊙ (1 - s)).

    s = sigmoid(x). Also called swish. Source: Elfwing, Uchibe and Doya, arXiv:1702.03118.
    """

    latex = r"y = x \odot \sigma(x); dx = dy \odot \sigma(x) \odot (1 + x \odot (1 - \sigma(x)))"
    method = True

    def forward(xp, x):
        s = xp.sigmoid(x)
        return x * s, (x, s)

    def backward(xp, saved, dy):
        x, s = saved
        dx = 1 - s
        dx *= x
        dx += 1
        dx *= s
        dx *= dy
        return (dx,)


class Mish(Activation):
    """y = x ⊙ t;  dx = dy ⊙ (t + x ⊙ (1 - t²) ⊙ sigmoid(x)).

    t = tanh(softplus(x)) = n / (n + 2) with n = e^x (e^x + 2). Source: Misra, arXiv:1908.08681.
    """

    latex = r"y = x \odot t; dx = dy \odot (t + x \odot (1 - t^2) \odot \sigma(x))"
    method = True

    def forward(xp, x):
        e = xp.exp(xp.minimum(x, 20.0))  # beyond 20, t is 1 to the last bit
        n = e * (e + 2)
        t = n / (n + 2)
        return x * t, (x, t)

    def backward(xp, saved, dy):
        x, t = saved
        return (dy * (t + x * (1 - t * t) * xp.sigmoid(x)),)


class Softplus(Activation):
    """y = log(1 + e^(beta x)) / beta;  dx = dy ⊙ sigmoid(beta x).

    Where beta x > threshold, y = x and dx = dy, as in PyTorch. Never overflows.
    """

    latex = r"y = \frac{1}{\beta} \log(1 + e^{\beta x}); dx = dy \odot \sigma(\beta x)"
    method = True
    samples = [
        *Activation.samples,
        sample(normal(3, 4), beta=2.0, threshold=1.0, name="options"),
        sample(normal(4), -1.5, 30, name="negative beta"),
        sample(values([19.0, 20.0, 21.0]), name="at the threshold", kink="beta x = threshold"),
    ]

    def call(input, beta=1, threshold=20):
        return (input,), {"beta": beta, "threshold": threshold}

    def forward(xp, x, *, beta=1, threshold=20):
        z = x if beta == 1 else beta * x
        y = xp.log1p(xp.exp(-xp.abs(z))) + xp.maximum(z, 0)
        return xp.where(z > threshold, x, y if beta == 1 else y / beta), (z, threshold)

    def backward(xp, saved, dy):
        z, threshold = saved
        return (xp.where(z > threshold, dy, dy * xp.sigmoid(z)),)


class Logsigmoid(Activation):
    """y = log sigmoid(x);  dx = dy ⊙ sigmoid(-x).

    Computed as min(x, 0) - log(1 + e^-|x|), which never overflows.
    """

    latex = r"y = \log \sigma(x); dx = dy \odot \sigma(-x)"
    method = True

    def forward(xp, x):
        return xp.minimum(x, 0) - xp.log1p(xp.exp(-xp.abs(x))), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy * xp.sigmoid(-x),)


class Softsign(Activation):
    """y = x / (1 + |x|);  dx = dy / (1 + |x|)²."""

    latex = r"y = \frac{x}{1 + |x|}; dx = \frac{dy}{(1 + |x|)^2}"
    samples = [*Activation.samples[:3], sample(values([-1e4, 0.0, 1e4]), name="huge", kink="second derivative at 0")]

    def forward(xp, x):
        d = 1 + xp.abs(x)
        return x / d, (d,)

    def backward(xp, saved, dy):
        (d,) = saved
        return (dy / (d * d),)


class Tanhshrink(Activation):
    """y = x - tanh x;  dx = dy ⊙ tanh² x."""

    latex = r"y = x - \tanh x; dx = dy \odot \tanh^2 x"

    def forward(xp, x):
        t = xp.tanh(x)
        return x - t, (t,)

    def backward(xp, saved, dy):
        (t,) = saved
        return (dy * (t * t),)


class Glu(Activation):
    """y = a ⊙ s;  dx = [dy ⊙ s, dy ⊙ a ⊙ s ⊙ (1 - s)] along `dim`.

    a and b are the halves of x along `dim`, s = sigmoid(b). Raises ValueError for an odd size. Source: Dauphin et al.,
    arXiv:1612.08083.
    """

    latex = (
        r"y = a \odot \sigma(b); "
        r"dx = [dy \odot \sigma(b),\; dy \odot a \odot \sigma(b) \odot (1 - \sigma(b))]"
    )
    shapes = "x (…, 2 D, …) -> y (…, D, …)"
    samples = [
        sample(normal(3, 4)),
        sample(normal(4, 3), 0, name="first"),
        sample(normal(2, 6, 2), dim=-2, name="middle"),
        sample(normal(0, 4), name="empty"),
    ]

    def call(input, dim=-1):
        shape = getattr(input, "shape", ())
        if not -len(shape) <= dim < len(shape):
            raise ValueError(f"glu: dim {dim} does not exist in input of shape {shape}; it needs one axis or more")
        if shape[dim] % 2:
            raise ValueError(f"glu: expected an even size along dim {dim}, got {shape[dim]}; the input has two halves")
        return (input,), {"dim": dim % len(shape)}

    def forward(xp, x, *, dim=-1):
        before, half = (slice(None),) * dim, x.shape[dim] // 2
        a, s = x[(*before, slice(None, half))], xp.sigmoid(x[(*before, slice(half, None))])
        return a * s, (a, s, dim)

    def backward(xp, saved, dy):
        a, s, dim = saved
        da = dy * s
        return (xp.concatenate([da, da * a * (1 - s)], axis=dim),)
