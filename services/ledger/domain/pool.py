"""May these units leave the pool? ``used <= authorized + overdraft_allowed`` is asked before a check-out, and is no invariant:
what was granted can shrink while devices go on."""

from dataclasses import dataclass

from services.ledger.domain.refusals import UnitsExhausted
from services.ledger.domain.ways_out import ways_out
from shared.license_file.consequences import PoolStatus, pool_status

Status = PoolStatus

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
        return pool_status(self.authorized, self.overdraft_allowed, self.used)


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
            ways_out=ways_out(pool.feature, pool.used + units - pool.authorized - pool.overdraft_allowed),
        )
    return Pool(pool.feature, pool.authorized, pool.overdraft_allowed, pool.used + units)


def check_in(pool: Pool, units: int) -> Pool:
    """Give units back; never refused."""
    return Pool(pool.feature, pool.authorized, pool.overdraft_allowed, pool.used - units)
