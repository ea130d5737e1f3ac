"""Whatever an inventory changed, taken back, is as it was before."""

import asyncio
import json
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.ledger.conftest import LedgerUnderTest, catalogue
from tests.service.ledger.reconciling import STATE, do, journal_is_intact, send

NAMES = ("a", "b", "c", "d", "e")
TYPES = ("phone-1", "phone-4", "phone-5", "soft", "dear-soft", "cti-port")
put = st.tuples(st.sampled_from(NAMES), st.sampled_from(TYPES), st.none() | st.sampled_from(NAMES))
inventories = st.dictionaries(st.sampled_from((*NAMES, "f", "g")), st.sampled_from((*TYPES, "fax")), min_size=1)


async def test_whatever_is_applied_reverted_it_is_as_it_was(ledger: LedgerUnderTest) -> None:
    loop = asyncio.get_running_loop()
    serial = 0

    async def play(puts: Sequence[tuple[str, str, str | None]], inventory: dict[str, str], units: int, rate: int) -> None:
        nonlocal serial
        serial += 1
        cluster = f"example-{serial}"
        await ledger.put_cluster(cluster, starter=False)
        await ledger.install(serial, ("PHONE_UNIT", units + 6, 2), cluster=cluster)
        for name, kind, primary in puts:
            await ledger.put(name, kind, cluster, **({} if primary is None else {"adjunct_of": primary}))
        await ledger.bus.say(catalogue(serial + 1, phone_4=rate))
        await ledger.change_file(serial, 2, "expired", granting=units % 2 == 0, cluster=cluster)
        before, pool = await ledger.rows(STATE), await ledger.pool(cluster=cluster)
        one = await send(ledger, inventory, cluster)
        applied = await do(ledger, "apply", one, cluster)
        await ledger.assert_sums()
        if json.dumps(applied["outcomes"]) == "{}":
            assert await ledger.rows(STATE) == before
        await do(ledger, "revert", one, cluster)
        assert await ledger.rows(STATE) == before
        assert await ledger.pool(cluster=cluster) == pool
        assert await journal_is_intact(ledger, cluster)
        await ledger.assert_sums()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(puts=st.lists(put, max_size=8), inventory=inventories, units=st.integers(0, 12), rate=st.integers(1, 6))
    def examples(puts: list[tuple[str, str, str | None]], inventory: dict[str, str], units: int, rate: int) -> None:
        asyncio.run_coroutine_threadsafe(play(puts, inventory, units, rate), loop).result()

    await asyncio.to_thread(examples)
    assert serial >= 40
