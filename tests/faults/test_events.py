"""Events that no reader can handle, that come again and again, and that come in the wrong order."""

from datetime import UTC, datetime
from typing import Any

import aio_pika

from shared.contracts.base import Event
from shared.contracts.events import ledger, licensefile
from shared.kit.topology import dead_queue
from tests.faults.forger import forging
from tests.faults.patience import until
from tests.faults.production import VHOST, Production
from tests.faults.trial import REPEATED, Stage, trial

OVERDRAFT = "CiscoLicenseOverDraft"
INTERNAL_ERROR = "CiscoLicenseInternalError"
AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
TIMES = 5


def pool(version: int, used: int) -> dict[str, Any]:
    """A pool of a cluster that nobody has: only events tell of it."""
    numbers = {"authorized": 100, "overdraft_allowed": 5, "used": used}
    return {"cluster": "hearsay", "feature": "PHONE_UNIT", "version": version, "at": AT, **numbers}


def overdraft(version: int, used: int) -> ledger.OverdraftEntered:
    return ledger.OverdraftEntered(**pool(version, used))


def installed(file_id: str) -> licensefile.LicenseFileInstalled:
    line = licensefile.GrantLine(line_id=1, feature="PHONE_UNIT", units=11, overdraft_units=0, major=5)
    return licensefile.LicenseFileInstalled(
        cluster=REPEATED, license_file_id=file_id, version=1, file_name="a.lic", mac="0015C5000004",
        installed_at=AT, expires_at=None, lines=[line], replaces=[],
    )  # fmt: skip


def retired(file_id: str) -> licensefile.LicenseFileStateChanged:
    return licensefile.LicenseFileStateChanged(
        cluster=REPEATED, license_file_id=file_id, version=2, state="retired", granting=False, reason="…", changed_at=AT
    )


async def test_a_poison_message_is_put_aside_and_counted_and_all_others_go_on(stage: Stage) -> None:
    async with trial(stage, "poison messages", or_perhaps=(INTERNAL_ERROR,)) as case:
        async with forging(stage.production, "ledger") as forger:
            sound = forger.envelope(overdraft(1, 101))
            await forger.tell(sound.model_copy(update={"data": {"cluster": "hearsay"}}))
            await forger.tell_nonsense(sound.type)

        async def put_aside() -> bool:
            figures = await stage.production.figures("alarms")
            rows, letters = figures.sum("license_dead_letter_rows"), figures.sum("license_dead_letters", service="alarms")
            return (rows, letters) == (1, 1)

        await until(put_aside, "what no reader can handle is a dead letter, and what is no event another")
        case.mended()
    await forget_dead_letters(stage.production)


async def forget_dead_letters(made: Production) -> None:
    """What a person does who has looked at them."""
    await made.ask("DELETE FROM alarms.dead_letter")
    connection = await aio_pika.connect(made.broker.url_of(VHOST))
    async with connection, connection.channel() as channel:
        await (await channel.get_queue(dead_queue("alarms"), ensure=False)).purge()


async def until_repeated(made: Production, kind: Event, times: int) -> None:
    """Wait until readers have met so many repetitions of the event's type, and known them."""

    async def known() -> bool:
        figures = [await made.figures(name) for name in ("ledger-1", "ledger-2", "alarms")]
        met = [each for found in figures for each in found.matching("license_events_handled_total", type=kind.type, outcome="repeated")]
        return sum(each.value for each in met) >= times

    await until(known, f"{times} × {kind.type} is known already")


async def test_events_that_come_five_times_and_backwards_count_once(stage: Stage) -> None:
    product = stage.product
    granted, never = "20260314092700001", "20260314092700002"
    async with trial(stage, "events five times, newest first", OVERDRAFT) as case:
        async with forging(stage.production, "licensefile") as forger:
            for fact in (retired(never), installed(never), installed(granted)):
                await forger.tell(forger.envelope(fact), TIMES)
        async with forging(stage.production, "ledger") as forger:
            entered, left, newest = overdraft(2, 101), ledger.OverdraftLeft(**pool(3, 90)), overdraft(4, 103)
            for said in (newest, left, entered):
                await forger.tell(forger.envelope(said), TIMES)
            await until_repeated(stage.production, installed(never), 2 * (TIMES - 1))
            await until_repeated(stage.production, retired(never), TIMES - 1)
            await until_repeated(stage.production, newest, 2 * (TIMES - 1))
            (alarm,) = await product.alarms(OVERDRAFT, newest.subject)
            assert (alarm["state"], alarm["count"]) == ("active", 1)
            assert "103 used of 100 authorized" in alarm["reason"]
            await forger.tell(forger.envelope(ledger.OverdraftLeft(**pool(5, 90))), TIMES)
        case.mended()
    assert (await product.pool(REPEATED))["authorized"] == 11, "granted once, and what was taken back before it came never"
