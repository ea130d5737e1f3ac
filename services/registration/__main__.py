"""``python -m services.registration serve|migrate|openapi``."""

from services.registration.app import create_app
from services.registration.settings import RegistrationSettings
from shared.kit.command_line import main

if __name__ == "__main__":
    main(create_app, RegistrationSettings)
