"""``python -m services.alarms serve|migrate|openapi``."""

from services.alarms.app import create_app
from services.alarms.settings import AlarmsSettings
from shared.kit.command_line import main

if __name__ == "__main__":
    main(create_app, AlarmsSettings)
