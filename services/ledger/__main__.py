"""``python -m services.ledger serve|migrate|openapi``."""

from services.ledger.app import create_app
from services.ledger.settings import LedgerSettings
from shared.kit.command_line import main

if __name__ == "__main__":
    main(create_app, LedgerSettings)
