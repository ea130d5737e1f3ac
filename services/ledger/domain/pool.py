"""May these units leave the pool? ``used <= authorized + overdraft_allowed`` is asked before a check-out, and is no invariant:
what was granted can shrink while devices go on."""

from dataclasses import dataclass
from typing import Literal

from services.ledger.domain.refusals import UnitsExhausted, WayOut, counted

Status = Literal["within", "overdraft", "exhausted", "beyond_allowance"]

PHONE_UNIT = "PHONE_UNIT"
CCM_NODE = "CCM_NODE"
SW_FEATURE = "SW_FEATURE"
POOLED = (CCM_NODE, PHONE_UNIT)
"""The features that have a pool, in the order in which their rows are locked."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The units of one feature of one cluster, all license files together."""

    feature: str
    authorized: int = 0
    overdraft_allowed: int = 0
    used: int = 0

    def __post_init__(self) -> None:
        assert self.used >= 0  # paired with CHECK pool_used_not_negative
        assert self.authorized >= 0  # paired with CHECK pool_authorized_not_negative
        assert self.overdraft_allowed >= 0  # paired with CHECK pool_overdraft_allowed_not_negative

    @property
    def free(self) -> int:
        """What a check-out may still take, overdraft included."""
        return max(0, self.authorized + self.overdraft_allowed - self.used)

    @property
    def remaining(self) -> int:
        return max(0, self.authorized - self.used)

    @property
    def overdraft(self) -> int:
        return max(0, self.used - self.authorized)

    @property
    def status(self) -> Status:
        if not self.overdraft:
            return "within"
        if self.overdraft > self.overdraft_allowed:
            return "beyond_allowance"
        return "exhausted" if self.overdraft == self.overdraft_allowed else "overdraft"


def check_out(pool: Pool, units: int) -> Pool:
    """Take units out; once the authorized ones are gone they are overdraft. Raises UnitsExhausted."""
    assert units >= 0
    if units > pool.free:
        raise UnitsExhausted(
            feature=pool.feature,
            asked=units,
            free=pool.free,
            authorized=pool.authorized,
            used=pool.used,
            overdraft_allowed=pool.overdraft_allowed,
            ways_out=_ways_out(pool, units),
        )
    return Pool(pool.feature, pool.authorized, pool.overdraft_allowed, pool.used + units)


def check_in(pool: Pool, units: int) -> Pool:
    """Give units back; never refused."""
    return Pool(pool.feature, pool.authorized, pool.overdraft_allowed, pool.used - units)


def _ways_out(pool: Pool, units: int) -> tuple[WayOut, ...]:
    """What would make room for ``units``, the cheapest first. Beyond the allowance, what is over must go first."""
    lacking = pool.used + units - pool.authorized - pool.overdraft_allowed
    if pool.feature == CCM_NODE:
        remove, order = f"at least {counted(lacking, 'unused node')}", counted(lacking, "more node license")
    else:
        remove, order = f"unused devices that hold at least {counted(lacking, 'unit')}", counted(lacking, "more unit")
    return (
        WayOut("remove", lacking, f"Remove {remove}."),
        WayOut("order", lacking, f"Order at least {order} and upload the license file."),
    )
