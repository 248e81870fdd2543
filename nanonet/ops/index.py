"""Ops that pick elements by index, and their transposes, which add elements back to where they came from."""

from nanonet.conversion import plain_key
from nanonet.op import Op, sample
from nanonet.sampling import normal


class Getitem(Op):
    """y = x[key];  dx = zeros with dy added at `key`.

    `key` is what NumPy takes: integers, slices, `None`, `...`, integer arrays and masks. An element picked several
    times receives the sum of its gradients.
    """

    latex = r"y = x_{key}; dx_{key} \mathrel{+}= dy"
    shapes = "x (…) -> y (as NumPy)"
    array = True
    operators = ("__getitem__",)
    samples = [
        sample(normal(3, 4), key=1),
        sample(normal(3, 4), key=(slice(None, None, 2), slice(1, 3)), name="slices"),
        sample(normal(3, 4), key=(None, Ellipsis, -1), name="None and ..."),
        sample(normal(3, 4), key=([0, 2, 0],), name="repeated rows"),
        sample(normal(3, 4), key=([0, 2, 2], [1, 1, 1]), name="repeated elements"),
    ]

    def call(x, key):
        return (x,), {"key": plain_key(key)}

    def forward(xp, x, *, key):
        return x[key], (x.shape, key)

    def backward(xp, saved, dy):
        shape, key = saved
        return (xp.put_add(dy, shape=shape, key=key),)


class PutAdd(Op):
    """y = zeros of `shape`, then y[key] += x;  dx = dy[key]. The transpose of getitem."""

    latex = r"y_{key} \mathrel{+}= x; dx = dy_{key}"
    shapes = "x (as NumPy's y[key]) -> y (shape)"
    array = True
    samples = [sample(normal(3), shape=(3, 4), key=([0, 2, 2], [1, 1, 1])), sample(normal(2, 3), shape=(4, 3), key=slice(1, 3))]

    def forward(xp, x, *, shape, key):
        return xp.put_add(x, shape=shape, key=key), (key,)

    def backward(xp, saved, dy):
        return (dy[saved[0]],)
