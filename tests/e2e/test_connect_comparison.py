"""The comparison with Kafka Connect can fail: it tells what differs, what does not any more, and checks that failed."""

from e2e.connect_rest import comparison, steps
from e2e.connect_rest.answers import compare, merge, shape
from e2e.connect_rest.differences import DIFFERENCES, Difference
from e2e.connect_rest.sides import Side
from e2e.connect_rest.step import Step

STEP = Step("a list", "GET", "/connectors")
WANTED = Difference("GET /connectors", "a list", {"status": (500, 400)}, "a reason")


def told(there, here, *wanted):
    answer = {"headers": {}, "body": "nothing"}
    return comparison.complaints([(STEP, {**answer, **there}, {**answer, **here})], wanted)


def test_the_same_answers_are_no_complaint():
    assert told({"status": 200}, {"status": 200}) == []


def test_a_difference_is_told_unless_it_is_wanted_exactly_so():
    assert len(told({"status": 500}, {"status": 400})) == 1
    assert told({"status": 500}, {"status": 400}, WANTED) == []
    assert len(told({"status": 500}, {"status": 404}, WANTED)) == 1


def test_a_wanted_difference_that_does_not_occur_is_told():
    assert len(told({"status": 400}, {"status": 400}, WANTED)) == 1
    assert len(comparison.complaints([], [WANTED])) == 1


def test_a_check_that_failed_is_told_and_hides_nothing_else():
    assert told({"failed": "no such offset"}, {"status": 200}) == ["('GET /connectors', 'a list'): no such offset"]


def test_shapes_tell_keys_types_and_words_that_clients_branch_on():
    side = Side("", "bids", "7")
    side.label = "here"
    made = shape(side, {"name": side.name("sink"), "state": "RUNNING", "config": {"a": "1"}, "tasks": [{"id": 0}, {"id": 1}]})
    assert made == {"name": "str", "state": "RUNNING", "config": "map of str", "tasks": [{"id": "0|1"}]}
    assert shape(side, {side.name("sink"): {}}) == {"<sink>": {}}, "names differ from side to side by design"
    assert compare(made, {**made, "state": "PAUSED"}) == {"state": ("RUNNING", "PAUSED")}
    assert compare(made, {**made, "more": "str"}) == {"more": ("absent", "str")}
    assert compare({"value": "null|str"}, {"value": "str"}) == {}, "one of the types that there are"
    assert compare({"value": "str"}, {"value": "null|str"}) != {}
    assert compare([merge({"a": "str"}, {"a": "str"})], [merge({"a": "str"}, "null")]) == {"[].(or)": ("absent", "null")}


def test_every_request_and_every_difference_has_a_name_of_its_own():
    asked = [(step.endpoint, step.what) for step in steps.STEPS]
    wanted = [(entry.endpoint, entry.what) for entry in DIFFERENCES]
    assert len(set(asked)) == len(asked) and len(set(wanted)) == len(wanted)
    assert {*wanted} <= {*asked}
