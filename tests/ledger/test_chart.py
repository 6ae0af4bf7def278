"""The chart in Python and what PostgreSQL knows of it are one."""

import re

import pytest

from ledger.chart import CHART, Template
from operations import database


@pytest.mark.django_db
@pytest.mark.parametrize("template", CHART, ids=lambda template: template.pattern)
def test_postgresql_knows_which_accounts_are_guarded_held_and_itemised(template: Template) -> None:
    code = re.sub(r"\{\w+\}", "x", template.pattern)

    found = database.fetch_one(
        "SELECT ledger_is_guarded(%(code)s) AS guarded, ledger_is_held(%(code)s) AS held,"
        " ledger_is_itemised(%(code)s) AS itemised",
        {"code": code},
    )

    assert found == {"guarded": template.guarded, "held": template.held, "itemised": template.itemised}
