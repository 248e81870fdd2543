"""What Python, NumPy and people ask of an array, apart from computing with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.device import device_of, on_host
from nanonet.variable import Variable


class ArrayLike(Variable):
    """Shape, dtype, text and conversions of `self.array`."""

    __array_ufunc__ = None  # so that `array * tensor` comes to Tensor.__rmul__

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        """The number of elements, as in NumPy; PyTorch's x.size() is `x.shape`."""
        return self.array.size

    @property
    def nbytes(self) -> int:
        return self.array.nbytes

    @property
    def itemsize(self) -> int:
        return self.array.itemsize

    @property
    def device(self) -> str:
        """Where the numbers lie: "cpu" or "cuda"."""
        return device_of(self.array)

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def dim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len: a 0-d tensor has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        body = np.array2string(np.asarray(on_host(self.array)), separator=", ", prefix="tensor(")
        notes = [] if self.dtype in (np.float32, np.int64, np.bool_) else [f"dtype={self.dtype}"]
        if self.device != "cpu":
            notes.append(f"device={self.device!r}")
        if not self.size and self.ndim > 1:
            notes.insert(0, f"shape={self.shape}")
        if self.entry is not None:
            notes.append(f"op={self.entry.op.name}")
        elif self.wants_grad:
            notes.append("requires_grad=True")
        return f"tensor({', '.join([body, *notes])})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.size == 1 else str(self)

    def numpy(self) -> np.ndarray:
        """The NumPy array (shared memory), also of a tensor in a graph, where PyTorch asks for detach() first.

        Raises TypeError on a GPU, where it would be a copy and a wait that nobody sees: x.cpu().numpy() says so.
        """
        self._on_cpu("numpy")
        return self.expose()

    def _on_cpu(self, name: str) -> None:
        if self.device != "cpu":
            raise TypeError(f"{name}: this tensor is on {self.device}; copy it to main memory first: x.cpu().numpy()")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self._on_cpu("array")
        if copy is False and (dtype is None or np.dtype(dtype) == self.dtype):
            return self.expose()
        if copy is False:
            raise ValueError(f"array: a tensor of {self.dtype} becomes {np.dtype(dtype)} only as a copy")
        return np.array(self.array, dtype=dtype, copy=True)

    # Shared with other libraries, without a copy: PyTorch, JAX and CuPy read these. Values only, no graph.

    def __dlpack__(self, **options: Any) -> Any:
        """The array as a DLPack capsule: `torch.from_dlpack(x)` shares its memory."""
        return self.expose().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Where the numbers lie on the GPU; `cupy.asarray(x)` and Numba's kernels share them."""
        if self.device == "cpu":
            raise AttributeError("this tensor is in main memory and has no __cuda_array_interface__; use x.to('cuda')")
        return self.array.__cuda_array_interface__

    def item(self) -> Any:
        """The only element, as a Python number."""
        if self.size != 1:
            raise ValueError(f"item: expected one element, got shape {self.shape}; index it first or use numpy()")
        return on_host(self.array).item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return on_host(self.array).tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"bool: a tensor of shape {self.shape} is neither true nor false; use any() or all()")
        return bool(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iub":
            raise TypeError(f"index: expected an integer tensor, got {self.dtype}")
        return int(self.item())
