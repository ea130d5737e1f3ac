"""All SQL of the registration desk.

orders   orders and migrations, and how much of each went into license files
files    license files as they were made, their ids and their bytes
returns  shares that went back to their orders

Lock order: all migrations (advisory), then one license file, then one order, then the ids (advisory), so that nobody waits in a circle.
Rows are locked FOR NO KEY UPDATE: a new license file refers to its order, and that must not wait for whoever holds the order.
"""
