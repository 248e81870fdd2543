"""Submissions for the exercise "relu" that should not harm anybody, and what the grader says of each."""

from pathlib import Path

RIGHT = "def backward(dy, x): return dy * (x > 0)"
SOLUTION = str(Path(__file__).resolve().parent / "exercise_solutions" / "relu.py")

# student: (verdict, words of its message, the file)
ATTEMPTS: dict[str, tuple[str, str, str]] = {
    "aa-right": ("right", "", RIGHT),
    "wrong": ("wrong", "", "def backward(dy, x): return -dy * (x > 0)"),
    "exception": ("error", "IndexError", "def backward(dy, x):\n    y = x.shape\n    return dy * y[7]\n"),
    "raises-on-import": ("error", "ZeroDivisionError", "a = 1\nb = a / 0\n" + RIGHT),
    "evil-exception": (
        "timeout",
        "backward",
        "class E(Exception):\n  def __str__(s):\n    while 1: pass\ndef backward(*a): raise E",
    ),
    "syntax": ("syntax-error", "", "def backward(dy, x)\n    return dy"),
    "not-filled-in": ("not-filled-in", "", "def backward(dy, x): raise NotImplementedError"),
    "no-function": ("error", "it lacks backward", "def backwards(dy, x): return dy"),
    "loop-in-backward": ("timeout", "backward took longer than 1 s", "def backward(dy, x):\n    while True: pass"),
    "loop-in-import": ("timeout", "the module took longer than 1 s", "while True: pass"),
    "sleeps": ("timeout", "longer", "import time\ndef backward(dy, x): time.sleep(100)"),
    "large-array": ("memory", "128 MB", "import numpy as np\ndef backward(dy, x): return np.ones(10**9)"),
    "hog": ("memory", "128 MB", "kept = []\nwhile True: kept.append(bytearray(10**7))"),
    "mutates-dy": ("changed-input", "argument dy", "def backward(dy, x):\n    dy *= x > 0\n    return dy"),
    "mutates-x": ("changed-input", "argument x", "def backward(dy, x):\n    x[...] = x > 0\n    return dy * x"),
    "reads-solution": ("forbidden", "reading ", f"open({SOLUTION!r})\n" + RIGHT),
    "reads-by-os": ("forbidden", "reading ", f"import os\nos.open({SOLUTION!r}, 0)"),
    "reads-by-pathlib": ("forbidden", "reading ", "from pathlib import Path\nPath('../../etc/passwd').read_text()"),
    "reads-through-numpy": ("forbidden", "reading ", "import numpy as np\nnp.load('/etc/passwd', allow_pickle=True)"),
    "dots": ("forbidden", "reading ", "import os\nopen(os.path.dirname(os.__file__) + '/../../etc/passwd')"),
    "lists-folders": ("forbidden", "reading ", "import os\nos.listdir('/')"),
    "writes": ("forbidden", "writing ", "open('grades.json', 'w')"),
    "disguised-path": (
        "forbidden",
        "reading ",
        "class P(str):\n  def startswith(s, *a): return True\n  def __eq__(s, o): return True\n"
        "  __hash__ = str.__hash__\n"
        "open(P('/etc/passwd'))",
    ),
    "imports-nanonet": ("forbidden", "import of nanonet", "import nanonet\n" + RIGHT),
    "imports-torch": ("forbidden", "import of torch", "import torch\n" + RIGHT),
    "imports-autograd": (
        "forbidden",
        "import of autograd",
        "try:\n    import autograd\nexcept BaseException: pass\n" + RIGHT,
    ),
    "imports-ctypes": ("forbidden", "import of ctypes", "import ctypes\n" + RIGHT),
    "ctypes-of-numpy": ("forbidden", "ctypes", "import numpy as np\nnp.ctypeslib.as_ctypes(np.zeros(3))\n" + RIGHT),
    "interpreters": ("forbidden", "import of _xxsubinterpreters", "import _xxsubinterpreters"),
    "parent-environment": ("forbidden", "reading /proc/", "import os\nopen(f'/proc/{os.getppid()}/environ', 'rb')"),
    "parent-memory": ("forbidden", "reading /proc/", "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb')"),
    "kills-the-grader": ("forbidden", "os.kill", "import os\nos.kill(os.getppid(), 9)"),
    "signals-by-descriptor": (
        "error",
        "PermissionError",
        "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(os.getppid()), 15)",
    ),
    "loads-ctypes-by-path": (
        "forbidden",
        "import of",
        "import importlib.machinery as m, importlib.util as u, glob, math, os\n"
        "folder = os.path.dirname(math.__file__)\n"
        "path = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith('_ctypes.')][0]\n"
        "loader = m.ExtensionFileLoader('numpy._ctypes', path)\n"
        "loader.create_module(u.spec_from_loader('numpy._ctypes', loader))",
    ),
    "built-in-by-hand": (
        "forbidden",
        "gc.get_objects",
        "import _imp, sys, importlib.util as u\n"
        "spec = u.spec_from_loader('gc', sys.modules['_frozen_importlib'].BuiltinImporter)\n"
        "_imp.create_builtin(spec).get_objects()",
    ),
    "network": ("forbidden", "import of socket", "import urllib.request\nurllib.request.urlopen('http://localhost')"),
    "network-directly": ("forbidden", "_socket", "import _socket"),
    "fork-bomb": ("forbidden", "os.fork", "import os\nwhile True: os.fork()"),
    "shell": ("forbidden", "os.system", "import os\nos.system('echo hello')"),
    "spawns": ("forbidden", "os.posix_spawn", "import os\nos.posix_spawn('/bin/sh', ['sh'], {})"),
    "shell-by-detour": (
        "forbidden",
        "os.system",
        "[c for c in object.__subclasses__() if c.__name__ == '_wrap_close'][0].__init__.__globals__['system']('ls')",
    ),
    "bytecode": ("forbidden", "code.__new__", "(lambda: 1).__code__.replace(co_code=b'x')"),
    "own-hook": ("forbidden", "sys.addaudithook", "import sys\nsys.addaudithook(print)"),
    "looks-for-the-hook": ("forbidden", "gc.get_objects", "import gc\ngc.get_objects()"),
    "raises-limits": ("forbidden", "import of resource", "import resource"),
    "prints-for-ever": ("timeout", "", "def backward(dy, x):\n    while True: print('a' * 100000)"),
    "prints-much": ("right", "", "print('a' * 10**7)\n" + RIGHT),
    "escape-codes": ("right", "", "print('\\x1b[2J', flush=True)\n" + RIGHT),
    "string": ("wrong", "", "def backward(dy, x): return 'hello'"),
    "nothing": ("wrong", "", "def backward(dy, x): return None"),
    "object": ("error", "an object of type object", "def backward(dy, x): return object()"),
    "objects": (
        "error",
        "dtype object",
        "import numpy as np\ndef backward(dy, x): return np.array([dy, None], object)",
    ),
    "strings": ("error", "dtype <U1", "import numpy as np\ndef backward(dy, x): return np.full(x.shape, 'a')"),
    "pickle-bomb": (
        "error",
        "an object of type E",
        "class E:\n  def __reduce__(s): return (print, ('unpickled',))\ndef backward(dy, x): return E()",
    ),
    "too-large": ("error", "16 MB", "import numpy as np\ndef backward(dy, x): return np.zeros(3 * 10**6)"),
    "nested": ("error", "nested", "def backward(dy, x):\n    a = [dy]\n    a.append(a)\n    return a"),
    "exits": ("crashed", "SystemExit", "import sys\ndef backward(dy, x): sys.exit()"),
    "exits-at-once": ("crashed", "status 0", "import os\ndef backward(dy, x): os._exit(0)"),
    "interrupts": ("crashed", "KeyboardInterrupt", "def backward(dy, x): raise KeyboardInterrupt"),
    "segfault": (
        "crashed",
        "SIG",
        "import numpy as np\ndef backward(dy, x): return np.lib.stride_tricks.as_strided(x, (10**9,), (2**20,)).sum()",
    ),
    "recursion": ("error", "RecursionError", "def backward(dy, x): return backward(dy, x)"),
    "recursion-then-open": (
        "forbidden",
        "",
        "def deep():\n    try: deep()\n    except RecursionError: open('/etc/passwd')\n"
        "def backward(dy, x):\n    deep()\n    open('/etc/passwd')",
    ),
    "writes-into-the-pipe": (
        "forbidden",
        "pipe",
        "import os\ndef backward(dy, x):\n  for i in range(3, 32):\n    try: os.write(i, b'xy' * 100)\n"
        "    except OSError: pass\n"
        "  return dy",
    ),
    "closes-the-pipe": ("crashed", "pipe", "import os\ndef backward(dy, x):\n  os.closerange(0, 99)\n  while 1: pass"),
    "patches-numpy": (
        "wrong",
        "",
        "import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
        "np.abs = np.sum = np.max = lambda *a: 0\n"
        "def backward(dy, x): return 7 * dy",
    ),
    "patches-json": (
        "wrong",
        "",
        "import json, json.encoder, struct\njson.encoder.c_make_encoder = struct.pack = None\n"
        "def backward(dy, x): return 7 * dy",
    ),
    "imports-much": (
        "right",
        "",
        "import array, bisect, copy, csv, dataclasses, datetime, decimal, enum, fractions, functools, glob, heapq, io\n"
        "import itertools, json, logging, math, numbers, operator, os, pathlib, pickle, pprint, random, re, shutil\n"
        "import statistics, string, struct, sys, tempfile, textwrap, threading, timeit, typing, warnings\n"
        "import numpy.fft, numpy.linalg, numpy.ma, numpy.polynomial\nfrom numpy.lib import stride_tricks\n" + RIGHT,
    ),
    "imports-all-of-numpy": (
        "right",
        "",
        "from numpy import *\nfrom numpy.linalg import *\ndef backward(dy, x): return where(x > 0, dy, 0.0)",
    ),
    "coroutine": ("error", "an object of type coroutine", "async def backward(dy, x): return dy"),
    "warns-of-its-caller": (
        "right",
        "",
        "import warnings\ndef backward(dy, x):\n    warnings.warn('slow', stacklevel=2)\n    return dy * (x > 0)",
    ),
    "zz-right": ("right", "", RIGHT),
}
