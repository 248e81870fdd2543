"""Checkpoints: everything that a run needs to go on, in one safetensors file, never half written.

One file, because a file can take another's place in a single step of the file system. It is written under a hidden
name beside the real one, forced to the disk, and then renamed: a process killed at any moment leaves either the old
checkpoint or the new one, both complete. The arrays are the file's tensors; everything else is JSON in its header,
where {"$array": name} stands for an array. Nothing is pickled, so that loading a stranger's file runs no code of his.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nanonet import random
from nanonet.device import on_host
from nanonet.tensor import Tensor

FORMAT = "nanonet-checkpoint"
VERSION = "1"
SUFFIX = ".safetensors"


class CheckpointError(ValueError):
    """A checkpoint that cannot be written, or that is damaged, foreign, or of another model."""


def save_state(path: str | os.PathLike[str], state: Mapping[str, Any]) -> Path:
    """Write `state`, dicts and lists of arrays, Tensors and plain values, as a checkpoint file, in one step.

    Raises CheckpointError, for instance for a full disk; a checkpoint that was at `path` is then as it was.
    """
    from safetensors.numpy import save

    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    try:
        text = json.dumps(_pack(state, "", arrays))
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"checkpoint: {error}; a state is made of arrays, numbers, texts, lists and dicts"
        ) from None
    metadata = {"format": FORMAT, "version": VERSION, "state": text, "crc32": str(_checksum(text, arrays))}
    try:
        write_atomically(path, save(arrays, metadata))
    except OSError as error:
        raise CheckpointError(
            f"checkpoint: cannot write {path}: {error.strerror or error}; an earlier checkpoint there is as it was"
        ) from error
    return path


def load_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The state that `save_state` wrote, with arrays that the caller owns.

    Raises CheckpointError for a file that is missing, truncated, damaged, of another program or another version.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise CheckpointError(f"checkpoint: {path} is a safetensors file, but no checkpoint of nanonet")
            if metadata.get("version") != VERSION:
                raise CheckpointError(
                    f"checkpoint: {path} has format version {metadata.get('version')}, this nanonet reads {VERSION}"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        if str(_checksum(metadata["state"], arrays)) != metadata["crc32"]:
            raise CheckpointError(f"checkpoint: {path} is damaged: its checksum is wrong; use an earlier one")
        return _unpack(json.loads(metadata["state"]), arrays)
    except FileNotFoundError:
        raise CheckpointError(f"checkpoint: there is no file {path}") from None
    except OSError as error:
        raise CheckpointError(f"checkpoint: cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise CheckpointError(
            f"checkpoint: {path} is truncated or no safetensors file ({_one_line(error)}); use an earlier one"
        ) from None
    except (KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(f"checkpoint: {path} is damaged ({_one_line(error)}); use an earlier one") from None


def save_checkpoint(
    path: str | os.PathLike[str],
    model: Any,
    optimizer: Any = None,
    scheduler: Any = None,
    loader: Any = None,
    *,
    epoch: int = 0,
    batch: int = 0,
    history: Mapping[str, Any] | None = None,
    **more: Any,
) -> Path:
    """Save a run: the state of each part, the default generator's, and where the run stands.

    epoch, batch    epochs completed, and batches completed in the epoch after them
    history         figures so far
    more            anything else with arrays and plain values; `load_checkpoint` returns it
    """
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "loader": loader}
    state = {name: part.state_dict() for name, part in parts.items() if part is not None}
    place = {"epoch": epoch, "batch": batch, "history": dict(history or {})}
    return save_state(path, {**state, **place, "random": random.get_state(), "more": more})


def load_checkpoint(
    path: str | os.PathLike[str],
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    loader: Any = None,
    *,
    restore_random: bool = True,
) -> dict[str, Any]:
    """Bring the given parts, and the default generator, to where the checkpoint left them; return epoch, batch,
    history and what else was saved.

    Raises CheckpointError for a bad file, a part that was not saved, or one that does not fit;
    then nothing has changed.
    """
    state = load_state(path)
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "loader": loader}
    restore({name: part for name, part in parts.items() if part is not None}, state, str(path))
    if restore_random:
        random.set_state(state["random"])
    place = {key: state[key] for key in ("epoch", "batch", "history")}
    return {**place, **state["more"]}


def restore(parts: Mapping[str, Any], state: Mapping[str, Any], name: str) -> None:
    """`part.load_state_dict(state[key])` for each part: all of them, or none and a CheckpointError."""
    done: list[tuple[Any, Any]] = []
    for key, part in parts.items():
        try:
            if key not in state:
                raise ValueError("it was not saved")
            before = _copied(part.state_dict())
            part.load_state_dict(state[key])
            done.append((part, before))
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            for other, before in reversed(done):
                other.load_state_dict(before)
            raise CheckpointError(f"checkpoint: {name} does not fit the {key}: {_one_line(error)}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """`data` as the file `path`, which at every moment is the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself survive a power cut. Windows has no such call for folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _pack(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """`value` for JSON; its arrays go into `arrays`, named by their path."""
    value = on_host(value.array if isinstance(value, Tensor) else value)
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "shape"):
        while path in arrays:  # {"a": {"b.c": …}, "a.b": {"c": …}} has two arrays a.b.c
            path += "'"
        native = value.dtype.newbyteorder("=")  # safetensors knows no other order of bytes
        arrays[path] = np.ascontiguousarray(value, native).reshape(value.shape)
        return {"$array": path}
    if isinstance(value, Mapping):
        if "$array" in value:
            raise ValueError("the key '$array' stands for an array; choose another")
        return {str(k): _pack(v, f"{path}.{k}" if path else str(k), arrays) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(v, f"{path}.{i}", arrays) for i, v in enumerate(value)]
    return value


def _unpack(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        return arrays[value["$array"]] if "$array" in value else {k: _unpack(v, arrays) for k, v in value.items()}
    return [_unpack(v, arrays) for v in value] if isinstance(value, list) else value


def _copied(value: Any) -> Any:
    """A state dict whose arrays are no longer shared with what it describes."""
    if isinstance(value, Tensor):
        return value.array.copy()
    if isinstance(value, dict):
        return {k: _copied(v) for k, v in value.items()}
    return value.copy() if hasattr(value, "shape") else value


def _checksum(text: str, arrays: Mapping[str, np.ndarray]) -> int:
    """Of everything that the file says: the state's text, and each array's name, dtype, shape and numbers."""
    crc = zlib.crc32(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(array.tobytes(), crc)
    return crc


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
