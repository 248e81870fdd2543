"""Convolutions and their transposes, in one and two dimensions."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from nanonet import functional as F
from nanonet.nn import init
from nanonet.nn.module import Module
from nanonet.nn.parameter import new_parameter
from nanonet.tensor import Tensor

Size = int | tuple[int, ...]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def sizes(value: Size, n: int, what: str) -> tuple[int, ...]:
    """One integer per dimension: (k, k) for k."""
    found = tuple(value) if isinstance(value, tuple | list) else (value,) * n
    if len(found) != n or any(isinstance(size, float | str) for size in found):
        raise ValueError(f"{what}: expected an integer or {n} of them, got {value!r}")
    return found


class _Convolution(Module):
    """What convolutions and their transposes have in common: arguments, weights, repr."""

    ndim: ClassVar[int]
    transposed: ClassVar[bool]
    padding: Any  # numbers, or a word for _Conv

    def _set_up(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | str,
        output_padding: Size,
        dilation: Size,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: str | None,
        dtype: Any,
    ) -> None:
        name = type(self).__name__
        allowed = PADDING_MODES[:1] if self.transposed else PADDING_MODES
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: expected groups that divide {in_channels} and {out_channels} channels, got {groups}"
            )
        if padding_mode not in allowed:
            raise ValueError(f"{name}: expected padding_mode to be one of {', '.join(allowed)}, got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = sizes(kernel_size, self.ndim, f"{name}: kernel_size")
        self.stride = sizes(stride, self.ndim, f"{name}: stride")
        self.dilation = sizes(dilation, self.ndim, f"{name}: dilation")
        self.output_padding = sizes(output_padding, self.ndim, f"{name}: output_padding")
        self.groups = groups
        self.padding_mode = padding_mode
        if isinstance(padding, str):
            if self.transposed or padding not in ("same", "valid"):
                words = "" if self.transposed else ", 'same' or 'valid'"
                raise ValueError(f"{name}: expected padding as numbers{words}, got {padding!r}")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError(f"{name}: padding='same' needs stride 1, got {self.stride}")
            self.padding = padding
        else:
            self.padding = sizes(padding, self.ndim, f"{name}: padding")
        outer, inner = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = new_parameter(outer, inner // groups, *self.kernel_size, dtype=dtype, device=device)
        self.register_parameter("bias", new_parameter(out_channels, dtype=dtype, device=device) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """New random weights."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(max(init.fans(self.weight)[0], 1))
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, default in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name)
            if value != (default,) * self.ndim:
                text += f", {name}={value}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class _Conv(_Convolution):
    transposed = False
    function: ClassVar[str]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._set_up(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            0,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _pad_widths(self) -> list[int]:
        """(left, right) of each axis for `F.pad`, which begins with the last axis."""
        widths: list[Any] = []
        if self.padding == "valid":
            return [0, 0] * self.ndim
        for i in reversed(range(self.ndim)):
            if self.padding == "same":
                total = self.dilation[i] * (self.kernel_size[i] - 1)
                widths += [total // 2, total - total // 2]
            else:
                widths += [self.padding[i]] * 2
        return widths

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._pad_widths(), mode=self.padding_mode), 0
        return getattr(F, self.function)(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class Conv1d(_Conv):
    """Cross-correlation y[n, o, l] = b[o] + Σ_{c,k} w[o, c, k] x[n, c, stride·l + dilation·k - padding].

    x (N, C, L) or (C, L), weight (out_channels, in_channels/groups, K), bias (out_channels). Both start in
    U(-1/√fan_in, 1/√fan_in), fan_in = in_channels/groups · K. `padding` may be "same" or "valid"; `padding_mode` is
    "zeros", "reflect", "replicate" or "circular".
    """

    ndim, function = 1, "conv1d"


class Conv2d(_Conv):
    """Conv1d's sum over two axes: x (N, C, H, W) or (C, H, W), weight (out_channels, in_channels/groups, KH, KW).

    Arguments and first weights as Conv1d's; sizes are integers or pairs.
    """

    ndim, function = 2, "conv2d"


class _ConvTranspose(_Convolution):
    transposed = True
    function: ClassVar[str]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._set_up(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            output_padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._output_padding(input, output_size)
        function = getattr(F, self.function)
        return function(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _output_padding(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output_padding that makes an output of `output_size` (its last axes count)."""
        wanted = tuple(output_size)[-self.ndim :]
        extra: list[int] = []
        for i, (n, m) in enumerate(zip(input.shape[-self.ndim :], wanted, strict=True)):
            least = (n - 1) * self.stride[i] - 2 * self.padding[i] + self.dilation[i] * (self.kernel_size[i] - 1) + 1
            if not 0 <= m - least < self.stride[i]:
                raise ValueError(
                    f"{type(self).__name__}: expected axis {i} of output_size from {least} to "
                    f"{least + self.stride[i] - 1}, got {m}"
                )
            extra.append(m - least)
        return tuple(extra)


class ConvTranspose1d(_ConvTranspose):
    """The transpose of Conv1d: y[n, o, stride·l + dilation·k - padding] += w[c, o, k] x[n, c, l], and the bias.

    x (N, C, L) -> y (N, out_channels, (L-1) stride - 2 padding + dilation (K-1) + output_padding + 1); weight
    (in_channels, out_channels/groups, K). Called with `output_size`, it finds output_padding by itself.
    """

    ndim, function = 1, "conv_transpose1d"


class ConvTranspose2d(_ConvTranspose):
    """ConvTranspose1d's sum over two axes: x (N, C, H, W), weight (in_channels, out_channels/groups, KH, KW)."""

    ndim, function = 2, "conv_transpose2d"
