"""What the alarms do.

By facts: raise_alarm, clear_alarm, weigh_refusals, watch_ledger. By time: end_quiet_alarms, remind, watch_services. For people:
acknowledge, look_after, keep_destination, try_destination. To be heard: tell, fan_out (what is owed to whom), deliver, measure,
show_change and stream.
"""
