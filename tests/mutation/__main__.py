"""``python -m tests.mutation [--only MODULE]… [--again]``: every mutant on trial; ends with 1 if one survives that nobody answered for.

A verdict is kept in build/mutation for as long as neither the mutant nor any test changes; ``--again`` forgets the verdicts. What may
survive, and why, stands in ``accepted.py``. Runs in the hardening environment.
"""

import argparse
import sys

from tests.mutation.court import Court
from tests.mutation.report import write_report
from tests.mutation.targets import TARGETS
from tests.mutation.verdicts import Records


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], help="a module such as shared.license_file.words; may be given more than once"
    )
    parser.add_argument("--again", action="store_true", help="forget what is known already")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--survivors", action="store_true", help="try again only what survived last time, on the tests as they are now")
    arguments = parser.parse_args()
    chosen = [target for target in TARGETS if target.module in arguments.only or not arguments.only]
    court = Court(arguments.processes, Records(forget=arguments.again, survivors_only=arguments.survivors))
    counts = [court.judge(target) for target in chosen]
    return write_report(counts, whole=not arguments.only)


if __name__ == "__main__":
    sys.exit(main())
