"""Every way in which money-in can be interrupted, and what must have come of it in the end."""

import pytest

# What a story judges should say what it saw, as an assertion of a test does.
pytest.register_assert_rewrite("tests.faults.stories", "tests.faults.recovery")
