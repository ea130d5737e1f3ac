"""Matching: the same operation that the upstream will see, however the path is written."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.route_table import RouteTable, UnusablePath, segments_of
from gateway.surface import Operation


def operation(method: str, path: str) -> Operation:
    return Operation("ledger", method, path, f"{method} {path}", ("viewer",), 100)


TABLE = RouteTable([
    operation("GET", "/v1/clusters"),
    operation("GET", "/v1/clusters/{cluster}"),
    operation("PUT", "/v1/clusters/{cluster}"),
    operation("PUT", "/v1/clusters/{cluster}/nodes/{node}"),
    operation("GET", "/v1/alarms/stream"),
    operation("GET", "/v1/alarms/{alarm}"),
    operation("POST", "/v1/alarms/{alarm}/acknowledgement"),
    operation("GET", "/"),
])  # fmt: skip


def found(path: bytes) -> dict[str, str]:
    return {method: one.path for method, one in TABLE.at(segments_of(path)).items()}


@pytest.mark.parametrize(
    ("path", "templates"),
    [
        (b"/v1/clusters", {"GET": "/v1/clusters"}),
        (b"/v1/clusters/hq", {"GET": "/v1/clusters/{cluster}", "PUT": "/v1/clusters/{cluster}"}),
        (b"/v1/clusters/hq/nodes/cm1", {"PUT": "/v1/clusters/{cluster}/nodes/{node}"}),
        (b"/v1/alarms/stream", {"GET": "/v1/alarms/stream"}),
        (b"/v1/alarms/%73tream", {"GET": "/v1/alarms/stream"}),
        (b"/v1/alarms/other", {"GET": "/v1/alarms/{alarm}"}),
        (b"/v1/alarms/stream/acknowledgement", {"POST": "/v1/alarms/{alarm}/acknowledgement"}),
        (b"/", {"GET": "/"}),
        (b"", {}),
        (b"/v1/clusters/", {}),
        (b"/v1//clusters", {}),
        (b"//v1/clusters", {}),
        (b"/v1/clusters/hq/nodes", {}),
        (b"/v1/clusters/hq/nodes/", {}),
        (b"/V1/clusters", {}),
        (b"/v2/clusters", {}),
    ],
)
def test_paths_and_their_operations(path: bytes, templates: dict[str, str]) -> None:
    assert found(path) == templates


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/clusters/hq%2Fnodes%2Fcm1",
        b"/v1/clusters/%2f",
        b"/v1/clusters/..",
        b"/v1/clusters/%2E%2e/nodes/cm1",
        b"/v1/clusters/.",
        b"/v1/clusters/%FF",
        b"/v1/clusters/\xff",
    ],
)
def test_what_an_upstream_might_read_differently_is_refused(path: bytes) -> None:
    with pytest.raises(UnusablePath):
        segments_of(path)


@given(st.text(min_size=1).filter(lambda name: "/" not in name and name not in {".", ".."}))
def test_every_other_name_arrives_as_it_was_meant(name: str) -> None:
    try:
        encoded = quote(name, safe="").encode()
    except UnicodeEncodeError:
        return  # a lone surrogate cannot be sent at all
    assert segments_of(b"/v1/clusters/" + encoded)[-1] == name
    assert set(found(b"/v1/clusters/" + encoded)) == {"GET", "PUT"}
