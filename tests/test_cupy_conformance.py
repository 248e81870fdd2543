"""Every use of CuPy in the sources exists in the installed CuPy, and its arguments fit. No GPU is needed for that.

What this cannot see: values, dtypes and shapes; methods of arrays whose origin a file does not show.
"""

import ast
import inspect
import re
from pathlib import Path

import pytest

from nanonet.backends.base import VOCABULARY
from nanonet_kernels.inspection.conformance import check_cupy_calls, check_rules
from nanonet_kernels.inspection.signatures import from_text, signature_of

cupy = pytest.importorskip(
    "cupy", reason="needs CuPy (pip install 'nanonet[cuda13]'); it can be imported without a GPU"
)

ROOT = Path(__file__).parent.parent
SOURCES = [path for room in ("nanonet", "kernels", "benchmarks") for path in sorted((ROOT / room).rglob("*.py"))]
RULES = sorted((ROOT / "nanonet" / "ops").glob("*.py"))
# What NumPy and CuPy both lack begins here; every backend writes these itself.
TAKEN = VOCABULARY[: VOCABULARY.index("erf")]
# Where a rule's call does not fit CuPy's function, the cuda backend has to write its own: (file, call) -> why.
ADAPTED = {
    ("order.py", "argsort"): "CuPy has no stable=; its argsort is always stable",
    ("padding.py", "pad"): "a composite: there xp is the Tensor namespace, whose pad takes a fourth argument",
}


def planted(tmp_path, text):
    path = tmp_path / "planted.py"
    path.write_text(text)
    return check_cupy_calls([path])


def test_every_cupy_name_exists_and_every_call_fits():
    found = check_cupy_calls(SOURCES)
    print(found)
    assert found.problems == []
    assert found.names > 0
    assert found.bound > 0


def test_the_rules_call_cupys_functions_with_arguments_that_they_have():
    found = check_rules(RULES, TAKEN, cupy)
    print(found)
    unexplained = []
    for problem in found.problems:
        place = re.match(r"([\w.]+):\d+: xp\.(\w+)", problem)
        if place is None or place.groups() not in ADAPTED:
            unexplained.append(problem)
    assert unexplained == []
    assert found.names > 500
    assert found.unchecked == []


def test_every_adaptation_is_still_needed():
    places = [re.match(r"([\w.]+):\d+: xp\.(\w+)", problem) for problem in check_rules(RULES, TAKEN, cupy).problems]
    assert {place.groups() for place in places if place} == set(ADAPTED)


def test_cupy_has_every_function_that_rules_may_ask_of_an_array_module():
    assert [name for name in TAKEN if not hasattr(cupy, name)] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import cupy\ncupy.exponential(1)", "planted.py:2: cupy has no exponential"),
        ("import cupy as cp\ndef f(x):\n    return cp.linalg.inverse(x)", "planted.py:3: cupy.linalg has no inverse"),
        ("from cupy.cuda import Streem", "planted.py:1: cupy.cuda has no Streem"),
        ("import cupy.no_such_part", "planted.py:1: cupy.no_such_part: No module named 'cupy.no_such_part'"),
        ("import cupy\ncupy.argsort(x, stable=True)", "unexpected keyword argument 'stable'"),
        ("import cupy\ncupy.exp(x, inplace=True)", "unexpected keyword argument 'inplace'"),
        ("import cupy\ncupy.add(x)", "missing a required argument: 'x2'"),
        ("import cupy\nstream = cupy.cuda.Stream(non_blocking=True)\nstream.sync()", "Stream has no sync"),
        ("import cupy\nwith cupy.cuda.Device(0) as d:\n    d.sync()", "planted.py:3: Device has no sync"),
        ("import cupy\ncupy.get_default_memory_pool().free()", "MemoryPool has no free"),
        ("import cupy\nmodule = cupy.cuda.function.Module()\nmodule.load(a, b)", "too many positional arguments"),
        ("import cupy as library\ncupy: object = library\ncupy.cuda.Event(blocking=True)", "argument 'blocking'"),
        ("def f():\n    import cupy\n    return cupy.asarray([1]).to_host()", "planted.py:3: ndarray has no to_host"),
        ("import cupyx\ncupyx.empty_pinned()", "missing a required argument: 'shape'"),
    ],
)
def test_a_wrong_name_or_argument_is_caught(tmp_path, text, problem):
    found = planted(tmp_path, text)
    assert len(found.problems) == 1, found.problems
    assert problem in found.problems[0]


def test_what_is_right_passes(tmp_path):
    found = planted(
        tmp_path,
        "import cupy as cp\n"
        "def f(x, cp_array):\n"
        "    with cp.cuda.Stream(non_blocking=True) as s:\n"
        "        y = cp.asarray(x, dtype=cp.float32)\n"
        "        s.synchronize()\n"
        "    return cp.exp(y, out=y).get(), y.get(stream=s), cp.sum(y, axis=0, keepdims=True)\n",
    )
    assert found.problems == []
    assert found.bound == 7
    assert found.unchecked == []


def test_a_name_that_a_function_takes_as_an_argument_is_not_cupy(tmp_path):
    assert planted(tmp_path, "import cupy\ndef f(cupy):\n    return cupy.no_such_name\n").problems == []


def test_a_wrong_call_in_a_rule_is_caught(tmp_path):
    path = tmp_path / "planted.py"
    path.write_text("def forward(xp, x):\n    return xp.sort(x, axis=0, stable=True) + xp.sum(x, axis=0)\n")
    found = check_rules([path], TAKEN, cupy)
    assert found.problems == [
        "planted.py:2: xp.sort(a, axis=-1, kind=None): got an unexpected keyword argument 'stable'"
    ]
    assert found.names == 2


def test_what_takes_any_arguments_is_counted_apart(tmp_path):
    found = planted(tmp_path, "import cupy\ncupy.matmul(x, y, z)\ncupy.exp(*x)\n")
    assert found.problems == []
    assert len(found.loose) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self, bytes cubin", "(cubin)"),
        (
            "x1, x2, /, out=None, \\*, casting='same_kind', dtype=None",
            "(x1, x2, /, out=None, *, casting=None, dtype=None)",
        ),
        ("intptr_t dst, intptr_t src, size_t size", "(dst, src, size)"),
        ("a, shape=(1, 2), *args, **kwargs", "(a, shape=None, *args, **kwargs)"),
        ("ndarray a, bint b: int = True", "(a, b=None)"),
    ],
)
def test_cythons_docstrings_are_read_as_signatures(text, expected):
    assert str(from_text(text)) == expected


def test_a_python_functions_signature_is_its_own():
    assert signature_of(cupy.argsort) == inspect.signature(cupy.argsort)


def test_the_sources_that_use_cupy_are_found():
    users = [p for p in SOURCES if any(_imports_cupy(node) for node in ast.walk(ast.parse(p.read_text())))]
    assert ROOT / "kernels" / "cuda" / "kernel.py" in users


def _imports_cupy(node):
    return isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "cupy" for alias in node.names)
