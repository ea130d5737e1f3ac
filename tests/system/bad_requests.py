"""Requests that must be refused, in tables: what is wrong with each, the request, the status and the problem.

The instance that they are sent to has a cluster ``hq`` with an installed file, and an order with a PAK.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.system.product import EMAIL, mac

LONG = "x" * 300
HUGE = 10**30
NOBODY = "00000000-0000-4000-8000-000000000000"
FILE_ID = "20200101000000000"
JSON = {"content-type": "application/json"}
Who = Literal["admin", "vendor"]


@dataclass(frozen=True)
class Bad:
    """A request and its refusal. ``status`` 422 and ``invalid-request`` are what most content deserves."""

    method: str
    path: str
    what: str
    content: bytes | None = None
    who: Who = "admin"
    headers: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] | None = None
    status: int = 422
    slug: str = "invalid-request"

    def __str__(self) -> str:
        return f"{self.method} {self.path[:60]}: {self.what}"


GOOD: dict[tuple[str, str, Who], dict[str, Any]] = {
    ("PUT", "/v1/clusters/new", "admin"): {"product_version": "5.0"},
    ("PUT", "/v1/clusters/hq/nodes/new", "admin"): {"mac": mac(77)},
    ("PUT", "/v1/clusters/hq/devices/new", "admin"): {"device_type": "cisco-7920"},
    ("PUT", "/v1/device-types/new", "admin"): {"units": 3},
    ("POST", "/v1/clusters/hq/migration", "admin"): {"from_version": "4.2", "to_version": "5.0", "nodes": 1, "devices": []},
    ("POST", "/v1/callers", "admin"): {"caller": "new", "scope": "viewer"},
    ("POST", "/v1/unit-calculations", "admin"): {"devices": [{"device_type": "cisco-7920", "count": 1}]},
    ("POST", "/v1/orders", "vendor"): {"customer": "New", "email": EMAIL, "product_version": "5.0", "nodes": 1, "units": 1},
    ("POST", "/v1/registrations", "vendor"): {"pak": "7K2M9QX4TB", "mac": mac(77), "email": EMAIL},
    ("POST", "/v1/rehosts", "vendor"): {"license_file_id": FILE_ID, "mac": mac(77), "email": EMAIL, "reason": "new"},
}
"""Every door that reads JSON, and a body without fault; each case below spoils one thing of it."""

UNREADABLE = {
    "missing body": b"", "broken": b'{"a": 1', "only a bracket": b"{", "null": b"null", "a list": b"[]", "a text": b'"x"',
    "a number": b"7", "NaN": b"NaN", "infinity": b'{"a": -Infinity}', "no UTF-8": b'{"a": "\xff\xfe"}', "UTF-16": "{}".encode("utf-16"),
    "deep": b"[" * 10_000 + b"]" * 10_000, "deep without end": b'{"a":' * 10_000, "XML": b"<a/>", "ten thousand digits": b"1" * 10_000,
    "an unknown member": b'{"surprise": 1}', "a member without text": b'{"\\ud800": "\\ud800"}', "binary": bytes(range(256)),
}  # fmt: skip

SPOILED: list[tuple[str, str, list[Any]]] = [
    # door, member, values that it cannot have
    ("/v1/clusters/new", "product_version", ["", "5", "x", 5.0, None, LONG, "5.0\n", "\x00", "-5.0", "9999.0", [], {}]),
    ("/v1/clusters/new", "starter", ["yes", 1, None]),
    ("/v1/clusters/hq/nodes/new", "first", ["yes", 1, []]),
    ("/v1/clusters/hq/devices/new", "device_type", ["", " ", ".", "a/b", "a\x00b", "a\nb", "\x7f", "\ud800", LONG, 7, None, ["x"]]),
    ("/v1/clusters/hq/devices/new", "adjunct_of", ["", "a/b", "\x1b[2J", LONG, 7]),
    ("/v1/device-types/new", "units", [0, -1, HUGE, 1.5, "3", True, None, [3]]),
    ("/v1/device-types/new", "label", ["", LONG]),
    ("/v1/clusters/hq/migration", "nodes", [-1, HUGE, 1.5, "1", None]),
    ("/v1/clusters/hq/migration", "devices", [None, {}, [1], [{"device_type": "cisco-7960", "count": -1}],
                                              [{"device_type": LONG, "count": 1}], [{"device_type": "cisco-7960", "count": HUGE}]]),
    ("/v1/callers", "caller", ["", "a/b", "a\x00b", LONG, 7]),
    ("/v1/callers", "scope", ["", "root", None, 7]),
    ("/v1/unit-calculations", "nodes", [-1, HUGE, "1", True]),
    ("/v1/unit-calculations", "devices", [None, [None], [{"device_type": "cisco-7920"}], [{"device_type": "cisco-7920", "count": -1}],
                                          [{"device_type": "cisco-7920", "count": 1_000_000_001}]]),
    ("/v1/orders", "customer", ["", "a\x00b", "a/b", LONG, 7, "\ud800"]),
    ("/v1/orders", "email", ["nobody", "a b@example.com", LONG + "@example.com", "a@b\r\nBcc: c@d", None]),
    ("/v1/orders", "nodes", [-1, HUGE, 1.5, "1", True]),
    ("/v1/orders", "units", [-1, 1_000_000_000, HUGE, "1", None]),
    ("/v1/orders", "split", ["maybe", 1]),
    ("/v1/orders", "expires", ["yesterday", "0000-00-00", 7.5]),
    ("/v1/registrations", "pak", ["\x00", LONG, "a-b", 7, None]),
    ("/v1/registrations", "units", [-1, HUGE, 1.5, "1"]),
    ("/v1/rehosts", "license_file_id", ["1", "x" * 17, FILE_ID + "0", 7, None]),
    ("/v1/rehosts", "reason", ["", "  ", "a\x00b", LONG * 2]),
]  # fmt: skip

WRONG_MACS = ["x", "0015C5F3A1B", "0015C5F3A1B22", "00:15:c5:f3:a1", "00:15-c5:f3-a1:b2", "0015.c5f3.a1b2.0000", "00 15 c5 f3 a1 b2",
              "g015c5f3a1b2", "000000000000", "ffffffffffff", "01005e000001", "０015c5f3a1b2", "0015c5f3a1b2\x00"]  # fmt: skip

ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10))
EMPTY = '<migrationFile version="1"/>'
OUTSIDE = 'SYSTEM "file:///etc/passwd"'
MIGRATION_FILES = {
    "billion laughs": f'<?xml version="1.0"?><!DOCTYPE a [{ENTITIES}]><migrationFile version="1">&e9;</migrationFile>',
    "a file of ours": f'<!DOCTYPE a [<!ENTITY e {OUTSIDE}>]><migrationFile version="1">&e;</migrationFile>',
    "a parameter entity": f"<!DOCTYPE a [<!ENTITY % e {OUTSIDE}> %e;]>{EMPTY}",
    "a grammar elsewhere": f'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">{EMPTY}',
    "deep": "<a>" * 10_000 + "</a>" * 10_000, "broken": "<migrationFile", "no XML": "hello", "blank": " ",
    "control characters": "<a>\x01</a>", "another document": "<a/>", "an empty one": EMPTY,
}  # fmt: skip


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def unreadable_bodies() -> list[Bad]:
    cases = [Bad(method, path, what, content, who, JSON) for (method, path, who) in GOOD for what, content in UNREADABLE.items()]
    for (method, path, who), body in GOOD.items():
        if path != "/v1/clusters/hq/migration":
            cases += [Bad(method, path, f"sent as {kind}", _json(body), who, {"content-type": kind}) for kind in ("text/plain", "text/xml")]
    migration = "/v1/clusters/hq/migration"
    cases.append(Bad("POST", migration, "sent as text", b"{}", "admin", {"content-type": "text/plain"}, slug="invalid-inventory"))
    return cases


def spoiled_members() -> list[Bad]:
    cases: list[Bad] = []
    doors = {path: (method, who, body) for (method, path, who), body in GOOD.items()}
    for path, member, values in SPOILED:
        method, who, body = doors[path]
        cases += [Bad(method, path, f"{member} {str(v)[:30]!a}", _json({**body, member: v}), who, JSON) for v in values]
    for path in ("/v1/clusters/hq/nodes/new", "/v1/registrations", "/v1/rehosts"):
        method, who, body = doors[path]
        cases += [Bad(method, path, f"mac {m!a}", _json({**body, "mac": m}), who, JSON, slug="invalid-mac") for m in WRONG_MACS]
        no_texts: tuple[Any, ...] = ("", LONG, 15, None, [])
        cases += [Bad(method, path, f"mac {str(m)[:9]}", _json({**body, "mac": m}), who, JSON) for m in no_texts]
    return cases


def bad_migration_files() -> list[Bad]:
    door = ("POST", "/v1/registrations")
    body = {"mac": mac(77), "email": EMAIL}
    files = MIGRATION_FILES.items()
    bombs = [Bad(*door, what, _json({**body, "migration_file": xml}), "vendor", JSON, slug="invalid-migration-file") for what, xml in files]
    texts = {"empty": "", "half a pair": "<a>\ud800</a>", "a number": 7, "beyond a million characters": "x" * 1_000_001}
    return bombs + [Bad(*door, what, _json({**body, "migration_file": text}), "vendor", JSON) for what, text in texts.items()]


def bad_files() -> list[Bad]:
    cases: list[Bad] = []
    for path in ("/v1/clusters/hq/license-files", "/v1/license-file-verifications?cluster=hq"):
        cases += [
            Bad("POST", path, "5 MB", files={"file": ("a.lic", b"x" * 5_000_000)}, status=413, slug="content-too-large"),
            Bad("POST", path, "JSON", b'{"file": "a"}', headers=JSON),
            Bad("POST", path, "another part", files={"license": ("a.lic", b"x")}),
            Bad("POST", path, "no boundary", b"x", headers={"content-type": "multipart/form-data"}),
            Bad(
                "POST",
                path,
                "broken parts",
                b"--b\r\nx",
                headers={"content-type": "multipart/form-data; boundary=b"},
                slug="upload-cut-off",
            ),
            Bad("POST", path, "nothing"),
        ]
    upload = ("POST", "/v1/clusters/hq/license-files")
    contents = {"empty": b"", "binary": bytes(range(256)) * 100, "zeros": bytes(1000), "text": b"hello\n" * 10_000}
    cases += [Bad(*upload, what, files={"file": ("a.lic", c)}, slug="license-file-refused") for what, c in contents.items()]
    names = (f"{LONG}.lic", "a\x01.lic", "../../etc/passwd.lic", "a.txt", "\u202e.lic")
    return cases + [Bad(*upload, f"name {n[:20]!a}", files={"file": (n, b"x")}, slug="license-file-refused") for n in names]


def bad_paths() -> list[Bad]:
    names = ["%00", "%0a", "%1f%1b", "%7f", "a%2fb", "%2e%2e", "%20a", "%ff", LONG, "%e2%80%ae"]
    cases: list[Bad] = []
    for name in names:
        cases += [Bad("GET", f"/v1/clusters/{name}", "name"), Bad("DELETE", f"/v1/clusters/hq/devices/{name}", "name")]
        cases += [Bad("PUT", f"/v1/clusters/hq/devices/{name}", "name", b'{"device_type": "cisco-7920"}', headers=JSON)]
        cases += [Bad("PUT", f"/v1/clusters/{name}", "name", b'{"product_version": "5.0"}', headers=JSON)]
        cases += [Bad("PUT", f"/v1/clusters/hq/nodes/{name}", "name", _json({"mac": mac(77)}), headers=JSON)]
        cases += [Bad("PUT", f"/v1/device-types/{name}", "name", b'{"units": 3}', headers=JSON)]
        cases += [Bad("GET", f"/v1/clusters/hq/license-files/{name}/content", "name"), Bad("DELETE", f"/v1/callers/{name}", "name")]
        cases += [Bad("GET", f"/v1/paks/{name}", "name", who="vendor"), Bad("GET", f"/v1/orders/{name}", "name", who="vendor")]
    queries = ("limit=0", "limit=201", "limit=-1", "limit=NaN", f"limit={HUGE}", "limit=", f"cursor={'x' * 2000}")
    for listing in ("/v1/clusters", "/v1/alarms", "/v1/clusters/hq/devices", "/v1/clusters/hq/license-files", "/v1/callers"):
        cases += [Bad("GET", f"{listing}?{query}", "query") for query in queries]
        cases += [Bad("GET", f"{listing}?cursor={cursor}", "query", slug="invalid-cursor") for cursor in ("x", "e30", "WyJhIl0x")]
    cases += [Bad("GET", f"/v1/alarms?{query}", "query") for query in ("state=gone", "name=Fire", f"cluster={LONG}", "cluster=%00")]
    return [*cases, Bad("GET", "/v1/alarms/1", "id"), Bad("GET", "/v1/orders/-1", "id", who="vendor")]


def unknown_things() -> list[Bad]:
    unknown: dict[str, Any] = {"status": 404, "slug": "not-found"}
    clusters = ["", "/nodes", "/devices", "/devices/d", "/unit-report", "/license-files", "/migration", "/migration-file"]
    paths = [f"/v1/clusters/nowhere{rest}" for rest in clusters]
    paths += [
        "/v1/clusters/hq/devices/nobody",
        f"/v1/clusters/hq/license-files/{FILE_ID}",
        f"/v1/clusters/hq/license-files/{FILE_ID}/content",
    ]
    paths += [
        "/v1/clusters/hq/migration",
        "/v1/clusters/hq/migration-file",
        f"/v1/alarms/{NOBODY}",
        "/v1/nothing",
        "/v1",
        "/v1/clusters/",
    ]
    cases = [Bad("GET", path, "unknown", **unknown) for path in paths]
    theirs = ("/v1/orders/999", f"/v1/orders/{10**17}", "/v1/paks/NOSUCHPAK0", f"/v1/registrations/{FILE_ID}")
    cases += [Bad("GET", path, "unknown", who="vendor", **unknown) for path in theirs]
    for (method, path, who), body in GOOD.items():
        if path in {"/v1/registrations", "/v1/rehosts"} or "/hq/" in path:
            cases.append(Bad(method, path.replace("/hq/", "/nowhere/"), "unknown", _json(body), who, JSON, **unknown))
    upload = {"file": ("a.lic", b"x")}
    cases.append(Bad("POST", "/v1/clusters/nowhere/license-files", "unknown", files=upload, **unknown))
    cases.append(Bad("DELETE", f"/v1/clusters/hq/license-files/{FILE_ID}", "unknown", **unknown))
    device = _json({"device_type": "nokia-3310"})
    return [*cases, Bad("PUT", "/v1/clusters/hq/devices/new", "type", device, headers=JSON, slug="unknown-device-type")]
