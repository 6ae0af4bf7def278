"""The log of provider calls: what was asked, what came back, and what is never kept of it."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from operations import database
from operations.edges import money_tx, note
from operations.edges.along import MOST
from payments.gateway import provider
from payments.gateway.calls import LONGEST_BODY, harmless
from payments.models import Attempt, ProviderCall, Seller
from sandbox.storefront.trade import CARD
from tests.database.attacks import attack
from tests.payments.breakers import Break, breaker, strict
from tests.payments.faults import DONE, rule
from tests.payments.mollie_stand_in import Mollie
from tests.payments.mollie_world import mollie
from tests.world import World

__all__ = ["breaker", "mollie", "strict"]


def calls(op: str) -> list[ProviderCall]:
    """Return the calls of one kind, oldest first."""
    return list(ProviderCall.objects.filter(op=op).order_by("sent_at", "id"))


def written_by(table: str, key: str) -> Any:
    """Return the transaction that wrote a row's present version."""
    return database.fetch_one(f"SELECT xmin::text AS tx FROM {table} WHERE id = %s", [key])["tx"]


class TestACall:
    def test_is_kept_with_what_it_was_for_and_what_came_back(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        [call], attempt = calls("checkout.register"), Attempt.objects.get()
        assert (call.psp, call.about, call.key) == ("stripe", f"attempt:{attempt.pk}", attempt.psp_key)
        assert (call.outcome, call.http_status, call.requests) == ("succeeded", 200, 1)
        assert call.object_id == attempt.psp_ref
        assert call.request_id.startswith("req_")
        assert json.loads(call.body)["id"] == attempt.psp_ref
        assert attempt.sent_at is not None
        assert call.sent_at >= attempt.sent_at
        assert 0 < call.took_ms < 10_000

    def test_is_written_by_the_transaction_that_records_its_outcome(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        [call], attempt = calls("checkout.register"), Attempt.objects.get()
        assert written_by("payments_providercall", call.pk) == written_by("payments_attempt", attempt.pk)

    @pytest.mark.parametrize("fault", DONE)
    def test_is_kept_where_nobody_knows_what_became_of_it(self, world: World, ann: Seller, fault: str) -> None:
        world.provider.plan([rule("checkout.session.create", fault)])

        world.order("cart-1", {"ann": "100.00"})

        [call] = calls("checkout.register")
        assert (call.outcome, call.object_id, Attempt.objects.get().state) == ("unknown", "", "unknown")
        assert call.reason != ""

    def test_is_kept_where_the_provider_refused(self, world: World, ann: Seller) -> None:
        assert world.order("cart-1", {"ann": "0.01"}, currency="CNY").status_code == 422

        [call] = calls("checkout.register")
        assert (call.outcome, call.http_status) == ("declined", 400)
        assert call.about == f"attempt:{Attempt.objects.get().pk}"
        assert call.reason.startswith("amount_too_small: ")
        assert json.loads(call.body)["error"]["code"] == "amount_too_small"

    def test_says_that_it_was_not_sent(self, world: World, ann: Seller, breaker: Break) -> None:
        breaker()

        world.order("cart-1", {"ann": "100.00"})

        [call] = calls("checkout.register")
        assert (call.outcome, call.requests, call.http_status, call.body) == ("not_sent", 0, None, "")
        assert call.key == Attempt.objects.get().psp_key

    def test_of_mollie_is_kept_without_the_token_of_its_webhook(
        self, world: World, mollie: Mollie, ann: Seller
    ) -> None:
        world.order("cart-1", {"ann": "100.00"})

        [call] = calls("checkout.register")
        assert (call.psp, call.outcome, call.http_status) == ("mollie", "succeeded", 201)
        assert "token=…" in call.body

    def test_tells_of_how_many_requests_a_search_consisted(self, world: World, ann: Seller) -> None:
        world.provider.plan([rule("checkout.session.create", "cut after")])
        world.order("cart-1", {"ann": "100.00"})

        world.order("cart-1", {"ann": "100.00"})

        [search] = calls("checkout.find")
        assert (search.requests, search.outcome, search.object_id) == (2, "succeeded", Attempt.objects.get().psp_ref)

    def test_never_holds_a_card_number_or_a_secret(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        world.pay(created)
        world.settle()

        bodies = "".join(ProviderCall.objects.values_list("body", flat=True))
        assert CARD not in bodies
        assert '"client_secret": "…"' in bodies or '"client_secret":' not in bodies
        assert "sk_test_sandbox" not in bodies


class TestANote:
    """What is noted outside of every transaction."""

    def test_waits_for_a_transaction_that_commits(self, world: World, ann: Seller) -> None:
        provider().fetch_account(ann.psp_account)
        before = ProviderCall.objects.count()

        with pytest.raises(ZeroDivisionError), money_tx("test.broken"):
            raise ZeroDivisionError
        assert ProviderCall.objects.count() == before

        with money_tx("test.first"):
            pass
        with money_tx("test.second"):
            pass
        assert ProviderCall.objects.count() == before + 1

    def test_is_written_again_without_harm_where_a_commit_was_lost_from_sight(self, world: World, ann: Seller) -> None:
        [call] = calls("account.open")
        facts = {name: value for name, value in vars(call).items() if not name.startswith("_")}

        note("payments.provider_call", _Fact(facts))
        with money_tx("test.again"):
            pass

        assert ProviderCall.objects.filter(pk=call.pk).count() == 1

    def test_never_fills_the_memory(self, world: World, ann: Seller) -> None:
        before = ProviderCall.objects.count()
        [call] = calls("account.open")
        facts = {name: value for name, value in vars(call).items() if not name.startswith("_")}

        for number in range(MOST + 7):
            note("payments.provider_call", _Fact({**facts, "id": f"cal_{number}"}))
        with money_tx("test.many"):
            pass

        assert ProviderCall.objects.count() <= before + MOST


class _Fact:
    def __init__(self, facts: dict[str, Any]) -> None:
        self.__dict__.update(facts)


class TestABody:
    """What is kept of it."""

    @pytest.mark.parametrize(
        ("came", "kept"),
        [
            ('{"client_secret": "cs_secret_1", "id": "cs_1"}', '{"client_secret": "…", "id": "cs_1"}'),
            ('{"secret":"whsec_abcdef0123"}', '{"secret":"…"}'),
            ('{"client_secret": "with \\" a quote", "a": 1}', '{"client_secret": "…", "a": 1}'),
            ('{"client_secret": "cut in the mid', '{"client_secret": "…"'),
            ("Invalid API Key: sk_live_4eC39HqLyjWD", "Invalid API Key: sk_live_…"),
            ("https://us.example/webhooks/mollie?token=chk_1.abc", "https://us.example/webhooks/mollie?token=…"),
            ('{"number": "4242424242424242"}', '{"number": "424242…4242"}'),
            ("4242 4242 4242 4242", "424242…4242"),
            ("a\0b", "a�b"),
            ("", ""),
        ],
    )
    def test_holds_nothing_that_harms(self, came: str, kept: str) -> None:
        assert harmless(came.encode()) == kept

    def test_is_cut_to_size_and_says_so(self) -> None:
        kept = harmless(b"x" * 5_000_000)

        assert len(kept) < LONGEST_BODY + 50
        assert kept.endswith("(cut; 5000000 bytes came)")

    def test_shows_no_part_of_a_card_number_that_the_cut_went_through(self) -> None:
        text = "x" * (4 * LONGEST_BODY - 8) + "4242424242424242"

        assert "4242" not in harmless(text.encode())

    def test_may_be_no_text_at_all(self) -> None:
        assert harmless(b"\xff\xfe") == "��"


class TestTheStory:
    def test_tells_the_calls_with_their_bodies_in_json(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        out = StringIO()

        call_command("payments_inspect", "cart-1", "--json", stdout=out)

        told = [moment for moment in json.loads(out.getvalue())["story"] if moment["kind"] == "call"]
        assert [moment["text"].split(" asked of ")[0] for moment in told][:2] == ["checkout.register", "checkout.fetch"]
        assert json.loads(told[0]["facts"]["body"])["object"] == "checkout.session"

    def test_tells_the_calls_on_a_terminal_without_their_bodies(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        out = StringIO()

        call_command("payments_inspect", "cart-1", stdout=out)

        assert "checkout.register asked of stripe: succeeded, HTTP 200 after" in out.getvalue()
        assert '"object"' not in out.getvalue()


class TestPostgresql:
    @pytest.mark.parametrize(
        ("statement", "match"),
        [
            ("UPDATE payments_providercall SET body = ''", "what is written there stays"),
            ("DELETE FROM payments_providercall", "what is written there stays"),
            ("TRUNCATE payments_providercall", "what is written there stays"),
            (
                "INSERT INTO payments_providercall (id, psp, op, about, key, sent_at, took_ms, outcome, reason,"
                " requests, request_id, object_id, body) VALUES ('cal_1', 'stripe', 'x', '', '', now(), 1, 'fine',"
                " '', 1, '', '',"
                " '')",
                "call_outcome_known",
            ),
        ],
    )
    def test_refuses_to_change_what_was_answered(self, world: World, ann: Seller, statement: str, match: str) -> None:
        attack(statement, match=match)
