"""What the ledger says when it says no: what happened, with the numbers, and what to do, in sentences that a person reads."""

import pytest

from services.ledger.domain.desk import Desk, Holding, Price, Provisioning
from services.ledger.domain.devices import CheckIn, CheckOut, apply
from services.ledger.domain.pool import CCM_NODE, PHONE_UNIT, Pool, check_out
from services.ledger.domain.refusals import (
    AdjunctConflict,
    MigrationNotPossible,
    PrimaryOfAdjunct,
    ProvisioningFrozen,
    UnitsExhausted,
    invalid_inventory,
    software_license_missing,
    unknown_device_types,
)

INSTALL = "Paste the migration file into License Registration and install the license file that it yields."


@pytest.mark.parametrize(
    ("pool", "asked", "said"),
    [
        (
            Pool(PHONE_UNIT, 4, 2, 5),
            4,
            "PHONE_UNIT: 4 asked for, 1 free (4 authorized, 2 more allowed as overdraft, 5 used). Ways out: "
            "1. Remove unused devices that hold at least 3 units. 2. Order at least 3 more units and upload the license file.",
        ),
        (
            Pool(PHONE_UNIT, 4, 0, 4),
            1,
            "PHONE_UNIT: 1 asked for, 0 free (4 authorized, 0 more allowed as overdraft, 4 used). Ways out: "
            "1. Remove unused devices that hold at least 1 unit. 2. Order at least 1 more unit and upload the license file.",
        ),
        (
            Pool(CCM_NODE, 2, 0, 2),
            1,
            "CCM_NODE: 1 asked for, 0 free (2 authorized, 0 more allowed as overdraft, 2 used). Ways out: "
            "1. Remove at least 1 unused node. 2. Order at least 1 more node license and upload the license file.",
        ),
        (
            Pool(CCM_NODE, 0, 0, 1),
            1,
            "CCM_NODE: 1 asked for, 0 free (0 authorized, 0 more allowed as overdraft, 1 used). Ways out: "
            "1. Remove at least 2 unused nodes. 2. Order at least 2 more node licenses and upload the license file.",
        ),
    ],
)
def test_exhausted_units_are_told_with_the_numbers_and_the_cheapest_way_out_first(pool: Pool, asked: int, said: str) -> None:
    with pytest.raises(UnitsExhausted) as refused:
        check_out(pool, asked)
    assert str(refused.value) == said


SAID: list[tuple[Exception, str]] = [
    (
        ProvisioningFrozen(4, "phone-5", 1, 1),
        "The migration counted 1 device of type phone-5 and the cluster has 1; "
        f"no more are added before the real license file is installed. {INSTALL}",
    ),
    (
        ProvisioningFrozen(4, "phone-5", 0, 0),
        "The migration counted 0 devices of type phone-5 and the cluster has 0; "
        f"no more are added before the real license file is installed. {INSTALL}",
    ),
    (
        ProvisioningFrozen(1, None, 2, 3),
        f"The migration counted 2 nodes and the cluster has 3; no more are added before the real license file is installed. {INSTALL}",
    ),
    (
        software_license_missing(1, 6, 0),
        "The cluster runs 6.x and has no software license (SW_FEATURE). Install a license file with a SW_FEATURE line of 6.x.",
    ),
    (
        software_license_missing(1, 6, 5),
        "The cluster runs 6.x and its software license (SW_FEATURE) only reaches 5.x. "
        "Install a license file with a SW_FEATURE line of 6.x.",
    ),
    (unknown_device_types(["b", "a"]), "Not in the catalogue: a, b. See GET /v1/device-types, or add a local type."),
    (
        unknown_device_types(f"t{n:02}" for n in range(22)),
        f"Not in the catalogue: {', '.join(f't{n:02}' for n in range(20))} and 2 more. See GET /v1/device-types, or add a local type.",
    ),
    (
        MigrationNotPossible(1, 2, None),
        "The cluster has 1 device and 2 license files; a migration is for a cluster that has neither. Migrate into a new cluster.",
    ),
    (
        invalid_inventory(["the text is not UTF-8"]),
        "The inventory cannot be migrated: the text is not UTF-8. Correct it and send it again.",
    ),
    (
        invalid_inventory(f"line {n}" for n in range(21)),
        f"The inventory cannot be migrated: {'; '.join(f'line {n}' for n in range(20))} and 1 more. Correct it and send it again.",
    ),
]


@pytest.mark.parametrize(("refusal", "said"), SAID)
def test_every_other_no_says_what_happened_and_what_to_do(refusal: Exception, said: str) -> None:
    assert str(refusal) == said


PRIMARY, PORT, ADJUNCT = Holding("desk", "four", 4), Holding("line", "one", 1), Holding("pc", "soft", 1, "desk")
PRICES = {"one": Price(1, None), "four": Price(4, None), "soft": Price(3, 1)}


@pytest.mark.parametrize(
    ("command", "error", "said"),
    [
        (CheckIn("desk"), PrimaryOfAdjunct, "'desk' cannot be removed while an adjunct points to it: pc. Remove or change that first."),
        (
            CheckOut("desk", "one"),
            PrimaryOfAdjunct,
            "'desk' cannot become a device of type one at 1 unit while an adjunct of a higher price points to it: pc. "
            "Remove or change that first.",
        ),
        (
            CheckOut("new", "soft", "line"),
            AdjunctConflict,
            "'new' cannot be an adjunct of 'line': its normal price is 3 units, the primary's is 1 unit, and it may not exceed that. "
            "Name another primary, or leave adjunct_of out to check it out at its full price.",
        ),
        (
            CheckOut("new", "soft", "nobody"),
            AdjunctConflict,
            "'new' cannot be an adjunct of 'nobody': the cluster has no such device. "
            "Name another primary, or leave adjunct_of out to check it out at its full price.",
        ),
    ],
)
def test_a_no_about_adjuncts_says_what_happened_and_what_to_do(command: CheckIn | CheckOut, error: type[Exception], said: str) -> None:
    holdings = {h.device: h for h in (PRIMARY, PORT, ADJUNCT)}
    with pytest.raises(error) as refused:
        apply(Desk(Pool(PHONE_UNIT, 100, 0, 6), holdings, PRICES, Provisioning(5, 0)), command)
    assert str(refused.value) == said
