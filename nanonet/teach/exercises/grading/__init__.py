"""Grading a folder of submissions, each in a process of its own with limits of time and memory.

A submission runs with `python -I` in an empty folder, behind several fences:

- the clock of the grader, the kernel's limits of processor time and memory, no file larger than 0 bytes, no core dump,
  no further process or thread;
- an audit hook: reading files other than Python's and NumPy's own, writing files, starting processes, sending
  signals, opening sockets, importing anything but NumPy and harmless parts of the standard library ends the process
  at once;
- where Linux allows it, the kernel refuses the same things even where the audit hook was got around: a network of its
  own with nothing in it, Landlock for files, and a seccomp filter for processes, threads, signals and sockets.

The judge stays in the grader. Only numbers cross the pipe, never code or pickles, and expected values never reach the
submission's process. Whatever a submission does to NumPy it does to its own copy.

This keeps honest mistakes, curiosity and ordinary cheating away from the grader. It is no security boundary against a
determined attacker: whoever corrupts the memory of their own process (through ctypes objects that NumPy holds, or a
hand-made array with strides out of bounds) can get around the audit hook, and then reads what Landlock leaves open
(Python's own files), or all that the user may read where there is no Landlock (macOS, old kernels). Memory is not
limited on macOS. A submission may compute its gradient by finite differences: that is a matter for the eye. Grade what
strangers hand in as a user of its own, or in a container.
"""

from nanonet.teach.exercises.grading.endings import Limits
from nanonet.teach.exercises.grading.grade import Grades, grade
from nanonet.teach.exercises.grading.judged import VERDICTS, Result

__all__ = ["VERDICTS", "Grades", "Limits", "Result", "grade"]
