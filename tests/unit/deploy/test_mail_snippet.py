"""What deploy/README.md tells the vendor to write for a mail server fits the compose file and the desk's settings."""

import yaml

from shared.kit.mail_settings import MailSettings
from tests.compose import read_compose
from tests.house import ROOT


def test_the_override_for_a_mail_server_fits_the_compose_file_and_the_settings() -> None:
    blocks = (ROOT / "deploy/README.md").read_text("utf-8").split("```")[1::2]
    (block,) = [block for block in blocks if "LICENSING_SMTP_HOST" in block]
    written, compose = yaml.safe_load(block), read_compose()
    ((name, service),) = written["services"].items()
    assert name in compose.services
    settings = {variable.removeprefix("LICENSING_").lower(): value for variable, value in service["environment"].items()}
    ((secret, file),) = written["secrets"].items()
    assert service["secrets"] == [{"source": secret, "target": "licensing_smtp_password"}]
    assert file["file"].startswith("./secrets/vendor/")
    assert settings.keys() <= MailSettings.model_fields.keys()
    assert MailSettings.model_validate({**settings, "smtp_password": "x"}).smtp_host == settings["smtp_host"]
    # With a network of the gateway's the desk would have a second address there, and count as two.
    (network,) = service["networks"]
    assert network not in compose.raw["networks"]
    assert written["networks"] == {network: {}}
