"""What the ledger does.

put_cluster           a cluster is added or its product version or overdraft policy changes
put_node, remove_node a node joins, changes or leaves
check_out, check_in   a device takes its units, changes its type, gives its units back
switch_license_manager  it is started, stopped or restarted
climb_ladder          an overdraft lasts: its next stage is journalled and told
settle_batch          what waits of them is done in one transaction
tick_leases           the clock of the leases goes on, and notices when it stood still
reclaim_lapsed        devices whose leases lapsed give their units back
receive_inventory     a cluster's inventory comes in, to be compared
ask_reconciliation    one is asked to be applied, or taken back
reconcile             its steps: compared, applied, taken back
go_on                 the steps are done, also after the process that was asked
verify_journal        the journal is read anew, compared with what is kept, and its first fault named
start_migration       a 4.x inventory is covered, and the cluster frozen
install_license_file  a file was accepted: its lines grant once
change_license_file   a file's state changed: its units stay or are taken back
keep_catalogue        the calculator's prices, as a copy
record_change         what every change of a cluster ends with: written, journalled, and told
tell_pool             the facts about a pool
record_refusals       what is refused is unmet demand, and is told with its ways out
keep_figures          the daily history, what devices would give back, demand that is met: by the clock
forecast_units        when a pool is used up
report_units          the License Unit Report
report_past           the License Unit Report of an instant that is over
publish_heads         the heads of journals are told, so that they are kept elsewhere
measure_pools         the figures of a scrape
"""
