"""The chart in Python and what PostgreSQL knows of it are one."""

import re

import pytest

from ledger.chart import CHART, Template
from operations import database


@pytest.mark.django_db
@pytest.mark.parametrize("template", CHART, ids=lambda template: template.pattern)
def test_postgresql_knows_which_accounts_are_guarded_and_which_are_held(template: Template) -> None:
    code = re.sub(r"\{\w+\}", "x", template.pattern)

    found = database.fetch_one("SELECT ledger_is_guarded(%s) AS guarded, ledger_is_held(%s) AS held", [code, code])

    assert found == {"guarded": template.guarded, "held": template.held}
