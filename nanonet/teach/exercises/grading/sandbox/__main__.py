"""The child: takes a submission's code over a pipe, runs it behind the guard, and calls its functions when asked."""

from __future__ import annotations

import builtins
import linecache
import os
import sys
import sysconfig
import types
from collections.abc import Iterator
from typing import Any

HERE = sys.path[0]
sys.path.append(sys.argv[1])  # where the grader has its NumPy
REQUESTS, REPLIES = os.dup(0), os.dup(1)
os.dup2(2, 1)  # what the submission prints goes where its complaints go
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

import kernel  # noqa: E402

kernel.leave_the_network()  # before NumPy, since it takes a process with one thread
kernel.end_with_the_grader()

import channel  # noqa: E402
import guard  # noqa: E402
import numpy as np  # noqa: E402
import syscalls  # noqa: E402

FILE = guard.OWN
OUT_OF_MEMORY = channel.frame({"memory": True})
PRELOADED = """cmath collections contextlib copy dataclasses enum fractions functools itertools json linecache math
    numbers numpy.fft numpy.linalg numpy.polynomial numpy.random operator random re statistics string textwrap time
    tokenize traceback typing unicodedata warnings""".split()  # noqa: SIM905


def main() -> None:
    """Say that it is ready, then answer requests until the grader hangs up."""
    for name in PRELOADED:
        builtins.__import__(name)
    linecache.getlines(main.__code__.co_filename)  # a warning may point here, and Python wants to show the line
    np.__all__ = [name for name in np.__all__ if f"numpy.{name}" not in guard.FORBIDDEN_MODULES]  # of import *
    numpy_folder = os.path.dirname(np.__file__)
    packages = [numpy_folder, numpy_folder + ".libs"]
    libraries = sorted({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.dirname(os.__file__)})
    own = tuple(one.rstrip("/") for one in libraries)
    sys.path[:] = [one for one in sys.path if one.startswith(own) and "-packages" not in one]
    kernel.set_limits(float(sys.argv[2]), int(sys.argv[3]))
    kernel.read_only_in([*packages, *libraries, "/lib", "/lib64", "/usr/lib"])
    syscalls.refuse_calls()
    forget("channel", "guard", "kernel", "syscalls", "__main__", *guard.FORBIDDEN_MODULES)
    guard.stand_guard(teller(), libraries, packages)
    sys.modules["__main__"] = types.ModuleType("__main__")
    del globals()["guard"], globals()["kernel"], globals()["syscalls"]
    serve()


def forget(*names: str) -> None:
    """Modules that NumPy or we needed, and that a submission would get without an import."""
    for name in list(sys.modules):
        if name in names or name.partition(".")[0] in names:
            del sys.modules[name]
    sys.modules["numpy"]._core._internal.ctypes = None


def teller() -> Any:
    """What tells the grader of a forbidden attempt; all that it needs is in its defaults."""

    def tell(
        what: str,
        write: Any = os.write,
        to: int = REPLIES,
        sizes: Any = channel.SIZES.pack,
        header: bytes = b'{"forbidden": true}',
    ) -> None:
        body = what[:300].encode("utf-8", "replace")
        write(to, sizes(len(header), len(body)) + header + body)

    return tell


def serve() -> None:
    module = types.ModuleType("submission")
    sys.modules["submission"] = module
    reply({"ready": True})
    while True:
        header, body = receive()
        try:
            reply(*answer(module, header, body))
        except channel.ChannelError as error:
            reply({"returned": str(error)})
        except MemoryError:
            os.write(REPLIES, OUT_OF_MEMORY)  # made beforehand: there may be no room for anything now
            os._exit(4)


def answer(module: types.ModuleType, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """What comes of one request. What a submission raises ends in the answer and nowhere else."""
    try:
        if "load" in header:
            exec(compile(body, FILE, "exec", dont_inherit=True), module.__dict__)
            return {"missing": [name for name in header["load"] if not callable(getattr(module, name, None))]}, b""
        args, kwargs = channel.unpack(header["arguments"], body)
        function = getattr(module, header["call"])
        names = parameters(function)
        before = contents(names, args, kwargs)
        result = function(*args, **kwargs)
        after = contents(names, args, kwargs)
        changed = [place for place in {**before, **after} if before.get(place) != after.get(place)]
        if changed:
            return {"changed": changed[0]}, b""
        if isinstance(result, types.CoroutineType):
            result.close()  # else Python complains that nobody awaited it
        packed, arrays = channel.pack(result)
        return {"result": packed}, arrays
    except MemoryError:
        raise
    except channel.ChannelError as error:
        return {"returned": str(error)}, b""
    except SyntaxError as error:
        own = error.filename == FILE and "load" in header
        return {"syntax" if own else "error": complaint(error, error.lineno if own else line_of(error))}, b""
    except Exception as error:
        return {"error": complaint(error, line_of(error))}, b""
    except BaseException as error:
        return {"quit": complaint(error, line_of(error))}, b""


def leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every array (as its bytes), number and word within an argument, with its place: "0", "cache[1]"."""
    if isinstance(value, np.ndarray):
        yield place, (value.dtype, value.shape, np.ndarray.tobytes(value))
    elif isinstance(value, tuple | list | dict):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(f"{place}[{key}]", one)
    else:
        yield place, value


def contents(names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What the arguments hold, to see afterwards whether that was changed."""
    names = [*names, *(f"number {n + 1}" for n in range(len(names), len(args)))]
    named = [*zip(names, args, strict=False), *kwargs.items()]
    return dict(leaf for place, value in named for leaf in leaves(place, value))


def parameters(function: Any) -> list[str]:
    """The names of its positional parameters; none where it is no plain function."""
    code = getattr(function, "__code__", None)
    return list(code.co_varnames[: code.co_argcount]) if isinstance(code, types.CodeType) else []


def complaint(error: BaseException, line: int | None) -> dict[str, Any]:
    try:
        words = str(error.msg if isinstance(error, SyntaxError) else error)
    except Exception:
        words = ""
    names = [kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind]
    return {"type": type(error).__name__, "builtin": names[0], "message": words[:300], "line": line}


def line_of(error: BaseException) -> int | None:
    """The last line of the submission that the error passed through."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def reply(header: dict[str, Any], body: bytes = b"") -> None:
    rest = memoryview(channel.frame(header, body))
    while rest:
        rest = rest[os.write(REPLIES, rest) :]


def receive() -> tuple[dict[str, Any], bytes]:
    header, body = channel.sizes(exactly(channel.SIZES.size))
    return channel.parse(exactly(header)), exactly(body)


def exactly(count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = os.read(REQUESTS, count - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return bytes(parts)


main()
