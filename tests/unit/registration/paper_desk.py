"""The desk's rules without its store: what it would make, and beside it what is good by plain book-keeping."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from services.registration.domain.license_file import Content, LicenseFile, id_of, lines_of, rehosted
from services.registration.domain.order import Order, next_share
from services.registration.domain.returns import check_return, voided_by_returns
from shared.license_file.signature import key_id_of, sign
from shared.license_file.statement import StatedFile, Statement, write_statement
from shared.license_file.writing import write_file
from tests.unit.license_file.made import KEY
from tests.unit.registration.test_shares import order

MAC = "0015C5F3A1B2"


@dataclass
class PaperDesk:
    """Its files are real and signed. ``good``: current files by share, as a person would keep them; ``good_on``: at each day's end."""

    order: Order = field(default_factory=lambda: order(20, 200))
    now: datetime = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
    files: dict[str, LicenseFile] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    returned: list[str] = field(default_factory=list)
    good: dict[int, str] = field(default_factory=dict)
    good_on: dict[str, set[str]] = field(default_factory=dict)

    def register(self, nodes: int | None = None, units: int | None = None) -> str:
        share = next_share(self.order, nodes, units, self.now.date())
        self.order = replace(
            self.order,
            registered_nodes=self.order.registered_nodes + share.nodes,
            registered_units=self.order.registered_units + share.units,
            shares=share.number,
        )
        voided = voided_by_returns([(one, self.files[one].voids) for one in reversed(self.returned)])
        return self._issue(Content(share.number, share.nodes, share.units, 0, MAC, MAC, voids=voided))

    def rehost(self, license_file_id: str) -> str:
        old = self.files[license_file_id]
        mac = f"0015C5{len(self.files):06X}"
        made = self._issue(rehosted(old, mac, key_id_of(KEY.public_key())))
        self.files[license_file_id] = replace(old, replaced_by=made)
        return made

    def give_back(self, license_file_id: str) -> None:
        file = self.files[license_file_id]
        check_return(file, self.order, voided_by_returns([(one, self.files[one].voids) for one in self.returned]), self.now.date())
        self.order = replace(
            self.order,
            registered_nodes=self.order.registered_nodes - file.nodes,
            registered_units=self.order.registered_units - file.units,
        )
        self.files[license_file_id] = replace(file, returned_at=self.now)
        self.returned.append(license_file_id)
        del self.good[file.share]
        self._tick()

    def statement(self) -> Statement:
        stated = [
            StatedFile(one.license_file_id, one.share, one.nodes, one.units, one.mac, one.replaces, one.voids, one.returned_at, one.sha256)
            for one in self.files.values()
        ]
        files = tuple(sorted(stated, key=lambda one: one.license_file_id))
        return Statement(self.order.pak or "", str(self.order.order_id), self.order.nodes, self.order.units, self.now, files)

    def signed_statement(self) -> bytes:
        return write_statement(self.statement(), key_id_of(KEY.public_key()), KEY.sign)

    def given(self, file_ids: Sequence[str] | None = None) -> list[tuple[str, bytes]]:
        return [(f"{one}.lic", self.contents[one]) for one in (self.contents if file_ids is None else file_ids)]

    def _issue(self, content: Content) -> str:
        file_id = id_of(self.now)
        data = write_file([sign(line, KEY) for line in lines_of(self.order, content, file_id)], f"order, share {content.share}")
        self.contents[file_id] = data
        self.files[file_id] = LicenseFile(
            license_file_id=file_id, order_id=self.order.order_id, share=content.share, nodes=content.nodes, units=content.units,
            overdraft_units=content.overdraft_units, mac=content.mac, original_mac=content.original_mac, email="it@example.com",
            replaces=content.replaces, reason="moved" if content.replaces else None, sha256=hashlib.sha256(data).hexdigest(),
            made_by="desk", made_at=self.now, key_id=key_id_of(KEY.public_key()), voids=content.voids,
        )  # fmt: skip
        self.good[content.share] = file_id
        self._tick()
        return file_id

    def _tick(self) -> None:
        """Another third of a day passes, so that a day sees several of these."""
        self.good_on[self.now.date().isoformat()] = set(self.good.values())
        self.now += timedelta(hours=8, milliseconds=1)
