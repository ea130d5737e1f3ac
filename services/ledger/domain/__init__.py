"""Rules of units, nodes, grants and migration. Pure: no clock, no I/O, no framework.

pool         may these units leave the pool, and what state is it in
ladder       what policy and time leave of the overdraft that files allow
exemption    emergency and attendant devices, and their hundredth
transitions  what a change of a pool means to whoever watches it
refusals     every way in which the ledger says no, with the numbers and the ways out
devices      check-out and check-in: a fold over the pool and the devices concerned
nodes        which node is first, and which may be added
grants       what license files, the starter and a migration add to the pools
cluster      the cluster as one value; what follows from its parts is derived in one place
journal      an entry, its form, the chain of hashes and how it is verified
changes      what a change of a cluster writes into the journal
migration    what a 4.x inventory is covered with
"""
