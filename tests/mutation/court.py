"""Puts the mutants of a module on trial, some side by side, and keeps the verdicts."""

import os
import pickle
import signal
import sys
from collections import Counter

import defusedxml.ElementTree  # noqa: F401 - what every trial imports is imported once, here
from hypothesis import Phase, settings

from tests.mutation import trial
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.reach import Reach, function_around, tests_by_code
from tests.mutation.targets import Target
from tests.mutation.verdicts import Counts, Kept, Records, Verdict

settings.register_profile(
    "mutation", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False
)
settings.load_profile("mutation")

_ASKED_FIRST = 6
_Reached = tuple[dict[str, float], dict[tuple[str, int], set[str] | None]]


class NotGreen(Exception):
    """The tests do not pass on the code as it is: there is nothing to learn from mutants."""


class Court:
    """Tries mutants in ``processes`` processes at once."""

    def __init__(self, processes: int, records: Records) -> None:
        self._processes = processes
        self._records = records
        self._reached: dict[tuple[str, ...], _Reached] = {}
        self._noticed: Counter[str] = Counter()

    def judge(self, target: Target) -> Counts:
        """Every mutant of the module. Raises `NotGreen` if the tests fail without any."""
        known = self._records.known(target)
        found = list(mutants(target.source))
        waiting = [mutant for mutant in found if mutant.key not in known][::-1]
        running: dict[int, tuple[Mutant, int]] = {}
        while waiting or running:
            while waiting and len(running) < self._processes:
                mutant = waiting.pop()
                process, noticed = self._start(target, mutant)
                running[process] = mutant, noticed
            process, status = os.wait()
            mutant, noticed = running.pop(process)
            self._praise(noticed)
            known[mutant.key] = Kept(_verdict(status), mutant.line, mutant.before, mutant.after)
            if len(known) % 20 == 0:
                self._records.keep(target, known)
        self._records.keep(target, known)
        counts = Counts(target.module, [known[mutant.key] for mutant in found])
        sys.stdout.write(f"{counts}\n")
        sys.stdout.flush()
        return counts

    def _start(self, target: Target, mutant: Mutant) -> tuple[int, int]:
        """The process, and where it writes the test that noticed."""
        if target.tests not in self._reached:
            self._reached[target.tests] = _measured(target.tests)
        seconds, tests = self._reached[target.tests]
        only = _only(target, mutant, tests)
        first = [test for test, _ in self._noticed.most_common(_ASKED_FIRST) if test in (seconds if only is None else only)]
        worth = {test: took / (1 + self._noticed[test]) ** 2 for test, took in seconds.items()}
        reader, writer = os.pipe()
        process = os.fork()
        if process == 0:
            trial.run(target.module, mutant.source, target.tests, first, (worth, only, writer))
        os.close(writer)
        return process, reader

    def _praise(self, noticed: int) -> None:
        """What noticed one mutant often notices the next: it is asked first."""
        with os.fdopen(noticed, "rb") as pipe:
            if test := pipe.read().decode():
                self._noticed[test] += 1


def _only(target: Target, mutant: Mutant, tests: dict[tuple[str, int], set[str] | None]) -> set[str] | None:
    lines = function_around(target.source, mutant.line)
    if lines is None:
        return None
    reaching = [tests[target.path, line] for line in lines if (target.path, line) in tests]
    found: set[str] = set()
    for some in reaching:
        if some is None:
            return None
        found |= some
    return found


def _measured(tests: tuple[str, ...]) -> _Reached:
    """Seconds and reach of each test on the code as it is, in a process of its own so that nothing of it is imported here."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        reach = Reach()
        code = trial.run_tests(tests, reach)
        with os.fdopen(writer, "wb") as answer:
            pickle.dump((reach.seconds, tests_by_code(reach)), answer)
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as found:
        answer_bytes = found.read()
    _, status = os.waitpid(process, 0)
    if status != 0:
        raise NotGreen(f"the tests in {', '.join(tests)} do not pass on the code as it is")
    reached: _Reached = pickle.loads(answer_bytes)
    return reached


def _verdict(status: int) -> Verdict:
    if os.WIFSIGNALED(status):
        return "timed out" if os.WTERMSIG(status) == signal.SIGPROF else "killed"
    return "survived" if os.WEXITSTATUS(status) == 0 else "killed"
