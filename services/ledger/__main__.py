"""``python -m services.ledger serve|migrate|openapi``, and ``journal verify``."""

import sys

from services.ledger import command_line
from services.ledger.app import create_app
from services.ledger.settings import LedgerSettings
from shared.kit.command_line import main

if __name__ == "__main__":
    if sys.argv[1:2] == ["journal"]:
        command_line.main(sys.argv[1:])
    else:
        main(create_app, LedgerSettings)
