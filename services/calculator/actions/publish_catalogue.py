"""Load the shipped catalogue when this release has another one, and tell everybody. Local types stay as they are."""

import hashlib
from importlib import resources

from services.calculator import store
from services.calculator.domain.catalogue import read_shipped
from shared.contracts.events.calculator import CataloguePublished, RatedType
from shared.kit.transaction import Transaction

_FORM = "with model codes"
"""Of what is published. A release that says more of each type publishes the same types anew."""


async def load_shipped_catalogue(tx: Transaction) -> None:
    """Bring the store to the catalogue of this release; nothing happens when it is there already."""
    text = resources.files("services.calculator").joinpath("data/device_units.csv").read_text("utf-8")
    digest = hashlib.sha256(f"{_FORM}\n{text}".encode()).hexdigest()
    if await store.shipped_digest(tx) == digest:
        return
    await store.save(tx, read_shipped(text))
    await publish(tx, digest)


async def publish(tx: Transaction, digest: str | None = None) -> None:
    """Raise the catalogue's version and publish the whole of it."""
    version = await store.raise_version(tx, digest)
    types = await store.all_types(tx)
    rated = [
        RatedType(device_type=t.device_type, label=t.label, units=t.units, adjunct_units=t.adjunct_units, model_code=t.model_code)
        for t in types
    ]
    tx.publish(CataloguePublished(version=version, device_types=rated))
