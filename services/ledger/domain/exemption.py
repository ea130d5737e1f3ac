"""Emergency and attendant devices: they are admitted where nothing is left for others, but together hold no more than a hundredth.

Must not be broken: what they hold counts as used like anything else; and nothing that was admitted as exempt becomes ordinary while
an ordinary device would find no room: else one exemption after the other would be minted.
"""

from dataclasses import replace
from typing import Literal

from services.ledger.domain.ladder import Ladder, OverdraftRestricted, check_out_by
from services.ledger.domain.pool import Pool
from services.ledger.domain.refusals import UnitsExhausted, WayOut, counted

DeviceClass = Literal["ordinary", "emergency", "attendant"]
ORDINARY: DeviceClass = "ordinary"
EXEMPT = "exempt"
"""The reason of a journal entry that stands by exemption alone."""


def most_exempt(authorized: int) -> int:
    """Units that all exempt devices together may hold when one of them is admitted beyond the allowance: 1 %, rounded up."""
    return -(-authorized // 100)


def check_out_exempt(ladder: Ladder, pool: Pool, units: int, exempt_used: int) -> tuple[Pool, str]:
    """Take units out for an exempt device, and say whether only as such. ``exempt_used``: what all of them then hold.

    Raises what an ordinary device would be told, once the exemption is used up as well.
    """
    try:
        return check_out_by(ladder, pool, units), ""
    except (UnitsExhausted, OverdraftRestricted) as refusal:
        most = most_exempt(pool.authorized)
        if exempt_used > most:
            over = exempt_used - most
            way = f"Emergency and attendant devices may together hold {counted(most, 'unit')} (1 % of what is authorized); "
            more = WayOut("remove", over, f"{way}remove those that hold at least {counted(over, 'unit')}.")
            raise replace(refusal, ways_out=(*refusal.ways_out, more)) from None
    return Pool(pool.feature, pool.authorized, pool.overdraft_allowed, pool.used + units), EXEMPT


def check_becomes_ordinary(ladder: Ladder, pool: Pool, units: int) -> None:
    """May an exempt device that holds ``units`` go on as an ordinary one? Only as if it were checked out anew.

    Raises UnitsExhausted, OverdraftRestricted.
    """
    check_out_by(ladder, replace(pool, used=pool.used - units), units)
