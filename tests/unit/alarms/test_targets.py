"""How a target is written: what is read, what is refused and in which words, and that no secret is ever shown."""

import base64
from typing import Any

import pytest

from services.alarms.domain.targets import EmailTarget, InvalidTarget, SnmpTarget, SyslogTarget, WebhookTarget, parse_target

SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
V3 = {"version": "v3", "user": "watcher", "auth_key": "authenticate me", "priv_key": "encrypt me too", "engine_id": "80007ed90501020304"}


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("udp://log.example.com", {}, SyslogTarget("udp", "log.example.com", 514)),
        ("tcp://log.example.com:1514/", {}, SyslogTarget("tcp", "log.example.com", 1514)),
        ("tls://Log.Example.com", {"ca_pem": PEM}, SyslogTarget("tls", "log.example.com", 6514, "rfc5424", PEM)),
        ("udp://192.0.2.1:9", {"format": "ciscolog"}, SyslogTarget("udp", "192.0.2.1", 9, "ciscolog")),
        ("udp://[2001:DB8::0:1]:5140", {}, SyslogTarget("udp", "2001:db8::1", 5140)),
        ("tcp://[::1]", {"format": None}, SyslogTarget("tcp", "::1", 514)),
        ("tcp://log_1.intranet.", {}, SyslogTarget("tcp", "log_1.intranet.", 514)),
    ],
)
def test_syslog(text: str, options: dict[str, Any], expected: SyslogTarget) -> None:
    assert parse_target("syslog", text, options) == expected


def test_snmp_v2c_has_a_community() -> None:
    assert parse_target("snmp", "snmp://192.0.2.1", {"community": "c"}) == SnmpTarget("192.0.2.1", 162, "v2c", "c")
    assert parse_target("snmp", "snmp://[::1]:1162", {"version": "v2c", "community": "c"}) == SnmpTarget("::1", 1162, "v2c", "c")


def test_snmp_v3_has_a_user_two_keys_and_an_engine() -> None:
    expected = SnmpTarget(
        "nms.test", 162, "v3", None, "watcher", "sha256", "authenticate me", "aes128", "encrypt me too", "80007ed90501020304"
    )
    assert parse_target("snmp", "snmp://nms.test", V3) == expected
    assert parse_target("snmp", "snmp://nms.test", {**V3, "engine_id": "0x80007ED90501020304"}) == expected
    by_sha = parse_target("snmp", "snmp://nms.test", {**V3, "auth_protocol": "sha"})
    assert isinstance(by_sha, SnmpTarget)
    assert by_sha.auth_protocol == "sha"


def test_an_engine_id_that_is_not_given_is_the_same_at_every_start_and_for_nobody_else() -> None:
    options = {name: value for name, value in V3.items() if name != "engine_id"}

    def engine(text: str, user: str = "watcher") -> str:
        target = parse_target("snmp", text, {**options, "user": user})
        assert isinstance(target, SnmpTarget)
        assert target.engine_id is not None
        return target.engine_id

    assert engine("snmp://nms.test") == engine("snmp://nms.test:162") == "80007ed905" + engine("snmp://nms.test")[10:]
    assert len({engine("snmp://nms.test"), engine("snmp://nms.test:163"), engine("snmp://nms.test", "other")}) == 3
    assert len(bytes.fromhex(engine("snmp://nms.test"))) == 13


def test_email() -> None:
    assert parse_target("email", "mailto:operator+night@mail.example.com", {}) == EmailTarget("operator+night@mail.example.com")
    assert parse_target("email", "operator@example.com", {}) == EmailTarget("operator@example.com")


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port"),
    [
        ("https://hooks.example.com/a?b=c", "https", "hooks.example.com", 443),
        ("http://127.0.0.1", "http", "127.0.0.1", 80),
        ("https://[2600::1]:8443/", "https", "2600::1", 8443),
    ],
)
def test_webhook(text: str, scheme: Any, host: str, port: int) -> None:
    assert parse_target("webhook", text, {"secrets": [SECRET]}) == WebhookTarget(text, scheme, host, port, (SECRET,))


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("pager", "udp://a", {}, "kind"),
    ("syslog", "a:514", {}, "target"),
    ("syslog", "http://a", {}, "target"),
    ("syslog", "udp:a", {}, "target"),
    ("syslog", "udp://", {}, "target"),
    ("syslog", "udp://a:0", {}, "target"),
    ("syslog", "udp://a:65536", {}, "target"),
    ("syslog", "udp://a:b", {}, "target"),
    ("syslog", "udp://a/path", {}, "target"),
    ("syslog", "udp://user:word@a", {}, "target"),
    ("syslog", "udp://::1", {}, "target"),
    ("syslog", "udp://[a]", {}, "target"),
    ("syslog", "udp://[192.0.2.1]", {}, "target"),
    ("syslog", "udp://[fe80::1%25eth0]", {}, "target"),
    ("syslog", "udp://[::1", {}, "target"),
    ("syslog", "udp://-a.test", {}, "target"),
    ("syslog", "udp://a..test", {}, "target"),
    ("syslog", "udp://größe.test", {}, "target"),
    ("syslog", "udp://a\r\n", {}, "target"),
    ("syslog", "udp://a b", {}, "target"),
    ("syslog", f"udp://{'a' * 2000}", {}, "target"),
    ("syslog", "udp://2130706433", {}, "target"),
    ("syslog", "udp://127.1", {}, "target"),
    ("syslog", "udp://0x7f.0x1", {}, "target"),
    ("syslog", "udp://192.0.2.256", {}, "target"),
    ("syslog", "udp://a", {"format": "bsd"}, "format"),
    ("syslog", "udp://a", {"ca_pem": PEM}, "ca_pem"),
    ("syslog", "tls://a", {"ca_pem": "nothing"}, "ca_pem"),
    ("syslog", "tls://a", {"ca_pem": PEM * 5000}, "ca_pem"),
    ("syslog", "udp://a", {"colour": "red"}, "colour"),
    ("syslog", "udp://a", {"secrets": [SECRET]}, "secrets"),
    ("snmp", "udp://a", {"community": "c"}, "target"),
    ("snmp", "snmp://a", {}, "community"),
    ("snmp", "snmp://a", {"community": ""}, "community"),
    ("snmp", "snmp://a", {"community": 7}, "community"),
    ("snmp", "snmp://a", {"version": "v1", "community": "c"}, "version"),
    ("snmp", "snmp://a", {"version": "v2c", "community": "c", "auth_key": "authenticate me"}, "auth_key"),
    ("snmp", "snmp://a", {**V3, "community": "c"}, "community"),
    ("snmp", "snmp://a", {**V3, "user": "u" * 33}, "user"),
    ("snmp", "snmp://a", {"version": "v3"}, "user"),
    ("snmp", "snmp://a", {**V3, "auth_key": "short"}, "auth_key"),
    ("snmp", "snmp://a", {**V3, "priv_key": None}, "priv_key"),
    ("snmp", "snmp://a", {**V3, "auth_protocol": "md5"}, "auth_protocol"),
    ("snmp", "snmp://a", {**V3, "priv_protocol": "des"}, "priv_protocol"),
    ("snmp", "snmp://a", {**V3, "engine_id": "80007ed9"}, "engine_id"),
    ("snmp", "snmp://a", {**V3, "engine_id": "00" * 8}, "engine_id"),
    ("snmp", "snmp://a", {**V3, "engine_id": "FF" * 8}, "engine_id"),
    ("snmp", "snmp://a", {**V3, "engine_id": "ab" * 33}, "engine_id"),
    ("email", "mailto:", {}, "target"),
    ("email", "mailto:a@b@c", {}, "target"),
    ("email", "mailto:operator@example.com,other@example.com", {}, "target"),
    ("email", "mailto:operator@example.com?bcc=x@example.com", {}, "target"),
    ("email", "mailto:operator@example.com\r\nBcc:x@example.com", {}, "target"),
    ("email", f"mailto:{'o' * 65}@example.com", {}, "target"),
    ("email", "mailto:<operator@example.com>", {}, "target"),
    ("email", "mailto:operator@example.com", {"format": "html"}, "format"),
    ("webhook", "https://a", {}, "secrets"),
    ("webhook", "https://a", {"secrets": []}, "secrets"),
    ("webhook", "https://a", {"secrets": SECRET}, "secrets"),
    ("webhook", "https://a", {"secrets": [SECRET] * 5}, "secrets"),
    ("webhook", "https://a", {"secrets": [SECRET.removeprefix("whsec_")]}, "secrets"),
    ("webhook", "https://a", {"secrets": ["whsec_c2hvcnQ="]}, "secrets"),
    ("webhook", "https://a", {"secrets": ["whsec_not base64 at all, whatever it is"]}, "secrets"),
    ("webhook", "https://a", {"secrets": [7]}, "secrets"),
    ("webhook", "ftp://a", {"secrets": [SECRET]}, "target"),
    ("webhook", "https:///path", {"secrets": [SECRET]}, "target"),
    ("webhook", "https://a#b", {"secrets": [SECRET]}, "target"),
    ("webhook", "https://a/b#", {"secrets": [SECRET]}, "target"),
    ("webhook", "https://public.test/\\127.0.0.1", {"secrets": [SECRET]}, "target"),
    ("webhook", "https://user@a", {"secrets": [SECRET]}, "target"),
    ("webhook", "https://public.test\\@127.0.0.1", {"secrets": [SECRET]}, "target"),
    ("webhook", "https://public.test%2f.test", {"secrets": [SECRET]}, "target"),
]


@pytest.mark.parametrize(("kind", "text", "options", "field"), REFUSED)
def test_what_is_refused_names_its_field(kind: str, text: str, options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidTarget) as refused:
        parse_target(kind, text, options)
    assert refused.value.field == field
    assert refused.value.text


def test_a_refusal_repeats_no_secret() -> None:
    for kind, text, options in (
        ("webhook", "https://a", {"secrets": ["whsec_hushhush"]}),
        ("webhook", "https://a:hushhush@b", {"secrets": [SECRET]}),
        ("snmp", "snmp://a", {**V3, "auth_key": "hushhush", "priv_key": "hush"}),
        ("snmp", "snmp://a", {"version": "v3", "community": "hushhush"}),
    ):
        with pytest.raises(InvalidTarget) as refused:
            parse_target(kind, text, options)
        assert "hush" not in str(refused.value)


def test_no_representation_shows_a_secret() -> None:
    for target in (
        parse_target("snmp", "snmp://a", {"community": "hushhush"}),
        parse_target("snmp", "snmp://a", {**V3, "auth_key": "hushhush auth", "priv_key": "hushhush priv"}),
        parse_target("webhook", "https://a/hushhush?token=hushhush", {"secrets": [SECRET]}),
    ):
        for shown in (repr(target), str(target), target.shown):
            assert "hush" not in shown
            assert "whsec_" not in shown


def test_what_is_shown_says_where() -> None:
    assert parse_target("syslog", "tls://[::1]", {}).shown == "tls://[::1]:6514"
    assert parse_target("webhook", "https://a.test/path", {"secrets": [SECRET]}).shown == "https://a.test:443"
