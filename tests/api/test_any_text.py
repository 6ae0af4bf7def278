"""Whatever people write as a name is stored as it was written, or refused: never an error of ours, never changed."""

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.models import Seller
from tests.world import Shop

NAUGHTY = (
    *("undefined", "null", "None", "NaN", "true", "\\", "\\\\", "-1.00", "1/0", "0x0", "1e400", "١٢٣", "𝟙𝟚"),
    *("' OR 1=1 --", "'; DROP TABLE payments_seller; --", "%s%s%s%n", "%(name)s", "{0}", "{{7*7}}", "${7*7}", "$(id)"),
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "&lt;b&gt;", "]]>", "<!--"),
    *("../../etc/passwd", "C:\\CON", "=1+1", "+1", "@SUM(A1)", "-2+3", "|cmd", "`id`", "http://a/%%30%30"),
    *("田中さんにあげて下さい", "الكل في المجمو عة", "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤", "👩‍👩‍👧‍👦🏳️‍🌈", "﷽", "ﬀ", "ǅ", "ẞ", "İ"),
    *("\u202eevil", "\u200bzero width", "\ufeffmark", "\u00a0space", "e\u0301", "\U0010ffff", "\ufffe"),
)


def registered_as(shop: Shop, name: str) -> str | None:
    """Register a seller by this name; return the name as stored, or None where it was refused."""
    seller_id = uuid.uuid4().hex
    answer = shop.post("/v1/sellers", {"seller_id": seller_id, "name": name, "country": "DE"})
    assert answer.status_code in (201, 400, 422), (name, answer.content)
    if answer.status_code == 400:
        assert "\x00" in name, answer.content
        return None
    if answer.status_code == 422:
        assert answer.json()["errors"][0]["field"] == "name"
        return None
    assert answer.json()["name"] == name
    return Seller.objects.get(seller_id=seller_id).name


@pytest.mark.django_db
class TestAName:
    @pytest.mark.bad_input("B24")
    @pytest.mark.parametrize("name", NAUGHTY)
    def test_is_stored_as_it_was_written_however_naughty(self, shop: Shop, name: str) -> None:
        assert registered_as(shop, name) == name

    @pytest.mark.bad_input("B24")
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(name=st.text(max_size=220))
    def test_is_stored_as_it_was_written_or_refused(self, shop: Shop, name: str) -> None:
        assert registered_as(shop, name) in (name, None)
