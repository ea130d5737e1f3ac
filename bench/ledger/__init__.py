"""The ledger measured: alone, through the gateway, in one process with everything, in bulk, at three sizes, and as three processes.

It stands on a PostgreSQL of its own that is durable, and on processes of its own; of the broker it needs nothing (the ledgers here
deliver their events in memory, as the embedded mode does). The references run in the same minutes on the same server.

Where things are: ``postgres`` the database, ``pgbench`` and ``copying`` the references, ``processes`` what is started, ``wire`` and
``load`` the load generator, ``stage`` clusters and what is checked after each figure; each other module is one section of the report.
"""
