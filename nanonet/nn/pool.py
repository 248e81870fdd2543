"""Pooling: the greatest or the mean of each window."""

from __future__ import annotations

from typing import Any, ClassVar

from nanonet import functional as F
from nanonet.nn.conv import Size, sizes
from nanonet.nn.module import Module
from nanonet.tensor import Tensor


class _MaxPool(Module):
    function: ClassVar[str]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        options: dict[str, Any] = {"return_indices": True} if self.return_indices else {}
        function = getattr(F, self.function)
        return function(
            input, self.kernel_size, self.stride, self.padding, self.dilation, ceil_mode=self.ceil_mode, **options
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The greatest of each window: x (N, C, L) -> y (N, C, L'). `stride` is `kernel_size` unless given."""

    function = "max_pool1d"


class MaxPool2d(_MaxPool):
    """The greatest of each window: x (N, C, H, W) -> y (N, C, H', W'). `stride` is `kernel_size` unless given."""

    function = "max_pool2d"


class AvgPool1d(Module):
    """The mean of each window: x (N, C, L) -> y (N, C, L'). `count_include_pad` counts padded zeros in the mean."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = sizes(kernel_size, 1, "AvgPool1d: kernel_size")
        self.stride = self.kernel_size if stride is None else sizes(stride, 1, "AvgPool1d: stride")
        self.padding = sizes(padding, 1, "AvgPool1d: padding")
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window: x (N, C, H, W) -> y (N, C, H', W'). `divisor_override` replaces the window's size."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """The mean of as many windows as `output_size` says: x (N, C, H, W) -> y (N, C, *output_size).

    `output_size` is an integer or a pair; None keeps the input's size.
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
