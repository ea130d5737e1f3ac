"""A file that another one voids is refused wherever that is known, with the id of what to install instead, in whatever order they come."""

import asyncio
import itertools

import httpx
import pytest

from shared.contracts.events.licensefile import LicenseFileInstalled
from tests.house import RememberingBus
from tests.service.licensefile.conftest import Desk, StubLedger, codes
from tests.unit.licensefile.made import FILE_ID, MAC, OLD_ID, OLDEST_ID, OTHER_ID, OTHER_MAC, made_file

FIRST = made_file(license_file_id=OLDEST_ID)
SECOND = made_file(license_file_id=OLD_ID, mac=OTHER_MAC, original_mac=MAC, replaces=(OLDEST_ID,))
THIRD = made_file(license_file_id=FILE_ID, original_mac=MAC, replaces=(OLD_ID, OLDEST_ID))
CHAIN = {OLDEST_ID: FIRST, OLD_ID: SECOND, FILE_ID: THIRD}


def successors(refused: httpx.Response) -> set[str]:
    """The files that the reasons of a refusal name instead."""
    assert codes(refused) == {"superseded"}
    return {file for file in CHAIN for reason in refused.json()["reasons"] if f"superseded by {file}" in reason["text"]}


@pytest.mark.parametrize("order", list(itertools.permutations(CHAIN)), ids=lambda order: "".join(file[-1] for file in order))
async def test_of_a_rehost_of_a_rehost_the_last_one_alone_grants_in_whatever_order_they_come(
    desk: Desk, ledger: StubLedger, order: tuple[str, ...]
) -> None:
    ledger.put("headquarters", MAC, OTHER_MAC)
    for place, file in enumerate(order):
        answer = await desk.upload(CHAIN[file])
        newer = {later for later in order[:place] if later > file}
        assert answer.status_code == (422 if newer else 201), answer.text
        if newer:
            assert successors(answer) <= newer
            assert successors(answer)
    granting = {file["license_file_id"] for file in await desk.listed() if file["state"] == "installed"}
    assert granting == {FILE_ID}
    for file in (OLDEST_ID, OLD_ID):
        for cluster in ("headquarters", "branch"):
            assert "superseded" in codes(await desk.upload(CHAIN[file], cluster))
    checked = (await desk.verify(FIRST)).json()
    assert "superseded" in {reason["code"] for reason in checked["reasons"]}


async def test_a_file_that_was_never_uploaded_before_its_server_failed_is_one_upload_later(desk: Desk, ledger: StubLedger) -> None:
    """The old file never came; the new one adds, and the old one is refused everywhere from then on."""
    ledger.put("headquarters", OTHER_MAC)
    assert (await desk.upload(SECOND)).status_code == 201
    assert successors(await desk.upload(FIRST, "branch")) == {OLD_ID}


async def test_a_file_whose_data_reached_the_new_server_is_replaced_by_one_upload(
    desk: Desk, ledger: StubLedger, bus: RememberingBus
) -> None:
    """The old file is installed and no node has its MAC any more: one event takes it away and brings the new one."""
    assert (await desk.upload(FIRST)).status_code == 201
    ledger.put("headquarters", OTHER_MAC, version=2)
    assert (await desk.upload(SECOND)).status_code == 201
    old, new = await desk.file(OLDEST_ID), await desk.file(OLD_ID)
    assert (old["state"], old["superseded_by"], new["state"]) == ("superseded", OLD_ID, "installed")
    assert (await bus.hear(LicenseFileInstalled, 2))[1].replaces == [OLDEST_ID]


async def test_a_file_made_from_a_returned_share_takes_the_returned_one_away_in_every_cluster(desk: Desk) -> None:
    """Two parts of what went back, in two clusters: the first to come voids the returned file, and the other one is no less good."""
    assert (await desk.upload(FIRST, "branch")).status_code == 201
    parts = [made_file(license_file_id=file, replaces=(OLDEST_ID,)) for file in (FILE_ID, OTHER_ID)]
    answers = await asyncio.gather(*(desk.upload(part, cluster) for part, cluster in zip(parts, ("branch", "headquarters"), strict=True)))
    assert [answer.status_code for answer in answers] == [201, 201]
    old = await desk.file(OLDEST_ID, "branch")
    assert (old["state"], "made of its returned share" in old["reason"]) == ("superseded", True)  # it need not be a re-host
    for cluster in ("branch", "headquarters"):
        refused = await desk.upload(FIRST, cluster)
        assert "superseded" in codes(refused)
        assert "made of its returned share" in refused.json()["detail"]
