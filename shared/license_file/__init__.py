"""The two texts that customer and vendor exchange: the license file and the migration file. Pure: bytes in, values out.

    mac             one spelling for a MAC address
    features        what a line can license, and majors
    lines           what a license file says: license lines and the others, faults
    grammar         read(bytes) -> LicenseText
    composing       a license line from typed values
    writing         license lines in the field's shape
    signature       the canonical form, sign, verify
    migration_file  the XML of a migration, its digest and its schema

There is exactly one canonical form because whoever signs and whoever verifies import it from here.
"""
