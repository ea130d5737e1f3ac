"""Foretell what a change would do to a cluster's license files. It reads, and leaves nothing: no row, no event, no lock."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.licensefile import store
from services.licensefile.domain.pre_flight.foresight import Foresight, foretell
from services.licensefile.domain.pre_flight.situation import Change, Situation, changed, moment_of
from shared.kit.transaction import Transaction
from shared.license_file.mac import normalize_mac


@dataclass(frozen=True, slots=True)
class Wanted:
    """The change as it was asked for; a day means its first moment, None now."""

    first_node_mac: str | None
    product_version: str | None
    at: date | datetime | None


async def foretell_change(tx: Transaction, asked: Situation, wanted: Wanted, grace: timedelta) -> Foresight:
    """``asked``: the cluster as the ledger just said. Raises InvalidMac, NotAhead and what ``changed`` raises."""
    mac = normalize_mac(wanted.first_node_mac) if wanted.first_node_mac is not None else None
    name, now = asked.cluster.name, tx.now
    change = Change(moment_of(wanted.at, now), mac, wanted.product_version)
    bearers = await store.clusters_bearing(tx, mac, other_than=name) if mac else {}
    situation = replace(asked, files=tuple(await store.granting_files(tx, name)))
    return foretell(situation, changed(situation, change, bearers), now, change.at, grace)
