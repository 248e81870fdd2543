"""The bundle's __main__: unpacks itself into a temporary folder, and runs from there.

Numba and CuPy read files beside their modules, which they cannot do inside a zip file.
"""

import os
import sys
import tempfile
import zipfile

if sys.version_info < (3, 11):  # noqa: UP036 (on the other machine it may be older)
    sys.exit("nanonet bench bundle: needs Python 3.11 or newer, this is {}.{}".format(*sys.version_info))

with tempfile.TemporaryDirectory(prefix="nanonet-bench-") as folder:
    with zipfile.ZipFile(sys.argv[0]) as archive:
        archive.extractall(folder)
    code = os.path.join(folder, "code")
    sys.path.insert(0, code)
    # The timer starts fresh processes, which are to find the same modules.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH")]))
    from nanonet_benchmarks.bundle.entry import main

    status = main(folder, sys.argv[1:])
sys.exit(status)
