"""Make, change and delete destinations, and rotate a webhook's secret."""

import base64
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from services.alarms.actions.fan_out import COURIER
from services.alarms.domain.destination import MOST_DESTINATIONS, Destination, NoSecretToRotate, Secret, TooManyDestinations
from services.alarms.domain.targets import InvalidTarget
from services.alarms.store import deliveries, destinations
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction

_SECRET_BYTES = 24


def new_secret() -> str:
    """A signing secret in the form of the Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


async def create(tx: Transaction, wanted: Destination) -> Destination:
    """Raises TooManyDestinations."""
    await destinations.take_turn(tx)
    if await destinations.count(tx) >= MOST_DESTINATIONS:
        raise TooManyDestinations
    await destinations.add(tx, wanted)
    return wanted


async def change(tx: Transaction, wanted: Destination, *, keeps_secrets: bool) -> Destination:
    """Have a known destination be as wanted; what it is owed already goes to where it is now. Raises NotFound, InvalidTarget."""
    known = await _locked(tx, wanted.destination_id)
    kept = known.secrets if keeps_secrets else wanted.secrets
    if wanted.kind == "webhook" and not kept:
        raise InvalidTarget("secret", f"is missing: this destination was of kind {known.kind} and has none to keep, so write one")
    changed = replace(wanted, secrets=kept, created_by=known.created_by, created_at=known.created_at)
    await destinations.save(tx, changed)
    if changed.schedule != known.schedule:
        await deliveries.bring_forward(tx, changed.destination_id, changed.schedule.opens_at(tx.now))
    if not changed.enabled:
        await _end(tx, changed.destination_id, "given up: the destination was turned off")
    tx.wake(COURIER)
    return changed


async def delete(tx: Transaction, destination_id: UUID) -> None:
    """Delete a destination, also one that is gone already; its deliveries stay on record."""
    await destinations.remove(tx, destination_id)
    await _end(tx, destination_id, "given up: the destination was deleted")


async def rotate(tx: Transaction, destination_id: UUID, secret: str, overlap: timedelta) -> datetime:
    """Sign with ``secret`` from now on, and beside it with the older ones for a while; until when. Raises NotFound, NoSecretToRotate."""
    known = await _locked(tx, destination_id)
    if known.kind != "webhook":
        raise NoSecretToRotate(known.kind)
    until = tx.now + overlap
    older = [replace(one, until=min(one.until or until, until)) for one in known.secrets if one.text != secret]
    live = [one for one in older if one.until is not None and tx.now < one.until]
    changed = replace(known, secrets=(Secret(secret), *live[:3]), changed_by=tx.caller, changed_at=tx.now)
    await destinations.save(tx, changed)
    return until


async def _locked(tx: Transaction, destination_id: UUID) -> Destination:
    known = await destinations.find(tx, destination_id, lock=True)
    if known is None:
        raise NotFound("alarm destination", str(destination_id))
    return known


async def _end(tx: Transaction, destination_id: UUID, why: str) -> None:
    kinds = await deliveries.end_open(tx, destination_id, why)
    await deliveries.count_outcomes(tx, [(kind, "given_up") for kind in kinds])
