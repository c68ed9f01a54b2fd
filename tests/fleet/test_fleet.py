"""The short form, once: from nothing to several workers and back, all landed, asked for within the roles."""

from fleet.judge import problems
from fleet.run import Run


def test_a_fleet_goes_from_none_to_several_and_back_and_lands_everything():
    with Run() as run:
        outcome = run.go()
    assert not problems(outcome), "\n".join(problems(outcome))
