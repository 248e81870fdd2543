"""python -m nanonet.teach.documents [FOLDER]: write the pages, into docs/documents unless told otherwise."""

from __future__ import annotations

import sys
from pathlib import Path

from nanonet.teach.documents.pages import write

for path in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/documents")):
    print(path)
