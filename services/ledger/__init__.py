"""The ledger: who holds which units. Clusters, nodes, devices, pools, grants, migration and the unit report."""
