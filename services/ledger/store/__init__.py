"""All SQL of the ledger.

clusters   a cluster as one value: locked and loaded, changed by difference
devices    check-outs and check-ins on the driver: the pool's row, the desk, the holdings
ladders    where a pool stands on its overdraft ladder, and which time has to look at
journal    the head, entries appended and read
migrations what a migration counted
catalogue  the copy of the calculator's prices
listings   pages of clusters, nodes and devices; reading in one snapshot
reports    sums
"""
