"""The texts that customer and vendor exchange: the license file, the statement of an order, the migration file. Pure: bytes in, values out.

    mac             one spelling for a MAC address
    features        what a line can license, and majors
    lines           what a license file says: license lines and the others, faults
    grammar         read(bytes) -> LicenseText
    composing       a license line from typed values
    writing         license lines in the field's shape
    signature       the canonical form, sign, verify
    statement       the vendor's signed word on all files of an order
    order_files     files as parts of an order
    order_tree      what files and statements prove of an order, without the vendor
    migration_file  the XML of a migration, its digest and its schema

There is exactly one canonical form because whoever signs and whoever verifies import it from here.
"""
