"""The chart in Python and what PostgreSQL knows of it are one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chart import CHART, Template, UnknownAccount, template_of
from operations import database


@pytest.mark.django_db
@pytest.mark.parametrize("template", CHART, ids=lambda template: template.pattern)
def test_postgresql_knows_of_each_account_what_it_is(template: Template) -> None:
    code = re.sub(r"\{\w+\}", "x", template.pattern)

    found = database.fetch_one(
        "SELECT ledger_is_guarded(%(code)s) AS guarded, ledger_is_held(%(code)s) AS held,"
        " ledger_is_itemised(%(code)s) AS itemised, ledger_type_of(%(code)s) AS type",
        {"code": code},
    )

    assert found == {
        "guarded": template.guarded,
        "held": template.held,
        "itemised": template.itemised,
        "type": template.type,
    }


@pytest.mark.django_db
@given(st.from_regex(r"[a-zA-Z:_.\- \n]{0,12}", fullmatch=True), st.sampled_from([each.pattern for each in CHART]))
def test_postgresql_knows_the_same_codes(name: str, pattern: str) -> None:
    code = re.sub(r"\{\w+\}", lambda _: name, pattern)
    try:
        known: str | None = template_of(code).type
    except UnknownAccount:
        known = None

    assert database.fetch_one("SELECT ledger_type_of(%s) AS type", [code])["type"] == known
