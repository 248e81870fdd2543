"""nanonet exercise hunt: the command."""

from __future__ import annotations

from typing import Annotated

import typer


def hunt(
    number: Annotated[int | None, typer.Argument(help="Which program; without it, all are listed.")] = None,
    answer: Annotated[
        tuple[str, str] | None, typer.Option(metavar="OP KIND", help="Your answer: the operation and the kind.")
    ] = None,
    hint: Annotated[int, typer.Option(help="A hint: 1 (where), 2 (what kind), 3 (which rule).")] = 0,
) -> None:
    """Find the wrong backward in a small program.

    The program runs on an engine in which the backward of one operation is wrong: say which, and how.
    """
    from nanonet.teach.exercises import hunt as room
    from nanonet.teach.exercises.hunt.bug import GUESSES
    from nanonet.teach.exercises.words import KINDS

    if number is None:
        for one in room.hunts():
            print(f"{one.number:2}  {one.program.title}")
        print("\nIn each, the backward of one operation is wrong. nanonet exercise hunt N opens program N;")
        print("nanonet exercise hunt N --answer OP KIND answers. Kinds:\n")
        for kind in GUESSES:
            print(f"    {kind:22}{KINDS[kind]}")
        return
    bug = room.get(number)
    if answer is not None:
        found = bug.answer(*answer)
        print(found)
        if not found:
            print(f"(a hint: nanonet exercise hunt {number} --hint 1)")
            raise typer.Exit(1)
    elif hint:
        print(bug.hint(hint))
        if hint < 3:
            print(f"(the next one: nanonet exercise hunt {number} --hint {hint + 1})")
    else:
        room.open_in_debugger(bug)
