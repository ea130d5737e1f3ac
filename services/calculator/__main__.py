"""``python -m services.calculator serve|migrate|openapi``."""

from services.calculator.app import create_app
from services.calculator.settings import CalculatorSettings
from shared.kit.command_line import main

if __name__ == "__main__":
    main(create_app, CalculatorSettings)
