"""A steady load of check-outs and check-ins, and the caller's own book of what was answered.

Must not be broken: the book says no more than a caller can know. A call without an answer, or answered with 503, may have been done; it
is repeated as it was until it is answered, and its device is never asked for anything else: a first try that lay frozen in a stopped
process may still come after its repetition.
"""

import asyncio
import itertools
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import httpx

from tests.system.product import problem_of

Verb = Literal["PUT", "DELETE"]
Answer = Literal["acknowledged", "refused", "unavailable", "unknown"]
CLIENT_SECONDS = 60.0
"""No call may come near it: a caller that gave up first would hide an answer that never came."""

_TRY_AGAIN_SECONDS = 0.25
_TYPES = (("cisco-7902", 1), ("cisco-7920", 4), ("cisco-7970", 5))


@dataclass(frozen=True, slots=True)
class Call:
    """One call and what its caller got. Times by ``time.monotonic``."""

    verb: Verb
    cluster: str
    device: str
    units: int
    answer: Answer
    status: int
    began: float
    ended: float
    worker: int
    detail: str = ""


@dataclass
class Book:
    """What one load asked and was answered."""

    calls: list[Call] = field(default_factory=list)
    held: dict[tuple[str, str], int] = field(default_factory=dict)
    """Units of each device by cluster and name that are checked out by acknowledgement."""
    gone: set[tuple[str, str]] = field(default_factory=set)
    """Checked in by acknowledgement."""
    open: dict[tuple[str, str], int] = field(default_factory=dict)
    """Asked for and never answered in the end: held with so many units, or not."""
    wrong: list[str] = field(default_factory=list)
    """Answers that no caller should get."""

    def count(self, answer: Answer) -> int:
        return Counter(call.answer for call in self.calls)[answer]

    @property
    def longest_answer(self) -> float:
        return max((call.ended - call.began for call in self.calls), default=0.0)

    @property
    def longest_gap(self) -> float:
        """The longest time in which nobody got an acknowledgement."""
        moments = sorted(call.ended for call in self.calls if call.answer == "acknowledged")
        return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0)

    def acknowledged_between(self, begin: float, end: float = math.inf) -> int:
        """Calls that began and were acknowledged within the time."""
        return sum(1 for call in self.calls if call.answer == "acknowledged" and begin <= call.began and call.ended <= end)

    def first_acknowledged_after(self, moment: float) -> dict[int, float]:
        """For each worker that has one: when its first call that began after ``moment`` was acknowledged."""
        first: dict[int, float] = {}
        for call in self.calls:
            if call.answer == "acknowledged" and call.began >= moment:
                first.setdefault(call.worker, call.ended)
        return first

    def note(self, call: Call) -> None:
        self.calls.append(call)
        key = (call.cluster, call.device)
        if call.answer == "acknowledged" and call.verb == "PUT":
            self.open.pop(key, None)
            self.held[key] = call.units
        elif call.answer == "acknowledged":
            self.open.pop(key, None)
            self.held.pop(key, None)
            self.gone.add(key)
        elif call.answer != "refused":
            self.held.pop(key, None)
            self.open[key] = call.units


def judged(answer: httpx.Response) -> tuple[Answer, str]:
    """What an answer means to its caller, and what is wrong with its form (empty: nothing)."""
    if answer.is_success:
        return "acknowledged", ""
    try:
        problem_of(answer)
    except (AssertionError, ValueError) as error:
        return ("unavailable" if answer.status_code >= 500 else "refused"), f"{answer.status_code} is no problem: {error}"
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        told = answer.headers.get("retry-after", "")
        return "unavailable", "" if told.isdecimal() and int(told) >= 1 else f"503 with Retry-After {told!r}: {answer.text[:300]}"
    if answer.status_code >= 500:
        return "unknown", ""
    return "refused", ""


@dataclass(frozen=True)
class _Caller:
    """One caller: a connection of its own, and what it asks for."""

    worker: int
    cluster: str
    client: httpx.AsyncClient

    async def ask(self, verb: Verb, device: str, kind: str, units: int) -> tuple[Call, str]:
        """One call, and what is wrong with its answer (empty: nothing)."""
        path, body = f"/v1/clusters/{self.cluster}/devices/{device}", {"device_type": kind} if verb == "PUT" else None
        began = time.monotonic()
        try:
            got = await self.client.request(verb, path, json=body)
        except httpx.TransportError as error:
            return self._call(verb, device, units, "unknown", 0, began, repr(error)), ""
        answer, fault = judged(got)
        call = self._call(verb, device, units, answer, got.status_code, began, "" if got.is_success else got.text[:300])
        if answer == "acknowledged" and verb == "PUT" and got.json()["units"] != units:
            fault = f"{units} units asked for {device}, answered {got.text[:300]}"
        return call, fault

    def _call(self, verb: Verb, device: str, units: int, answer: Answer, status: int, began: float, detail: str) -> Call:
        return Call(verb, self.cluster, device, units, answer, status, began, time.monotonic(), self.worker, detail)


class Load:
    """Callers at a steady pace: each checks devices out, and the oldest in again once it holds ``hold`` of them.

    ``prefix``: of its devices' names, another one for each load; ``every``: seconds between two calls of one caller.
    """

    def __init__(
        self, url: str, headers: dict[str, str], clusters: Sequence[str], *, prefix: str, hold: int = 6, every: float = 0.2
    ) -> None:
        self._url, self._headers, self._clusters = url, headers, clusters
        self._prefix, self._hold, self._every = prefix, hold, every
        self._stop = asyncio.Event()
        self.book = Book()

    async def run(self, callers: int) -> None:
        """So many callers, until ``stop``; every call that was begun is answered then."""
        await asyncio.gather(*(self._work(worker) for worker in range(callers)))

    def stop(self) -> None:
        """Begin nothing new; calls under way are answered first."""
        self._stop.set()

    async def _work(self, worker: int) -> None:
        mine: list[tuple[str, int]] = []
        async with httpx.AsyncClient(base_url=self._url, headers=self._headers, timeout=CLIENT_SECONDS) as client:
            caller = _Caller(worker, self._clusters[worker % len(self._clusters)], client)
            for number in itertools.count():
                if self._stop.is_set():
                    return
                began = time.monotonic()
                if len(mine) >= self._hold:
                    device, units = mine.pop(0)
                    await self._until_answered(caller, "DELETE", device, "", units)
                else:
                    device = f"{self._prefix}{worker:02}{number:06}"
                    kind, units = _TYPES[number % len(_TYPES)]
                    if await self._until_answered(caller, "PUT", device, kind, units):
                        mine.append((device, units))
                await self._pause(self._every - (time.monotonic() - began))

    async def _until_answered(self, caller: _Caller, verb: Verb, device: str, kind: str, units: int) -> bool:
        """Repeat one call until it is acknowledged or refused, or the load ends. True: acknowledged at once, nothing is left open."""
        for tries in itertools.count(1):
            call, fault = await caller.ask(verb, device, kind, units)
            self.book.note(call)
            if fault:
                self.book.wrong.append(fault)
            if call.answer == "acknowledged":
                return tries == 1
            if call.answer == "refused" or self._stop.is_set():
                return False
            await self._pause(_TRY_AGAIN_SECONDS)
        raise AssertionError("not reached")

    async def _pause(self, seconds: float) -> None:
        """Sleep, though no longer than the load goes on."""
        try:
            await asyncio.wait_for(self._stop.wait(), max(0.0, seconds))
        except TimeoutError:
            return
