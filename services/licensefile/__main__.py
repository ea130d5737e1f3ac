"""``python -m services.licensefile serve|migrate|openapi``."""

from services.licensefile.app import create_app
from services.licensefile.settings import LicenseFileSettings
from shared.kit.command_line import main

if __name__ == "__main__":
    main(create_app, LicenseFileSettings)
