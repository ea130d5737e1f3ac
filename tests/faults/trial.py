"""One fault under load, from a healthy installation to a healthy installation, and what is compared at its end.

    async with trial("database stopped", DATA_STORE_ERROR) as case:
        await production.postgres.stop("immediate")
        …
        await production.postgres.start_again()
        case.mended()

Leaving the block waits until every caller is answered again and everything has settled by itself, and then judges.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.faults import judge
from tests.faults.load import Book, Load
from tests.faults.patience import until
from tests.faults.production import Production, until_all_is_handled
from tests.faults.table import Row, Table
from tests.faults.tcp_proxy import TcpProxy
from tests.system.product import Product, mac
from tests.unit.licensefile.made import made_file, made_line

CLUSTERS = ("north", "south")
SWINGING = "swinging"
"""Full to its last authorized unit: each device more is an overdraft entered, and each one less an overdraft left."""

FILES = "files"
"""Gets a license file in every trial."""

REPEATED = "repeated"
"""Known by license files that only events tell of."""

CALLERS = 4
LONGEST_ANSWER_SECONDS = 30.0
"""The gateway's deadline is far below; what matters is that nobody waits for ever."""

_FULL_UNITS = 400
_FULL = {f"SEP-full-{number}": 5 for number in range(_FULL_UNITS // 5)}
_FILE_UNITS = 7
_FIRST_FILE_ID = 20_260_314_092_653_000


@dataclass
class Stage:
    """An installation that is prepared for trials, and what has been measured on it."""

    production: Production
    product: Product
    table: Table = field(default_factory=Table)
    trials: int = 0
    files: int = 0

    async def prepare(self) -> None:
        """The clusters with their files; the swinging one filled."""
        for number, cluster in enumerate((*CLUSTERS, SWINGING, FILES, REPEATED)):
            await self.product.make_cluster(cluster, mac(number), starter=False)
        for number, cluster in enumerate(CLUSTERS):
            await self.upload(cluster, mac(number), 5_000, 250)
        await self.upload(SWINGING, mac(len(CLUSTERS)), _FULL_UNITS, 50)
        for cluster, units in (*((each, 5_000) for each in CLUSTERS), (SWINGING, _FULL_UNITS)):
            await self._granted(cluster, units)
        for device in _FULL:
            answer = await self.product.put_device(SWINGING, device, "cisco-7970")
            assert answer.status_code == httpx.codes.CREATED, answer.text

    async def upload(self, cluster: str, address: str, units: int, overdraft: int = 0) -> None:
        """A file of its own for the cluster, uploaded until it is answered with what makes an end of it."""
        self.files += 1
        name = str(_FIRST_FILE_ID + self.files)
        lines = [made_line(1, units=units, overdraft_units=overdraft, mac=address, license_file_id=name)]
        nodes = made_line(2, feature="CCM_NODE", units=1, overdraft_units=0, mac=address, license_file_id=name)
        content = made_file(*lines, nodes)

        async def stored() -> bool:
            try:
                answer = await self.product.admin.post(
                    f"/v1/clusters/{cluster}/license-files", files={"file": (f"{name}.lic", content)}, timeout=LONGEST_ANSWER_SECONDS
                )
            except httpx.TransportError:
                return False
            known = answer.status_code == 422 and [each["code"] for each in answer.json()["reasons"]] == ["already_installed"]
            assert answer.is_success or answer.status_code >= 500 or known, answer.text
            return answer.is_success or known

        while not await stored():
            await asyncio.sleep(0.5)

    async def _granted(self, cluster: str, units: int) -> None:
        async def look() -> bool:
            return bool((await self.product.pool(cluster))["authorized"] == units)

        await until(look, f"{units} units are granted to {cluster}")

    async def check_healthy(self) -> None:
        """What every trial begins with, and must end with."""
        await self.production.ready()
        gateway = await self.product.admin.get("/readyz")
        assert gateway.status_code == httpx.codes.OK, gateway.text
        await until_all_is_handled(self.production)
        for service in ("ledger-1", "licensefile", "alarms"):
            letters = (await self.production.figures(service)).matching("license_dead_letter_rows")
            assert all(figure.value == 0 for figure in letters), letters

    async def alarms(self) -> dict[str, tuple[str, str, str]]:
        """Name, subject and state of every alarm by its id."""
        listed = await judge.every(self.product, "/v1/alarms")
        return {alarm["alarm_id"]: (alarm["name"], alarm["subject"], alarm["state"]) for alarm in listed}


@dataclass
class Case:
    """A trial under way."""

    stage: Stage
    steady: Load
    swinging: Load
    known: frozenset[str]
    granted: int
    expected: frozenset[str]
    allowed: frozenset[str]
    began: float
    ended: float | None = None

    def broken(self) -> None:
        """The fault begins now: the load has been going for a moment."""
        self.began = time.monotonic()

    def mended(self) -> None:
        """The cause is gone now: what follows is the product's own recovery. Where nobody mends anything it is the moment of the fault."""
        self.ended = time.monotonic()

    @property
    def books(self) -> tuple[Book, Book]:
        return self.steady.book, self.swinging.book

    async def acknowledged(self, count: int = 2 * CALLERS) -> None:
        """Wait until so many calls that begin from now on are acknowledged."""
        moment = time.monotonic()

        async def look() -> bool:
            return self.steady.book.acknowledged_between(moment) >= count

        await until(look, f"{count} check-outs and check-ins are acknowledged")

    async def unavailable(self, count: int = 1) -> None:
        """Wait until callers were told 503 so many times since the fault began."""

        async def look() -> bool:
            calls = [call for book in self.books for call in book.calls]
            return sum(call.answer == "unavailable" and call.ended > self.began for call in calls) >= count

        await until(look, f"callers are told {count} times that the product is not available")

    async def cut(self, line: TcpProxy, count: int) -> None:
        """Wait until the line has cut so many connections since it was made."""

        async def look() -> bool:
            return line.cuts >= count

        await until(look, f"{count} connections are cut")

    async def shown(self, alarm: str) -> None:
        """Wait until the alarm stands by the figures of the alarms service, which know it also while no store does."""

        async def look() -> bool:
            return (await self.stage.production.figures("alarms")).sum("license_alarms_active", name=alarm) >= 1

        await until(look, f"{alarm} stands")


@asynccontextmanager
async def trial(stage: Stage, fault: str, *alarms: str, or_perhaps: tuple[str, ...] = ()) -> AsyncIterator[Case]:
    """See above. ``alarms``: the names that this fault must raise, all cleared at the end; ``or_perhaps``: may raise."""
    await stage.check_healthy()
    stage.trials += 1
    url, key, prefix = stage.production.url, stage.production.key, f"SEP-{stage.trials:02}-"
    steady, swinging = Load(url, key, CLUSTERS, prefix=prefix), Load(url, key, (SWINGING,), prefix=prefix, hold=1, every=0.4)
    known, granted = frozenset(await stage.alarms()), (await stage.product.pool(FILES))["authorized"]
    case = Case(stage, steady, swinging, known, granted, frozenset(alarms), frozenset(or_perhaps), time.monotonic())
    going = [asyncio.create_task(steady.run(CALLERS)), asyncio.create_task(swinging.run(1))]
    going.append(asyncio.create_task(stage.upload(FILES, mac(3), _FILE_UNITS)))
    try:  # one case that fails must not fail all that follow
        try:
            await case.acknowledged()
            case.broken()
            yield case
            answers = await _answered_again(case)
            for load in (steady, swinging):
                load.stop()
            await asyncio.gather(*going)
        except BaseException:
            await stage.production.mend()  # what the case did not live to mend
            raise
        finally:
            for load in (steady, swinging):
                load.stop()
            for task in going:
                task.cancel()
            await asyncio.gather(*going, return_exceptions=True)
        await _settled(case)
        settled = time.monotonic() - (case.ended or case.began)
        stage.table.rows.append(_row(fault, case, answers, settled))
        await _judge(case)
    finally:
        for cluster in (*CLUSTERS, SWINGING):
            await judge.check_in_all(stage.product, cluster, _FULL if cluster == SWINGING else {})
    await judge.check_alarms_agree(stage.product, SWINGING)


async def _answered_again(case: Case) -> float:
    """Wait until each caller has an acknowledgement of a call that it began after the cause was gone; seconds until the last one had."""
    moment = case.ended or case.began

    async def look() -> list[float]:
        firsts = case.steady.book.first_acknowledged_after(moment)
        return list(firsts.values()) if len(firsts) == CALLERS else []

    firsts = await until(look, "every caller is answered again", patience=90)
    await case.acknowledged()
    return max(firsts) - moment


async def _settled(case: Case) -> None:
    """Wait until every event is handled, every file granted, and what the fault raised is cleared."""
    stage = case.stage
    await stage.production.ready()
    await until_all_is_handled(stage.production)

    async def over() -> bool:
        fresh = await _raised(case)
        names = {name for name, _, _ in fresh}
        standing = {name for name, _, state in fresh if state != "cleared"}
        granted = (await stage.product.pool(FILES))["authorized"] > case.granted
        return case.expected <= names and not standing and granted

    try:
        await until(over, f"the file is granted; raised and cleared: {sorted(case.expected)}")
    except AssertionError as error:
        authorized = (await stage.product.pool(FILES))["authorized"]
        raise AssertionError(f"{error}; {authorized} units authorized, before {case.granted}; alarms: {await _raised(case)}") from error
    for cluster in (*CLUSTERS, SWINGING):
        await judge.check_alarms_agree(stage.product, cluster)


async def _raised(case: Case) -> list[tuple[str, str, str]]:
    """The alarms of this trial; those about pools are judged by their pools."""
    ours = (*CLUSTERS, SWINGING)
    listed = (await case.stage.alarms()).items()
    return [alarm for alarm_id, alarm in listed if alarm_id not in case.known and alarm[1].partition("/")[0] not in ours]


async def _judge(case: Case) -> None:
    stage, books = case.stage, case.books
    wrong = [fault for book in books for fault in book.wrong]
    assert wrong == [], "answers that no caller should get"
    refused = [call for book in books for call in book.calls if call.answer == "refused"]
    assert refused == [], "there was room for everything"
    longest = max(book.longest_answer for book in books)
    assert longest < LONGEST_ANSWER_SECONDS, f"a caller waited {longest:.1f} s"
    unexplained = {name for name, _, _ in await _raised(case)} - case.expected - case.allowed
    assert unexplained == set(), "alarms that this fault does not explain"
    for cluster in (*CLUSTERS, SWINGING):
        expected = judge.expected_of(cluster, _FULL if cluster == SWINGING else {}, books)
        await judge.check_holdings(stage.product, cluster, expected)
    entered = sum(1 for call in case.swinging.book.calls if call.verb == "PUT" and call.answer != "refused")
    await judge.check_raised_once(stage.product, SWINGING, case.known, entered)
    granted = (await stage.product.pool(FILES))["authorized"] - case.granted
    assert granted == _FILE_UNITS, "the license file of this trial is granted once"


def _row(fault: str, case: Case, answers: float, settled: float) -> Row:
    calls = Book(calls=[call for book in case.books for call in book.calls])
    counts = calls.count("acknowledged"), calls.count("unavailable"), calls.count("unknown")
    return Row(fault, *counts, calls.longest_answer, case.steady.book.longest_gap, answers, settled)
