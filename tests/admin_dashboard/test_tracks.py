"""What is remembered: enough for a newcomer, no more than is shown."""

from sse_django.admin.dashboard.tracks import Latest, Lines, Points


def test_a_value_that_has_not_changed_is_not_told_again() -> None:
    track = Latest()

    assert track.state(0) is None
    assert track.accept([1], 0) == {"value": [1]}
    assert track.accept([1], 1) is None
    assert track.accept(None, 2) == {"value": None}
    assert track.state(2) == {"value": None}


def test_points_are_bounded_by_number_and_by_age() -> None:
    track = Points(3, window=10, gap=100)

    for at in range(5):
        track.accept({"": at}, at)
    assert track.state(5) == {"times": [2, 3, 4], "series": [["", [2, 3, 4]]]}
    assert track.state(13.5) == {"times": [4], "series": [["", [4]]]}


def test_a_time_in_which_nobody_looked_is_a_gap() -> None:
    track = Points(10, window=100, gap=5)
    track.accept({"": 1}, 0)

    assert track.accept({"": 2}, 1) == {"point": [1, {"": 2}], "gap": False}
    assert track.accept({"": 3}, 50) == {"point": [50, {"": 3}], "gap": True}
    assert track.state(50) == {"times": [0, 1, 3.5, 50], "series": [["", [1, 2, None, 3]]]}


def test_series_come_and_go_by_name() -> None:
    track = Points(10, window=100, gap=5)
    track.accept({"a": 1}, 0)
    track.accept({"b": 2}, 1)

    assert track.state(1)["series"] == [["a", [1, None]], ["b", [None, 2]]]


def test_a_history_ends_where_what_is_known_begins() -> None:
    track = Points(4, window=100, gap=50)
    track.accept({"": 9}, 10)

    track.backfill([(12.0, {"": 0}), (8.0, {"": 8}), (7.0, {"": 7}), (1.0, {"": 1}), (0.0, {"": 0})], 11)

    assert track.state(11) == {"times": [1.0, 7.0, 8.0, 10], "series": [["", [1, 7, 8, 9]]]}


def test_lines_are_bounded() -> None:
    track = Lines(2)

    assert track.accept([], 0) is None
    assert track.accept(["a", "b", "c"], 0) == {"lines": ["a", "b", "c"]}
    assert track.state(0) == {"lines": ["b", "c"]}
