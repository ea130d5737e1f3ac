"""What the alarms do: raise_alarm, clear_alarm, weigh_refusals, watch_ledger, end_quiet_alarms, acknowledge, tell, measure."""
