"""The commands of README.md, so that CI runs what README promises: `python -m tests.readme_command`."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def commands() -> list[str]:
    """The shell blocks of README.md, in order, each as one line: first install and tour, then install and test."""
    return [
        " ".join(block.split()) for block in re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    ]


if __name__ == "__main__":
    print(commands()[1])
