"""Stands in for Numba where it is not installed: decorators that do nothing, and names that are only named.

The kernels' Python text is imported for its launch parameters; what runs on the GPU is the PTX in the bundle. Nothing
here computes: calling such a function is an error.
"""

import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Name:
    """Any name of Numba's: as a decorator it gives the function back, as anything else it is another name."""

    def __init__(self, path="numba"):
        self._path = path

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(f"{self._path}.{name}")

    def __call__(self, *arguments, **options):
        if len(arguments) == 1 and callable(arguments[0]) and not isinstance(arguments[0], _Name):
            return arguments[0]
        return _Name(f"{self._path}(…)")

    def __getitem__(self, key):
        return _Name(f"{self._path}[…]")

    def __iter__(self):
        raise TypeError(f"{self._path} is a stand-in: Numba is not installed")

    def __bool__(self):
        return False


class _Module(ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(f"{self.__name__}.{name}")


class _Finder(Loader):
    """Every module below numba is such a module."""

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self, is_package=True) if name.startswith(("numba.", "llvmlite")) else None

    def create_module(self, spec):
        return _Module(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.append(_Finder())
sys.modules[__name__].__class__ = _Module
