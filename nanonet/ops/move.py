"""From one device to another, as an operation of the graph."""

from nanonet.device import device_of, place
from nanonet.op import Op


class ToDevice(Op, abstract=True):  # without a public function: people write x.to(device)
    """y = x, on another device;  dx = dy, on the device of x."""

    def forward(xp, x, *, device):
        return place(x, device), (device_of(x),)

    def backward(xp, saved, dy):
        (device,) = saved
        return (dy.to(device) if hasattr(dy, "to") else place(dy, device),)
