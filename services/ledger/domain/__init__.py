"""Rules of units, nodes, grants and migration. Pure: no clock, no I/O, no framework.

pool         may these units leave the pool, and what state is it in
ladder       what policy and time leave of the overdraft that files allow
exemption    emergency and attendant devices, and their hundredth
transitions  what a change of a pool means to whoever watches it
refusals     every way in which the ledger says no, with the numbers and the ways out
ways_out     what would make room for units that were refused
demand       what was asked for and refused
forecast     when a pool is used up
desk         what decides about the devices of some commands
devices      check-out and check-in: a fold over the pool and the devices concerned
leases       the clock by which leases run, and whose sign of life is noted
nodes        which node is first, and which may be added
grants       what license files, the starter and a migration add to the pools
cluster      the cluster as one value; what follows from its parts is derived in one place
journal      an entry, its form, the chain of hashes and how it is verified
changes      what a change of a cluster writes into the journal
past         a cluster as its journal tells of it
proof        whether what is kept, and what files signed, is what the journal tells
migration    what a 4.x inventory is covered with; inventory_rows: one by rows, and the models that stand in no catalogue
"""
