"""All SQL of the ledger.

clusters   a cluster as one value: locked and loaded, changed by difference
devices    check-outs and check-ins on the driver: the pool's row, the desk, the holdings
remembered clusters as our own last batch left them, for the next one's guess
leases     the clock of the leases, what lapsed, who was heard
ghosts     devices that hold units and were not seen for long
ladders    where a pool stands on its overdraft ladder, and which time has to look at
counts     how many devices there are of each type and price
journal    the head, entries appended and read
past       what the journal tells of an instant, and what is kept that must agree with it
heads      which heads were published
migrations what a migration counted
catalogue  the copy of the calculator's prices
listings   pages of clusters, nodes and devices; reading in one snapshot
demand     what was refused, and what devices would give back
history    daily balances, kept from the journal
reports    sums
"""
