"""What goes on and on is said at once, then every half minute, and nothing of it is lost count of."""

from shared.kit.seldom import Seldom


def test_the_first_of_a_kind_is_said_and_then_one_in_half_a_minute_with_the_number_of_the_others() -> None:
    seconds = 0.0
    seldom = Seldom(lambda: seconds)
    assert [seldom.left_out("away") for _ in range(3)] == [0, None, None]
    assert seldom.left_out("full") == 0
    seconds = 29.9
    assert seldom.left_out("away") is None
    seconds = 30.0
    assert seldom.left_out("away") == 3
    assert seldom.left_out("away") is None
    seconds = 60.0
    assert seldom.left_out("away") == 1


def test_kinds_that_differ_all_the_time_do_not_heap_up() -> None:
    seldom = Seldom(lambda: 0.0)
    assert {seldom.left_out(f"{number}") for number in range(1000)} == {0}
    assert len(seldom._said_at) <= 64
