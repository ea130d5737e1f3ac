"""What would make room for units that were refused, in the order in which one would try: what is free of charge before what is bought.

How much devices nobody sees, or priced too high, would give back is known from a measurement that is some minutes old (see
``Returnable``): a refusal counts no devices.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from services.ledger.domain.refusals import UnitsLacking, WayOut, counted

CCM_NODE = "CCM_NODE"


@dataclass(frozen=True, slots=True)
class Returnable:
    """What devices of a cluster would give back, as of ``measured_at``.

    ``ghosts``: devices not seen for ``ghost_days`` that hold ``ghost_units``; ``overpriced``: other devices that hold
    ``overpriced_units`` above today's price of their type, because a migration or an earlier catalogue priced them.
    """

    ghost_days: int
    ghosts: int
    ghost_units: int
    overpriced: int
    overpriced_units: int
    measured_at: datetime


def ways_out(feature: str, lacking: int, returnable: Returnable | None = None) -> tuple[WayOut, ...]:
    """What would make room for ``lacking`` units. Beyond the allowance, what is over must go first."""
    if feature == CCM_NODE:
        nodes = counted(lacking, "unused node")
        return (WayOut("remove", lacking, f"Remove at least {nodes}."), _order(lacking, "more node license"))
    known = [] if returnable is None else [*_ghosts(returnable), *_overpriced(returnable)]
    if sum(way.units for way in known) < lacking:
        more = "Remove other" if known else "Remove"
        known.append(WayOut("remove", lacking, f"{more} unused devices that hold at least {counted(lacking, 'unit')}."))
    return (*known, _order(lacking, "more unit"))


def explain(refusal: UnitsLacking, returnable: Returnable | None) -> None:
    """Complete a refusal by what was measured. What its rule knows beside removing and ordering stays at the end."""
    ordering = next(number for number, way in enumerate(refusal.ways_out) if way.action == "order")
    known, others = refusal.ways_out[ordering], refusal.ways_out[ordering + 1 :]
    refusal.ways_out = (*ways_out(refusal.feature, known.units, returnable), *others)


def _order(lacking: int, what: str) -> WayOut:
    return WayOut("order", lacking, f"Order at least {counted(lacking, what)} and upload the license file.")


def _ghosts(found: Returnable) -> list[WayOut]:
    if not found.ghost_units:
        return []
    hold = "it holds" if found.ghosts == 1 else "they hold"
    devices = f"{counted(found.ghosts, 'device')} not seen for {found.ghost_days} days"
    text = f"Remove {devices}: {hold} {counted(found.ghost_units, 'unit')} ({_as_of(found)})."
    return [WayOut("remove_ghosts", found.ghost_units, text, found.measured_at)]


def _overpriced(found: Returnable) -> list[WayOut]:
    if not found.overpriced_units:
        return []
    hold, type_ = ("it holds", "its type costs") if found.overpriced == 1 else ("they hold", "their types cost")
    text = (
        f"Put {counted(found.overpriced, 'device')} again: {hold} {counted(found.overpriced_units, 'unit')} more than "
        f"{type_} today ({_as_of(found)})."
    )
    return [WayOut("return", found.overpriced_units, text, found.measured_at)]


def _as_of(found: Returnable) -> str:
    return f"as of {found.measured_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
