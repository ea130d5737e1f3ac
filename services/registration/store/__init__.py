"""All SQL of the registration desk.

deliveries  license files on their way to an e-mail address
files       license files as they were made, their ids and their bytes
orders      orders and migrations, and how much of each went into license files
record      every act of the desk, with caller, time and reason
returns     shares that went back to their orders

Lock order: all migrations (advisory), then one license file, then one order, then the ids (advisory), then deliveries, so that nobody
waits in a circle. The record locks nothing.
Rows are locked FOR NO KEY UPDATE: a new license file refers to its order, and that must not wait for whoever holds the order.
"""
