"""Secrets as files, each of the name of its setting: where orchestrators put them, so that none stands in an environment."""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

FOLDER_VARIABLE = "LICENSING_SECRETS_DIR"
DEFAULT_FOLDER = Path("/run/secrets")


class SecretFiles(PydanticBaseSettingsSource):
    """Reads ``licensing_database_url`` for ``database_url``. What is not there is no secret; what cannot be read is an error.

    By hand, because that of pydantic-settings warns of a missing folder and lets a file be that it cannot use.
    """

    def __init__(self, kind: type[BaseSettings]) -> None:
        super().__init__(kind)
        self._folder = Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)
        self._prefix = str(self.config.get("env_prefix", "")).lower()

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 -- the base class's form
        """The file's text without the white space around it, None where there is no file. Raises SettingsError with the file's name."""
        path = self._folder / f"{self._prefix}{field_name}"
        try:
            text = path.read_text("utf-8").strip()
        except FileNotFoundError:
            return None, field_name, False
        except UnicodeDecodeError:
            raise SettingsError(f"the secret file {path} is no text in UTF-8") from None
        except OSError as error:
            raise SettingsError(f"the secret file {path} cannot be read: {error.strerror}") from error
        if not text:
            raise SettingsError(f"the secret file {path} is empty")
        return text, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: text for name, text in found.items() if text is not None}
