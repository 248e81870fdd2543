"""nanonet exercise predict: the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nanonet.teach.exercises.predict import Question, Revealed


def predict(
    name: Annotated[str | None, typer.Argument(help="One question; without it, all, one after the other.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Only list the questions.")] = False,
) -> None:
    """Predict gradients, then let the engine reveal them.

    Enter alone reveals without an answer; q ends.
    """
    from nanonet.teach.exercises import predict as room

    if listed:
        print("\n".join(room.names()))
        return
    chosen = room.questions() if name is None else [room.get(name)]
    right = asked = 0
    for number, question in enumerate(chosen, 1):
        print(f"{number}/{len(chosen)}  {question.ask()}" if len(chosen) > 1 else question.ask())
        revealed = _answered(question)
        if revealed is None:
            break
        print(revealed)
        print()
        asked += 1
        right += bool(revealed)
    if asked > 1:
        print(f"{right} of {asked} predicted")


def _answered(question: Question) -> Revealed | None:
    """Ask until there is an answer that can be read; None at the end of the input or after q."""
    while True:
        try:
            text = input("> ").strip()
        except EOFError:
            print()
            return None
        if text.lower() in ("q", "quit"):
            print()
            return None
        try:
            return question.reveal(text or None)
        except ValueError as error:
            print(error)
