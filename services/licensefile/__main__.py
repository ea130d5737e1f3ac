"""``python -m services.licensefile serve|migrate|openapi``, and ``verify``, which needs neither settings nor a database."""

import sys

from services.licensefile import command_line
from services.licensefile.app import create_app
from services.licensefile.settings import LicenseFileSettings
from shared.kit.command_line import main

if __name__ == "__main__":
    if sys.argv[1:2] == ["verify"]:
        command_line.main(sys.argv[2:])
    else:
        main(create_app, LicenseFileSettings)
