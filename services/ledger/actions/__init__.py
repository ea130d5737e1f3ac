"""What the ledger does.

put_cluster           a cluster is added or its product version or overdraft policy changes
put_node, remove_node a node joins, changes or leaves
check_out, check_in   a device takes its units, changes its type, gives its units back
climb_ladder          an overdraft lasts: its next stage is journalled and told
settle_batch          what waits of them is done in one transaction
verify_journal        the journal is read anew, and its first fault named
start_migration       a 4.x inventory is covered, and the cluster frozen
install_license_file  a file was accepted: its lines grant once
change_license_file   a file's state changed: its units stay or are taken back
keep_catalogue        the calculator's prices, as a copy
record_change         what every change of a cluster ends with: written, journalled, and told
tell_pool             the facts about a pool
report_units          the License Unit Report
measure_pools         the figures of a scrape
"""
