"""The pool of threads of the CPU kernels: all the work once, errors to the caller, no waiting for each other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

from nanonet_kernels.cpu import threads as pool
from nanonet_kernels.cpu.threads import set_threads, split, threads


@pytest.fixture(autouse=True)
def _four_threads():
    before = threads()
    set_threads(4)
    yield
    set_threads(before)


def together(parties: int, count: int = 1):
    """work for `split` that goes on only when so many threads are in it; and the threads that were."""
    gate, seen = threading.Barrier(parties, timeout=60), set()

    def work(start, stop):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            gate.wait()

    return work, seen


@pytest.mark.parametrize("n", [0, 1, 3, 4, 17, 1000])
@pytest.mark.parametrize("least", [1, 5, 2000])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_parts_cover_everything_once_and_none_is_too_small(n, least, count):
    set_threads(count)
    parts = []
    split(n, least, lambda start, stop: parts.append((start, stop)))
    assert sorted(i for start, stop in parts for i in range(start, stop)) == list(range(n))
    assert len(parts) == 1 or min(stop - start for start, stop in parts) >= least


def test_as_many_threads_as_asked_for_work_at_the_same_time():
    for count in (4, 2, 3):
        set_threads(count)
        work, seen = together(count)
        split(100, 1, work)
        assert len(seen) == count
        assert threading.get_ident() in seen


def test_one_thread_means_the_calling_one():
    set_threads(1)
    seen = set()
    split(100, 1, lambda *_: seen.add(threading.get_ident()))
    assert seen == {threading.get_ident()}


def test_fewer_parts_than_threads_wake_no_more_than_they_need(monkeypatch):
    asked = []
    monkeypatch.setattr(pool._crew, "call", lambda job, helpers: asked.append(helpers))
    split(100, 50, lambda *_: None)
    assert asked == [1]


@pytest.mark.parametrize("failing", ["caller", "helper", "all"])
def test_an_error_reaches_the_caller_after_all_parts_are_done(failing):
    caller, gate, done = threading.get_ident(), threading.Barrier(4, timeout=60), []
    first = threading.local()

    def work(start, stop):
        if not hasattr(first, "time"):
            first.time = True
            gate.wait()  # each of the four threads has a part
            here = threading.get_ident() == caller
            if failing == "all" or here == (failing == "caller"):
                raise KeyError(start)
        time.sleep(0.01)
        done.append((start, stop))

    with pytest.raises(KeyError) as caught:
        split(16, 1, work)
    failed = {"caller": 1, "helper": 3, "all": 4}[failing]
    assert len(done) == 16 - failed
    time.sleep(0.05)
    assert len(done) == 16 - failed  # nobody goes on
    if failing == "all":
        assert caught.value.args == (0,)  # that of the first part
    split(16, 1, lambda *_: None)  # and the pool is as it was


def test_an_interrupt_waits_for_the_threads_that_write():
    started, done = threading.Event(), []

    def work(start, stop):
        if threading.current_thread() is threading.main_thread():
            started.wait(60)
            raise KeyboardInterrupt
        started.set()
        time.sleep(0.1)
        done.append(start)

    set_threads(2)
    with pytest.raises(KeyboardInterrupt):
        split(2, 1, work)
    assert done in ([0], [1])


class InterruptedLock:
    """A lock whose first wait is cut short by Ctrl-C."""

    def __init__(self):
        self.waits = 0

    def acquire(self):
        self.waits += 1
        if self.waits == 1:
            raise KeyboardInterrupt


def test_ctrl_c_while_the_caller_waits_is_raised_after_the_wait():
    job = pool._Job(2, 2, lambda *_: None)
    lock = job.done = InterruptedLock()
    with pytest.raises(KeyboardInterrupt):
        job.wait()
    assert lock.waits == 2


def test_nested_splits_do_not_wait_for_each_other():
    counts = []

    def inner(start, stop):
        time.sleep(0.001)
        counts.append(stop - start)

    def middle(start, stop):
        split(12, 1, inner)

    def outer(start, stop):
        split(6, 1, middle)

    thread = threading.Thread(target=split, args=(8, 1, outer), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert sum(counts) == 8 * 6 * 12


def test_several_callers_at_once_each_get_their_own_work_done():
    results = [np.zeros(5000) for _ in range(6)]

    def call(x):
        for _ in range(50):

            def work(start, stop):
                x[start:stop] += 1

            split(x.size, 10, work)

    callers = [threading.Thread(target=call, args=(x,), daemon=True) for x in results]
    for c in callers:
        c.start()
    for c in callers:
        c.join(60)
    assert all((x == 50).all() for x in results)


def test_the_number_of_threads_can_be_changed_from_a_thread_of_the_pool():
    def work(start, stop):
        set_threads(2 + start % 2)

    split(16, 1, work)
    assert threads() in (2, 3)
    split(16, 1, lambda *_: None)


def test_fewer_than_one_thread_is_refused():
    with pytest.raises(ValueError, match="set_threads: expected 1 or more, got 0"):
        set_threads(0)
    assert threads() == 4


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="this system has no clocks of threads")
def test_threads_that_have_nothing_to_do_use_no_time():
    work, _ = together(4)
    split(16, 1, work)
    time.sleep(0.05)
    helpers = [t.ident for t in threading.enumerate() if t.name.startswith("nanonet-kernel")]
    clocks = [time.pthread_getcpuclockid(helper) for helper in helpers]
    before = [time.clock_gettime(clock) for clock in clocks]
    time.sleep(0.2)
    assert len(helpers) >= 3
    assert [time.clock_gettime(clock) for clock in clocks] == before


def test_no_thread_keeps_the_arrays_of_work_that_is_done():
    x = np.zeros(1000)
    gone = weakref.ref(x)
    gate = threading.Barrier(4, timeout=60)

    def work(start, stop, x=x):
        if start % 4 == 0:
            gate.wait()
        x[start:stop] = 1

    split(16, 1, work)
    del x, work
    end = time.monotonic() + 30
    while gone() is not None and time.monotonic() < end:  # a helper lets go just after it has said that it is done
        time.sleep(0.001)
    assert gone() is None


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=120)


def test_the_environment_says_how_many():
    script = "from nanonet_kernels.cpu.threads import threads; print(threads())"
    assert run(script, NANONET_NUM_THREADS="3").stdout.strip() == "3"
    for wrong in ("0", "many", "-1", "1.5", ""):
        refused = run(script, NANONET_NUM_THREADS=wrong)
        assert refused.returncode
        last = refused.stderr.strip().splitlines()[-1]
        assert f"NANONET_NUM_THREADS: expected a whole number of 1 or more, got {wrong!r}" in last


FORK = """
import os, threading, warnings
warnings.simplefilter("ignore")
from nanonet_kernels.cpu.threads import set_threads, split
set_threads(3)

def all_three():
    gate, seen = threading.Barrier(3, timeout=30), set()
    def work(start, stop):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            gate.wait()
    split(30, 1, work)
    return len(seen)

assert all_three() == 3
child = os.fork()
if child == 0:
    os._exit(10 + all_three())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), all_three())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_gets_threads_of_its_own():
    done = run(FORK)
    assert done.stdout.split() == ["13", "3"], done.stderr


def test_a_process_ends_while_its_threads_sleep():
    done = run("from nanonet_kernels.cpu.threads import *; set_threads(4); split(9, 1, lambda *_: None); print('end')")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "end", "")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not place threads")
def test_a_thread_keeps_off_the_callers_core_and_gives_up_where_it_cannot(monkeypatch):
    place = pool._Place()
    asked = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda who, cores: asked.append(cores))
    place.allowed = {0, 1, 2}
    for core in (1, 1, 2, None):
        place.keep_off(core)
    assert asked == [{0, 2}, {0, 1}, {0, 1, 2}]
    place.allowed = {3}
    place.keep_off(3)  # there is no other
    assert len(asked) == 3

    def refuse(who, cores):
        raise OSError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    place.allowed = {0, 1}
    place.keep_off(0)
    place.keep_off(1)
    assert place.allowed == set()
