"""NVRTC, NVIDIA's compiler as a library: CUDA C to PTX or machine code, with no GPU and no driver."""

from __future__ import annotations

from typing import Any


class CompilationError(ValueError):
    """NVRTC refuses a source: its first errors, with their lines."""


def nvrtc(text: str, name: str, options: tuple[str, ...], kind: str) -> bytes:
    """`text` compiled with NVRTC's command-line `options` to `kind`: "ptx", or "cubin" for one architecture.

    Raises CompilationError with the compiler's words. Needs cuda-bindings and the NVRTC library.
    """
    from cuda.bindings import nvrtc as library  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]

    api: Any = library
    program = _checked(api, api.nvrtcCreateProgram(text.encode(), f"{name}.cu".encode(), 0, [], []))
    try:
        (status,) = api.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
        if status != api.nvrtcResult.NVRTC_SUCCESS:
            log = bytearray(_checked(api, api.nvrtcGetProgramLogSize(program)))
            _checked(api, api.nvrtcGetProgramLog(program, log))
            errors = [line for line in log.decode().splitlines() if "error" in line]
            raise CompilationError(f"{name}: NVRTC refuses it: {'; '.join(errors[:3])}")
        size, fetch = {
            "ptx": (api.nvrtcGetPTXSize, api.nvrtcGetPTX),
            "cubin": (api.nvrtcGetCUBINSize, api.nvrtcGetCUBIN),
        }[kind]
        code = bytearray(_checked(api, size(program)))
        _checked(api, fetch(program, code))
        return bytes(code)
    finally:
        api.nvrtcDestroyProgram(program)


def _checked(api: Any, answer: tuple[Any, ...]) -> Any:
    """The value of a call that must succeed."""
    status, *values = answer
    if status != api.nvrtcResult.NVRTC_SUCCESS:
        raise RuntimeError(f"NVRTC: {api.nvrtcGetErrorString(status)[1].decode()}")
    return values[0] if values else None
