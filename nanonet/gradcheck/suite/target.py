"""A function of the user's, by name: `module:function` or `path/to/file.py:function`, and the inputs to check it at."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from nanonet.gradcheck.check import check_backward, gradcheck
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.suite.ops import second_order
from nanonet.tensor import Tensor

HOW = "give --inputs '3,4;4,5' (shapes), or write {name}_inputs = (array, …) beside it"


class UnknownTargetError(ValueError):
    """There is nothing of that name, or it is no function."""


def check_target(
    target: str,
    backward: str = "",
    cache: bool = False,
    shapes: str = "",
    second: bool = False,
    seed: int | None = None,
    **options: Any,
) -> Report:
    """Check the gradient of the user's function `target`, of Tensors; with `backward`, of a pair of NumPy functions.

    shapes      of its inputs, "3,4;4,5", "()" for a number; filled with standard normal numbers from `seed`, which is
                a fresh one in fast mode and 0 in full mode, unless it is given
    options     those of `gradcheck`

    Without `shapes` the inputs are, of these, the first that there is: `NAME_inputs` or `INPUTS` in its module (a
    tuple of arrays, or a function that returns one); the function's defaults that are arrays. A function without
    parameters is called: it returns (f, inputs), (forward, backward, inputs) or a Report of its own.

    Raises UnknownTargetError where something is not found, ValueError (one line) where it cannot be checked.
    """
    module, function = find(target)
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31)) if options.get("mode") == "fast" else 0
    options["seed"] = seed
    if not shapes and not backward and not inspect.isclass(function) and parameters_of(function) == []:
        return _offered(target, function, second, options)
    other = find(backward if ":" in backward else f"{_split(target)[0]}:{backward}")[1] if backward else None
    names, inputs = inputs_of(target, module, function, shapes, seed)
    if other is None and names:  # parameters that are not the first ones are passed by name

        def f(*given: Any) -> Any:
            return function(**dict(zip(names, given, strict=True)))

        return _checked(target, f, None, inputs, second, options)
    return _checked(target, function, other, inputs, second, options | ({"cache": True} if cache else {}))


def _checked(
    target: str, f: Callable[..., Any], backward: Any, inputs: Any, second: bool, options: dict[str, Any]
) -> Report:
    if backward is not None and second:
        raise ValueError(
            f"{target}: --second needs a function of Tensors; a pair of NumPy functions has no second order"
        )
    try:
        with np.errstate(all="ignore"):
            if backward is not None:
                return check_backward(f, backward, inputs, name=target, **options)
            return (second_order() if second else gradcheck)(f, inputs, name=target, **options)
    except Exception as error:
        raise ValueError(f"{target}: {in_words(error)}") from error


def in_words(error: BaseException) -> str:
    """What the user's function did instead of an answer, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, ValueError | TypeError) and text.startswith(
        ("gradcheck:", "check_backward:", "gradgradcheck:")
    ):
        hint = "; the gradient of a NumPy function is given with --backward" if "must return Tensors" in text else ""
        return text.split(": ", 1)[1] + hint
    notes = "".join(f", {note}" for note in getattr(error, "__notes__", []))
    return f"raised {type(error).__name__}: {text}{notes} (--debug shows where)"


def _offered(target: str, function: Callable[..., Any], second: bool, options: dict[str, Any]) -> Report:
    """What a function without parameters returns: something to check, or a Report."""
    try:
        found = function()
    except Exception as error:
        raise ValueError(f"{target}: {in_words(error)}") from error
    if isinstance(found, Report):
        return found
    if isinstance(found, tuple) and len(found) in (2, 3) and callable(found[0]):
        backward = found[1] if len(found) == 3 else None
        return _checked(target, found[0], backward, found[-1], second, options)
    expected = "a function without parameters that returns (f, inputs), (forward, backward, inputs) or a Report"
    raise ValueError(f"{target}: expected {expected}, got {type(found).__name__}")


def find(target: str) -> tuple[ModuleType, Callable[..., Any]]:
    """The module and the function of "module:function" or "path/to/file.py:function"; a dotted name goes deeper."""
    where, name = _split(target)
    module = _from_file(Path(where)) if where.endswith(".py") else _imported(where)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            names = [key for key, value in vars(found).items() if callable(value)]
            raise UnknownTargetError(f"{where} has no function {name!r}{did_you_mean(part, names)}")
        found = getattr(found, part)
    if not callable(found):
        raise UnknownTargetError(f"{target}: expected a function, got {type(found).__name__}")
    return module, found


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """ "; did you mean a or b?", or nothing where no name is close."""
    close = difflib.get_close_matches(name, names, n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _split(target: str) -> tuple[str, str]:
    where, _, name = target.rpartition(":")
    if not where or not name:
        raise UnknownTargetError(f"{target}: expected module:function or path/to/file.py:function")
    return where, name


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UnknownTargetError(f"{path}: no such file")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as when Python runs the file: it finds what lies beside it
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None, "a .py file has a loader"
    assert spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    return _loaded(str(path), lambda: (spec.loader.exec_module(module), module)[1])  # type: ignore[union-attr]


def _imported(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # a command does not look into the current folder, python -m does
    try:
        return _loaded(name, lambda: importlib.import_module(name))
    except ValueError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name and (name + ".").startswith(cause.name + "."):
            where = "in the current folder and among the installed packages"
            raise UnknownTargetError(f"no module {name!r} {where}") from error
        raise


def _loaded(name: str, load: Callable[[], ModuleType]) -> ModuleType:
    try:
        return load()
    except Exception as error:
        text = " ".join(str(error).split())
        raise ValueError(f"{name} cannot be imported: {type(error).__name__}: {text} (--debug shows where)") from error


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """None where Python does not know them."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def inputs_of(
    target: str, module: ModuleType, function: Callable[..., Any], shapes: str, seed: int
) -> tuple[list[str], list[Any]]:
    """(names, inputs) for the user's function: names where the inputs belong to certain parameters, else none."""
    name = _split(target)[1].split(".")[-1]
    if shapes:
        return [], drawn(shapes, seed)
    for place in (f"{name}_inputs", "INPUTS"):
        if hasattr(module, place):
            found = getattr(module, place)
            found = found() if callable(found) else found
            return [], list(found) if isinstance(found, tuple | list) else [found]
    parameters = parameters_of(function) or []
    arrays = [p for p in parameters if isinstance(p.default, np.ndarray | Tensor)]
    required = [
        p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if arrays and not required:
        return [p.name for p in arrays], [p.default for p in arrays]
    raise UnknownTargetError(f"{target}: at which inputs? {HOW.format(name=name)}")


def drawn(shapes: str, seed: int) -> list[np.ndarray]:
    """Standard normal float64 arrays of the shapes "3,4;4,5"."""
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    for shape in shapes.strip().rstrip(";").split(";"):
        try:
            sizes = [int(size) for size in shape.strip("() ,").split(",") if size.strip()]
        except ValueError:
            sizes = [-1]
        if any(size < 0 for size in sizes) or not shape.strip():
            raise UnknownTargetError(f"--inputs: expected shapes as '3,4;4,5', () for a number, got {shapes!r}")
        found.append(np.asarray(rng.standard_normal(sizes)))
    return found
