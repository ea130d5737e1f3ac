"""Trace ids: continued where they can be read, begun where not."""

import asyncio

import pytest

from shared.kit.trace import begin_trace, current_trace, tracing

KNOWN = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_traceparent_is_continued_with_a_span_of_our_own() -> None:
    trace = begin_trace(f"00-{KNOWN}-00f067aa0ba902b7-01", "ada")
    assert (trace.trace_id, trace.caller) == (KNOWN, "ada")
    version, trace_id, span, flags = trace.traceparent.split("-")
    assert [version, trace_id, flags] == ["00", KNOWN, "01"]
    assert span != "00f067aa0ba902b7"
    assert len(span) == 16


@pytest.mark.parametrize(
    "unreadable",
    [
        None,
        "",
        "garbage",
        f"00-{KNOWN}",
        f"00-{KNOWN.upper()}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{KNOWN}-00f067aa0ba902b7-01-more",
        f"00-{KNOWN}-00f067aa0ba902b7-01\n",
        f"00-{KNOWN}-{'0' * 16}-01",
        f"ff-{KNOWN}-00f067aa0ba902b7-01",
        "x" * 10_000,
    ],
)
def test_what_cannot_be_read_begins_a_new_trace(unreadable: str | None) -> None:
    first, second = begin_trace(unreadable, "ada"), begin_trace(unreadable, "ada")
    assert first.trace_id != second.trace_id
    for trace in (first, second):
        assert trace.trace_id != KNOWN
        assert len(trace.trace_id) == 32
        int(trace.trace_id, 16)


async def test_each_task_has_its_own_trace() -> None:
    async def inside(name: str) -> str:
        with tracing(begin_trace(None, name)):
            await asyncio.sleep(0)
            return current_trace().caller

    assert list(await asyncio.gather(inside("ada"), inside("grace"))) == ["ada", "grace"]
    assert current_trace().caller == "system"
