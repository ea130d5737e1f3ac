"""The License Unit Report of an instant that is over, made from the journal alone."""

from datetime import UTC, datetime

from services.ledger.actions.report_units import device_types, features, license_files, license_manager, told_sources
from services.ledger.domain.past import InvalidInstant, migrated_units
from services.ledger.domain.pool import PHONE_UNIT
from services.ledger.domain.transitions import PoolState
from services.ledger.store import listings, past
from shared.contracts.bodies.ledger import JournalHead, UnitReport
from shared.kit.transaction import Transaction


async def report_past(tx: Transaction, cluster: str, at: datetime) -> UnitReport:
    """What ``report_units`` told at that moment, without the unmet demand: no journal tells of it. Raises NotFound, InvalidInstant."""
    await listings.in_one_snapshot(tx)
    await listings.cluster_row(tx, cluster)
    direct = await tx.direct()
    try:
        moment = at.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInstant("no calendar has it") from error
    if moment > await past.latest(direct, cluster):
        raise InvalidInstant("it is in the future")
    entry = await past.find_instant(direct, cluster, moment)
    if entry is None:
        raise InvalidInstant(f"the journal of {cluster!r} begins later")
    then = await past.facts_at(direct, cluster, entry.sequence)
    pools = await past.pools_at(direct, cluster, entry.sequence)
    sources = await told_sources(tx, cluster, then.sources.values())
    phones = next(pool for pool in pools if pool.feature == PHONE_UNIT)
    return UnitReport(
        cluster=cluster,
        product_version=then.product_version,
        frozen=then.frozen,
        license_manager=license_manager(then.license_manager, then.nodes),
        features=features(pools, PoolState(phones, policy=then.overdraft_policy, rung=then.rung), migrated_units(sources)),
        device_types=device_types(await past.types_at(direct, cluster, entry.sequence)),
        license_files=license_files(sources),
        journal=JournalHead(entries=entry.sequence, head=str(entry)),
        at=moment,
    )
