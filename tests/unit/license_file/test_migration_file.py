"""The migration file survives copy and paste, and nothing else."""

from dataclasses import replace
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, fromstring, parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.license_file import migration_file
from shared.license_file.migration_file import InvalidMigrationFile, MigrationFile, read, write

MIGRATION: Final = MigrationFile("m-2026.1", "Zürich & <Söhne>", "4.0(2a)", "5.0", 3, (("cisco-7970", 10, 5), ("cti-port", 7, 0)))
WRITTEN: Final = write(MIGRATION).decode()
WITH_UNKNOWN: Final = replace(MIGRATION, unknown_models=(("ATA 186/188", 2), ("Modell <ü>", 1)))
UNKNOWN_WRITTEN: Final = write(WITH_UNKNOWN).decode()
OLD_DIGEST: Final = "d8bc328693ce4d7fc6dff7a34f670da176f4ebec602f212d286118a1493ad2ef"
"""What the file above had before migration files could name unknown models."""


def reasons(data: bytes | str) -> list[str]:
    with pytest.raises(InvalidMigrationFile, match="Copy the whole text") as refused:
        read(data)
    return refused.value.reasons


LABELS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cf", "Cn", "Co")), min_size=1, max_size=20)
TYPES = st.lists(st.tuples(LABELS, st.integers(0, 10_000), st.integers(0, 100)), unique_by=lambda device: device[0], max_size=5).map(tuple)
MODELS = st.lists(st.tuples(LABELS, st.integers(1, 10_000)), unique_by=lambda model: model[0], max_size=5).map(tuple)


@given(st.builds(MigrationFile, st.just("m-1"), LABELS, st.just("4.0"), st.just("5.0"), st.integers(0, 99), TYPES, MODELS))
def test_what_was_written_reads_back_as_the_same(migration: MigrationFile) -> None:
    assert read(write(migration)) == migration


def test_a_bit_that_is_flipped_is_refused_or_means_nothing() -> None:
    """Blanks between elements and the words of the XML declaration say nothing; everything else is under the digest."""
    data, meant = write(WITH_UNKNOWN), 0
    for at in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            try:
                assert read(bytes(changed)) == WITH_UNKNOWN
            except InvalidMigrationFile:
                meant += 1
    assert meant > 6 * len(data)


def test_a_file_without_unknown_models_is_what_it_was_before_there_were_any() -> None:
    assert MIGRATION.digest == OLD_DIGEST
    assert "nknown" not in WRITTEN
    assert read(WRITTEN).unknown_models == ()


def test_unknown_models_are_told_counted_and_cost_nothing() -> None:
    assert read(UNKNOWN_WRITTEN) == WITH_UNKNOWN
    assert (WITH_UNKNOWN.total_units, WITH_UNKNOWN.digest == MIGRATION.digest) == (50, False)


def test_total_units_are_the_sum_over_the_types() -> None:
    assert MIGRATION.total_units == 50


PASTED = {
    "text": WRITTEN,
    "blanks_around": f" \n\t{WRITTEN}\r\n \n",
    "byte_order_mark": f"\ufeff{WRITTEN}",
    "byte_order_mark_in_bytes": f"\ufeff{WRITTEN}".encode(),
    "crlf": WRITTEN.replace("\n", "\r\n"),
    "no_indentation": WRITTEN.replace("\n", "").replace("  ", ""),
    "blanks_in_elements": WRITTEN.replace("<nodes>3<", "<nodes>\n 3\n<"),
    "no_declaration": WRITTEN.partition("\n")[2],
    "declaration_of_another_encoding": WRITTEN.replace("UTF-8", "ISO-8859-1"),
}


@pytest.mark.parametrize("data", PASTED.values(), ids=PASTED.keys())
def test_pasted_text_is_tolerated(data: str | bytes) -> None:
    assert read(data) == MIGRATION


def changed(old: str, new: str) -> str:
    assert old in WRITTEN
    return WRITTEN.replace(old, new)


DTD = '<?xml version="1.0"?><!DOCTYPE m [{}]><migrationFile version="1">&a;</migrationFile>'
REFUSED = {
    "empty": ("", "well-formed"),
    "no_xml": ("PAK 7K2M9QX4TB", "well-formed"),
    "cut_off": (WRITTEN[:-20], "well-formed"),
    "not_utf8": (WRITTEN.encode("latin-1"), "not UTF-8"),
    "utf16": (WRITTEN.encode("utf-16"), "not UTF-8"),
    "lone_surrogate": (WRITTEN.replace("Zürich", "\ud800"), "not UTF-8"),
    "nul": (b"\0" * 40, "well-formed"),
    "entity_bomb": (DTD.format('<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">'), "entities"),
    "external_entity": (DTD.format('<!ENTITY a SYSTEM "file:///etc/passwd">'), "entities"),
    "document_type": ('<!DOCTYPE m SYSTEM "http://127.0.0.1/m.dtd"><migrationFile version="1"/>', "document types"),
    "undefined_entity": (changed("<nodes>3", "<nodes>&a;"), "well-formed"),
    "other_root": ("<license/>", "<license>"),
    "other_version": (changed('<migrationFile version="1"', '<migrationFile version="2"'), 'version="1"'),
    "other_namespace": (changed("<migrationFile ", '<migrationFile xmlns="urn:x" '), "urn:x"),
    "element_missing": (changed("<nodes>3</nodes>", ""), "<nodes> is missing"),
    "element_twice": (changed("<nodes>3</nodes>", "<nodes>3</nodes><nodes>3</nodes>"), "<nodes> is given more than once"),
    "element_unknown": (changed("<nodes>", "<free>1</free><nodes>"), "<free> is not known"),
    "order": (changed("<nodes>3</nodes>", "").replace("<devices>", "</x>").replace("</x>", "<devices>").replace(
        "</devices>", "</devices><nodes>3</nodes>"), "order"),
    "text_between": (changed("<nodes>", "x<nodes>"), "text between"),
    "text_between_devices": (changed("<devices>", "<devices>x"), "text between"),
    "attribute_unknown": (changed("<nodes>", '<nodes a="1">'), "text only"),
    "element_inside_a_value": (changed("<nodes>3", "<nodes><b/>3"), "text only"),
    "nodes_no_number": (changed("<nodes>3", "<nodes>three"), "'three'"),
    "nodes_negative": (changed("<nodes>3", "<nodes>-3"), "'-3'"),
    "nodes_signed": (changed("<nodes>3", "<nodes>+3"), "'+3'"),
    "nodes_fraction": (changed("<nodes>3", "<nodes>3.0"), "'3.0'"),
    "nodes_in_other_digits": (changed("<nodes>3", "<nodes>٣"), "whole number"),
    "nodes_huge": (changed("<nodes>3", "<nodes>10001"), "from 0 to 10000"),
    "nodes_endless": (changed("<nodes>3", f"<nodes>{'9' * 5000}"), "from 0 to 10000"),
    "count_huge": (changed("<count>10<", "<count>10000001<"), "from 0 to 10000000"),
    "units_each_huge": (changed("<unitsEach>5<", "<unitsEach>10001<"), "from 0 to 10000"),
    "device_element_missing": (changed("<count>10</count>", ""), "<count> is missing in <device>"),
    "device_unknown_child": (changed("<device>\n", "<device>\n<a/>"), "<a> is not known"),
    "no_device": (changed("<device>", "<phone>").replace("</device>", "</phone>"), "<device> elements only"),
    "type_twice": (changed("cti-port", "cisco-7970"), "given 2 times"),
    "type_empty": (changed("cti-port", ""), "1 to 128"),
    "type_too_long": (changed("cti-port", "x" * 129), "1 to 128"),
    "id_with_markup": (changed("m-2026.1", "m&lt;1"), "migrationId"),
    "version_no_number": (changed("4.0(2a)", "four"), "fromVersion"),
    "total_differs": (changed("<totalUnits>50", "<totalUnits>51"), "totalUnits is 51"),
    "content_changed": (changed("<nodes>3", "<nodes>4"), "digest does not match"),
    "digest_changed": (changed(MIGRATION.digest, "0" * 64), "digest does not match"),
    "other_algorithm": (changed("SHA-256", "MD5"), "digest does not match"),
    "unknown_model_taken_out": (UNKNOWN_WRITTEN.replace("ATA 186/188", "ATA 186"), "digest does not match"),
    "unknown_models_taken_out": (
        UNKNOWN_WRITTEN[: UNKNOWN_WRITTEN.index("<unknownModels>")] + UNKNOWN_WRITTEN[UNKNOWN_WRITTEN.index("<totalUnits>") :],
        "digest does not match",
    ),
    "unknown_count": (UNKNOWN_WRITTEN.replace("<count>2</count>", "<count>0</count>"), "count 0 of a model must be 1 to"),
    "unknown_models_empty": (changed("<totalUnits>", "<unknownModels/><totalUnits>"), "left out"),
    "unknown_models_elsewhere": (changed("<nodes>", "<unknownModels/><nodes>"), "order"),
    "unknown_model_with_units": (UNKNOWN_WRITTEN.replace("<unknownModel>", "<unknownModel><unitsEach>1</unitsEach>"), "is not known"),
    "unknown_model_twice": (UNKNOWN_WRITTEN.replace("Modell &lt;ü&gt;", "ATA 186/188"), "given 2 times"),
    "deep": ("<a>" * 20_000 + "</a>" * 20_000, "<a>"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_whatever_is_wrong_is_refused_with_its_reason(data: str | bytes, reason: str) -> None:
    assert any(reason in text for text in reasons(data)), reasons(data)


def test_all_reasons_are_named_at_once() -> None:
    text = changed("<nodes>3", "<nodes>x").replace("<count>10<", "<count>-1<").replace("<totalUnits>50</totalUnits>", "")
    assert len(reasons(text)) == 3


def test_every_value_is_under_the_digest() -> None:
    others = (
        replace(MIGRATION, migration_id="m-2"), replace(MIGRATION, source_cluster="x"), replace(MIGRATION, from_version="4.1"),
        replace(MIGRATION, to_version="5.1"), replace(MIGRATION, nodes=4), replace(MIGRATION, device_types=MIGRATION.device_types[:1]),
        WITH_UNKNOWN, replace(MIGRATION, unknown_models=(("ATA 186/188", 2), ("Modell <ü>", 2))),
    )  # fmt: skip
    assert len({MIGRATION.digest, *(other.digest for other in others)}) == 9


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes": -1}, {"nodes": 10_001}, {"migration_id": ""}, {"source_cluster": " x"}, {"source_cluster": "a\nb"}, {"to_version": "x"},
        {"device_types": (("a", 1, 1), ("a", 2, 1))}, {"device_types": (("a", -1, 1),)}, {"device_types": (("a", 10_000_000, 100),)},
        {"device_types": tuple((f"t{number}", 0, 0) for number in range(10_001))},
        {"unknown_models": (("a", 0),)}, {"unknown_models": (("a", 1), ("a", 2))}, {"unknown_models": (("", 1),)},
    ],
    ids=["nodes_negative", "nodes_huge", "id", "label_edge", "label_line_break", "version", "type_twice", "count", "total", "types",
         "model_count", "model_twice", "model_label"],
)  # fmt: skip
def test_what_could_not_be_read_is_not_written(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidMigrationFile):
        write(replace(MIGRATION, **changes))  # type: ignore[arg-type]


@given(st.text() | st.binary())
def test_any_other_text_is_refused_and_nothing_else_is_raised(data: str | bytes) -> None:
    assert reasons(data)


XS: Final = "{http://www.w3.org/2001/XMLSchema}"
SCHEMA: Final = parse(Path(migration_file.__file__).with_suffix(".xsd")).getroot()


def schema_names(element: Element) -> list[str | None]:
    sequence = element.find(f".//{XS}sequence")
    assert sequence is not None
    return [child.get("name") for child in sequence]


def test_the_schema_names_the_elements_that_are_written() -> None:
    root = fromstring(UNKNOWN_WRITTEN)
    document = SCHEMA.find(f"{XS}element")
    devices = SCHEMA.find(f"{XS}complexType[@name='devices']//{XS}element[@name='device']")
    models = SCHEMA.find(f"{XS}complexType[@name='unknownModels']//{XS}element[@name='unknownModel']")
    assert document is not None
    assert devices is not None
    assert models is not None
    assert schema_names(models) == [child.tag for child in root[6][0]]
    assert document.get("name") == root.tag
    assert schema_names(document) == [child.tag for child in root]
    assert schema_names(devices) == [child.tag for child in root[5][0]]


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("nodeCount", migration_file.MOST_NODES), ("deviceCount", migration_file.MOST_DEVICES),
        ("unitsEach", migration_file.MOST_UNITS_EACH), ("totalUnits", migration_file.MOST_TOTAL_UNITS),
    ],
)  # fmt: skip
def test_the_schema_has_the_reader_s_limits(kind: str, most: int) -> None:
    limit = SCHEMA.find(f"{XS}simpleType[@name='{kind}']//{XS}maxInclusive")
    assert limit is not None
    assert limit.get("value") == str(most)


@pytest.mark.parametrize(
    ("kind", "pattern"), [("identifier", migration_file.ID_PATTERN), ("productVersion", migration_file.VERSION_PATTERN)]
)
def test_the_schema_has_the_reader_s_patterns(kind: str, pattern: str) -> None:
    found = SCHEMA.find(f"{XS}simpleType[@name='{kind}']//{XS}pattern")
    assert found is not None
    assert found.get("value") == pattern
