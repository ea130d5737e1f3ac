"""Orders and license files as they are shown."""

from typing import Any

from services.registration.domain import returns
from services.registration.domain.delivery import Delivery
from services.registration.domain.desk_act import DeskAct
from services.registration.domain.license_file import LicenseFile
from services.registration.domain.order import Order
from shared.contracts.bodies.registration import (
    DeliveryBody,
    DeskActBody,
    FileFacts,
    MadeLicenseFile,
    OrderBody,
    OrderShare,
    OrderTree,
    Pak,
    Registration,
    Rehost,
    ReturnedShare,
    ReturnRecord,
    UnlicensedModel,
)


def order_body(order: Order) -> OrderBody:
    return OrderBody(
        order_id=str(order.order_id),
        customer=order.customer,
        email=order.email,
        product_version=order.product_version,
        nodes=order.nodes,
        units=order.units,
        remaining_nodes=order.remaining_nodes,
        remaining_units=order.remaining_units,
        split=order.split,
        expires=order.expires,
        status=order.status,
        pak=order.pak,
        split_allowed=order.split_allowed,
        migration_id=order.migration_id,
        source_cluster=order.source_cluster,
        unknown_models=[UnlicensedModel(model=model, devices=devices) for model, devices in order.unknown_models],
        requested_by=order.requested_by,
        requested_at=order.requested_at,
        approved_by=order.approved_by,
        approved_at=order.approved_at,
    )


def _facts(file: LicenseFile) -> dict[str, Any]:
    return {name: getattr(file, name) for name in FileFacts.model_fields}


def registration_body(file: LicenseFile, *, mailed: bool) -> Registration:
    return Registration(**_facts(file), delivery="waiting" if mailed else "off")


def rehost_body(file: LicenseFile, *, mailed: bool) -> Rehost:
    assert file.replaces is not None
    return Rehost(**registration_body(file, mailed=mailed).model_dump(), replaces=file.replaces)


def act_body(act: DeskAct, pak: str | None) -> DeskActBody:
    return DeskActBody(
        act_id=str(act.act_id),
        act=act.act,
        order_id=str(act.order_id),
        pak=pak,
        license_file_id=act.license_file_id,
        reason=act.reason,
        caller=act.caller,
        at=act.at,
    )


def delivery_body(delivery: Delivery) -> DeliveryBody:
    shown = {name: getattr(delivery, name) for name in DeliveryBody.model_fields}
    return DeliveryBody(**{**shown, "delivery_id": str(delivery.delivery_id)})


def made_body(file: LicenseFile) -> MadeLicenseFile:
    return MadeLicenseFile(
        **_facts(file),
        order_id=str(file.order_id),
        share=file.share,
        original_mac=file.original_mac,
        email=file.email,
        replaces=file.replaces,
        replaced_by=file.replaced_by,
        reason=file.reason,
        made_by=file.made_by,
        made_at=file.made_at,
        key_id=file.key_id,
        voids=list(file.voids),
        state=file.state,
        returned_at=file.returned_at,
    )


def tree_body(order: Order, made: list[LicenseFile], returned: dict[int, returns.ReturnedShare], next_cursor: str | None) -> OrderTree:
    """``made``: the files of the shares on this page."""
    chains: dict[int, list[LicenseFile]] = {}
    for file in made:
        chains.setdefault(file.share, []).append(file)
    shares = [
        OrderShare(
            share=share,
            nodes=chain[0].nodes,
            units=chain[0].units,
            returned=record_body(returned[share]) if share in returned else None,
            license_files=[made_body(file) for file in sorted(chain, key=lambda file: len(file.voids))],
        )
        for share, chain in sorted(chains.items())
    ]
    return OrderTree(
        order_id=str(order.order_id),
        pak=order.pak,
        nodes=order.nodes,
        units=order.units,
        remaining_nodes=order.remaining_nodes,
        remaining_units=order.remaining_units,
        shares_total=order.shares,
        shares=shares,
        next_cursor=next_cursor,
    )


def record_body(back: returns.ReturnedShare) -> ReturnRecord:
    return ReturnRecord(
        license_file_id=back.license_file_id, reason=back.reason, returned_by=back.returned_by, returned_at=back.returned_at
    )


def returned_body(back: returns.ReturnedShare, order: Order, voided: tuple[str, ...]) -> ReturnedShare:
    return ReturnedShare(
        license_file_id=back.license_file_id,
        order_id=str(back.order_id),
        share=back.share,
        nodes=back.nodes,
        units=back.units,
        reason=back.reason,
        returned_by=back.returned_by,
        returned_at=back.returned_at,
        voided=list(voided),
        remaining_nodes=order.remaining_nodes,
        remaining_units=order.remaining_units,
    )


def pak_body(order: Order, files: list[LicenseFile], total: int) -> Pak:
    assert order.pak is not None
    return Pak(
        pak=order.pak,
        order_id=str(order.order_id),
        customer=order.customer,
        product_version=order.product_version,
        nodes=order.nodes,
        units=order.units,
        remaining_nodes=order.remaining_nodes,
        remaining_units=order.remaining_units,
        split_allowed=order.split_allowed,
        expires=order.expires,
        license_files=[made_body(file) for file in files],
        license_files_total=total,
    )
