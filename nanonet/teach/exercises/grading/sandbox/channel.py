"""What the grader and a submission's process say to each other: frames of JSON and the bytes of arrays.

A frame is 8 bytes with two lengths, a JSON header, and a body with the bytes of every array one after the other.
Nothing is ever unpickled: the grader reads numbers, shapes and words, checks each of them, and believes nothing else.
"""

from __future__ import annotations

import json
import struct
from math import prod
from typing import Any

import numpy as np

SIZES = struct.Struct(">II")
LARGEST_HEADER = 1 << 20
LARGEST_BODY = 16 << 20
DEEPEST = 6
NUMBERS = "biufc"  # the kinds of dtypes that may pass


class ChannelError(Exception):
    """A frame that is none, or a value that has no place in a frame."""


def frame(header: dict[str, Any], body: bytes = b"") -> bytes:
    """The bytes of one message."""
    text = json.dumps(header).encode()
    if len(text) > LARGEST_HEADER or len(body) > LARGEST_BODY:
        raise ChannelError(f"more than {LARGEST_BODY >> 20} MB")
    return SIZES.pack(len(text), len(body)) + text + body


def sizes(start: bytes) -> tuple[int, int]:
    """The lengths of header and body, from a frame's first 8 bytes."""
    header, body = SIZES.unpack(start)
    if header > LARGEST_HEADER or body > LARGEST_BODY:
        raise ChannelError(f"more than {LARGEST_BODY >> 20} MB")
    return header, body


def parse(header: bytes) -> dict[str, Any]:
    """The header of a frame."""
    try:
        found = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise ChannelError("no JSON") from error
    if not isinstance(found, dict):
        raise ChannelError("no JSON object")
    return found


def pack(value: Any) -> tuple[Any, bytes]:
    """A value as JSON and bytes: arrays, numbers, strings, None, and tuples, lists and dictionaries of them."""
    parts: list[bytes] = []
    return _packed(value, parts, 0), b"".join(parts)


def _packed(value: Any, parts: list[bytes], depth: int) -> Any:
    if depth > DEEPEST:
        raise ChannelError(f"something nested more than {DEEPEST} deep")
    if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, np.ndarray | np.generic | complex):
        array = np.asarray(value)
        if array.dtype.kind not in NUMBERS:
            raise ChannelError(f"an array of dtype {array.dtype}")
        parts.append(array.tobytes())
        tag = "scalar" if isinstance(value, np.generic) else "array"
        return {tag: [array.dtype.str, list(array.shape)]}
    if isinstance(value, tuple | list):
        tag = "tuple" if isinstance(value, tuple) else "list"
        return {tag: [_packed(one, parts, depth + 1) for one in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": [[key, _packed(one, parts, depth + 1)] for key, one in value.items()]}
    raise ChannelError(f"an object of type {type(value).__name__}")


def unpack(value: Any, body: bytes) -> Any:
    """The value that `pack` packed. Raises ChannelError for anything that it would not have written."""
    rest = memoryview(body)
    try:
        found, rest = _unpacked(value, rest, 0)
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise ChannelError("no packed value") from error
    if len(rest):
        raise ChannelError("no packed value")
    return found


def _unpacked(value: Any, rest: memoryview, depth: int) -> tuple[Any, memoryview]:
    if value is None or isinstance(value, bool | int | float | str):
        return value, rest
    if depth > DEEPEST + 1 or not isinstance(value, dict) or len(value) != 1:
        raise ValueError(value)
    ((tag, content),) = value.items()
    if tag in ("array", "scalar"):
        array, rest = _array(content, rest)
        return (array[()] if tag == "scalar" else array), rest
    keys = [key for key, _ in content] if tag == "dict" else []
    found: list[Any] = []
    for one in content if tag != "dict" else [one for _, one in content]:
        item, rest = _unpacked(one, rest, depth + 1)
        found.append(item)
    if tag == "dict":
        return dict(zip(keys, found, strict=True)), rest
    return {"tuple": tuple, "list": list}[tag](found), rest


def _array(content: Any, rest: memoryview) -> tuple[np.ndarray, memoryview]:
    name, shape = content
    dtype = np.dtype(str(name))
    if dtype.kind not in NUMBERS or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(content)
    count = prod(shape)
    length = count * dtype.itemsize
    if length > len(rest):
        raise ValueError(content)
    return np.frombuffer(rest[:length], dtype).reshape(shape).copy(), rest[length:]
