"""From one device to another, as an operation of the graph."""

from nanonet.device import device_of, place
from nanonet.op import Op


class ToDevice(Op, abstract=True):  # without a public function: people write x.to(device)
    """y = x, on another device;  dx = dy, on the device of x."""

    def forward(xp, x, *, device):
        return moved(x, device), (device_of(getattr(x, "array", x)),)

    def backward(xp, saved, dy):
        (device,) = saved
        return (moved(dy, device),)


def moved(x, device):
    """An array, or a Tensor where the backward is recorded, on `device`."""
    return x.to(device) if hasattr(x, "to") else place(x, device)
