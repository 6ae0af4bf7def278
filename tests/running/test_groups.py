"""Tests that may not run beside one another: pytest-xdist gives a group to one worker, by the tests' ids."""

import os

import pytest


class TestAGroup:
    @pytest.mark.xdist_group("named")
    def test_is_named_in_the_ids_of_its_tests_where_they_are_shared_out(self, request: pytest.FixtureRequest) -> None:
        shared_out = "PYTEST_XDIST_WORKER" in os.environ and bool(request.config.getoption("loadgroup"))

        assert request.node.nodeid.endswith("@named") is shared_out

    @pytest.mark.parametrize("number", [1])
    @pytest.mark.xdist_group("named")
    def test_is_named_behind_parameters_too(self, request: pytest.FixtureRequest, number: int) -> None:
        shared_out = "PYTEST_XDIST_WORKER" in os.environ and bool(request.config.getoption("loadgroup"))

        assert request.node.nodeid.endswith(f"[{number}]@named") is shared_out
