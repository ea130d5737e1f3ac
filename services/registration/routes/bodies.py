"""Orders and license files as they are shown."""

from services.registration.domain.license_file import LicenseFile
from services.registration.domain.order import Order
from shared.contracts.bodies.registration import MadeLicenseFile, OrderBody, Pak, Registration, Rehost, UnlicensedModel


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


def registration_body(file: LicenseFile) -> Registration:
    return Registration(
        license_file_id=file.license_file_id,
        file_name=file.file_name,
        mac=file.mac,
        nodes=file.nodes,
        units=file.units,
        overdraft_units=file.overdraft_units,
        sha256=file.sha256,
    )


def rehost_body(file: LicenseFile) -> Rehost:
    assert file.replaces is not None
    return Rehost(**registration_body(file).model_dump(), replaces=file.replaces)


def made_body(file: LicenseFile) -> MadeLicenseFile:
    return MadeLicenseFile(
        **registration_body(file).model_dump(),
        order_id=str(file.order_id),
        share=file.share,
        original_mac=file.original_mac,
        email=file.email,
        replaces=file.replaces,
        replaced_by=file.replaced_by,
        reason=file.reason,
        made_by=file.made_by,
        made_at=file.made_at,
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
