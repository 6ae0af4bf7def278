"""Every text that the API takes, with text that is something else somewhere: kept as it was sent, or refused by name.

The fields are found in the OpenAPI document, so that a new one is tried by itself. What was kept is looked for in the
console, where it is shown and never obeyed.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any
from zlib import crc32

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from config.openapi import document, resolved
from payments.models import Checkout, Dispute, Refund, Seller
from payments.services import EVIDENCE_FIELDS
from tests.api.bodies import PAYMENT, REFUND, SELLER
from tests.api.naughty import CLASSES, NAUGHTY, UNREADABLE
from tests.api.openapi import Operation, operations
from tests.api.stage import Stage, set_stage
from tests.console.whole import people
from tests.snapshot import nothing_changes
from tests.world import World

# Hundreds of requests a test, however slow the machine is.
pytestmark = pytest.mark.timeout(300)

Path = tuple[str | int, ...]
# What turns the direction of the text round it.
DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# How many entries of a list carry texts in one request; one where nothing is said.
WIDTHS = {"capturePayment": 50, "replacePayment": 20}
# How many lines a text has; one where nothing is said.
LINES = {"submitEvidence": 10}


@pytest.fixture
def stage(world: World, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A shop that has one of everything."""
    return set_stage(world, monkeypatch)


def texts_of(schema: Any, *, width: int, at: Path = ()) -> Iterator[tuple[Path, bool]]:
    """Yield the place of every text in a body of this schema, and whether any text will do there.

    Of a list, its first entries; a text that is itself an entry names something, and an address leads somewhere.
    """
    schema = resolved(document(), schema)
    for name, inner in schema.get("properties", {}).items():
        yield from texts_of(inner, width=width, at=(*at, name))
    if schema.get("type") == "array":
        for entry in range(width):
            yield from texts_of(schema["items"], width=width, at=(*at, entry))
    if schema.get("type") == "string":
        formed = isinstance(at[-1], int) or at[-1] == "url" or {"pattern", "format", "enum"} & set(schema)
        yield at, not formed


def with_text(body: Any, path: Path, text: str) -> Any:
    """Return a copy with the text at a place, for which whatever is missing is made."""
    if not path:
        return text
    step, *rest = path
    if isinstance(step, int):
        entries = [*(body or []), *[{}] * (step + 1 - len(body or []))]
        return [*entries[:step], with_text(entries[step], tuple(rest), text), *entries[step + 1 :]]
    return {**(body or {}), step: with_text((body or {}).get(step), tuple(rest), text)}


def named(path: Path) -> str:
    """Return a place as a problem names it: payment_orders[0].amount."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def pairs(found: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text within something, with the nearest name above it."""
    if isinstance(found, dict):
        for key, inner in found.items():
            yield name, key
            yield from pairs(inner, key)
    elif isinstance(found, list):
        for inner in found:
            yield from pairs(inner, name)
    elif isinstance(found, str):
        yield name, found


OPERATIONS = [one for one in operations() if one.takes is not None and list(texts_of(one.takes, width=1))]


class Trial:
    """One operation, to which texts are sent in all its fields at once, and again in those that took them."""

    def __init__(self, operation: Operation, stage: Stage) -> None:
        self.operation = operation
        self.stage = stage
        self.width = WIDTHS.get(operation.name, 1)
        self.lines = LINES.get(operation.name, 1)
        found = dict(texts_of(operation.takes, width=self.width))
        self.places = list(found)
        self.formed = {at for at, free in found.items() if not free}
        #: What was taken, the field and its text; and what was answered then.
        self.kept: set[tuple[str, str]] = set()
        self.answered: set[tuple[str, str]] = set()

    def run(self) -> None:
        """Send every text in every field."""
        for first in range(0, len(NAUGHTY), self.width * self.lines):
            self._try({at: self._text(first + _shift(at)) for at in self.places})
            if self.operation.name == "submitEvidence":
                # No more is taken before the provider has it.
                self.stage.stock.world.work()

    def lost(self) -> set[tuple[str, str]]:
        """Return what was taken, and is neither shown nor stored as it was sent; and what was not taken anywhere."""
        taken = {(field, line) for field, text in self.kept for line in text.split("\n")}
        wanted = {(field, text) for field in FREE.get(self.operation.name, ()) for text in NAUGHTY}
        return (self.kept - self.answered - stored()) | (wanted - taken)

    def send(self, texts: Mapping[Path, str]) -> Any:
        """Send texts in a body that is right but for them, under a key of its own."""
        body = self._right_body()
        for at, text in texts.items():
            body = with_text(body, at, text)
        headers = {"Authorization": f"Bearer {self.stage.shop.api_key}", "Idempotency-Key": uuid.uuid4().hex}
        call = getattr(self.stage.shop.client, self.operation.method.lower())
        return call(self._address(), data=json.dumps(body), content_type="application/json", headers=headers)

    def _try(self, texts: dict[Path, str]) -> None:
        while True:
            answer = self.send(texts)
            assert answer.status_code < 500, (texts, answer.content)
            if answer.status_code < 300:
                # An amount is kept as a number.
                self.answered |= set(pairs(answer.json()))
                self.kept |= {(_name(at), text) for at, text in texts.items() if _name(at) != "amount"}
                return
            refused = {error["field"] for error in answer.json().get("errors", [])}
            left = {at: text for at, text in texts.items() if not _is_within(at, refused)}
            if not left or len(left) == len(texts):
                # Each by itself has the right form; they name nothing that is there, or do not go together.
                left = {at: text for at, text in texts.items() if at not in self.formed}
            if not left or len(left) == len(texts):
                return
            texts = left

    def _text(self, first: int) -> str:
        return "\n".join(NAUGHTY[number % len(NAUGHTY)] for number in range(first, first + self.lines))

    def _address(self) -> str:
        known = self.stage.known
        if "{checkout_id}" in self.operation.path:
            kind = "open" if self.operation.name == "replacePayment" else "reserved"
            known = {**known, "checkout_id": self.stage.stock.checkout(kind)}
        address = self.operation.path
        for one in self.operation.parameters("path"):
            address = address.replace(f"{{{one['name']}}}", known[one["name"]])
        return address

    def _right_body(self) -> dict[str, Any]:
        # Letters alone: of digits a few by chance are a card's number, and refused.
        fresh = "".join(chr(ord("a") + int(digit, 16)) for digit in uuid.uuid4().hex[:12])
        body: dict[str, Any] = deepcopy(_BODIES.get(self.operation.name, self.operation.example))
        for name in {"checkout_id", "seller_id"} & set(body):
            body[name] = fresh
        if self.operation.name in ("createPayment", "replacePayment"):
            for number, order in enumerate(body["payment_orders"]):
                order["payment_order_id"] = f"{fresh}.{number}"
        return body


SELLERS = [f"seller-{number}" for number in range(20)]
_BODIES = {
    "createPayment": PAYMENT,
    "replacePayment": {
        "payment_orders": [{**PAYMENT["payment_orders"][0], "seller_account": seller} for seller in SELLERS]
    },
    "createRefund": {**REFUND, "payment_order_id": "paid-JPY-1.ann", "amount": "1", "currency": "JPY"},
    "registerSeller": SELLER,
    "submitEvidence": {"evidence": {"product_description": "A chair."}, "final": False},
}


def _shift(at: Path) -> int:
    """Return by how much a field is ahead of the others, so that no two hold the same; an entry, by its place."""
    return next((step for step in at if isinstance(step, int)), 0) + 7 * crc32(_name(at).encode())


def _is_within(at: Path, refused: set[str]) -> bool:
    return any(named(at) == field or named(at).startswith((f"{field}.", f"{field}[")) for field in refused)


def _name(at: Path) -> str:
    return next(step for step in reversed(at) if isinstance(step, str))


def stored() -> set[tuple[str, str]]:
    """Return every text in the rows of money in, with its column's name or its name in JSON."""
    models = [*apps.get_app_config("payments").get_models(), *apps.get_app_config("payouts").get_models()]
    return {pair for model in models for row in model._default_manager.values() for pair in pairs(row)}


# Where every text is kept. A shop has a few endpoints only, so that one is changed, and not as many made.
FREE = {
    "createPayment": {"name", "category"},
    "createRefund": {"reason"},
    "registerSeller": {"name", "category"},
    "replacePayment": {"category"},
    "submitEvidence": {"product_description", "uncategorized_text"},
    "updateEndpoint": {"description"},
}


class TestAText:
    @pytest.mark.bad_input("B24")
    def test_is_kept_as_it_was_sent_or_refused_by_name(self, stage: Stage) -> None:
        for seller in SELLERS:
            stage.shop.post("/v1/sellers", {"seller_id": seller, "name": seller, "country": "DE"})
        lost = {}
        # Evidence first: with it the worker works, and would have to do whatever the others left to do.
        for operation in sorted(OPERATIONS, key=lambda one: one.name != "submitEvidence"):
            trial = Trial(operation, stage)
            trial.run()
            lost[operation.name] = trial.lost()

        assert lost == {operation.name: set() for operation in OPERATIONS}

    @pytest.mark.bad_input("B24")
    def test_is_refused_in_every_field_where_it_is_none(self, stage: Stage) -> None:
        wrong = []
        with nothing_changes():
            for operation in OPERATIONS:
                trial = Trial(operation, stage)
                for text in UNREADABLE:
                    answer = trial.send(dict.fromkeys(trial.places, text))
                    if answer.status_code not in (400, 422):
                        wrong.append((operation.name, text, answer.status_code))
        assert wrong == []


class TestTheConsole:
    """What could be obeyed: markup, and what turns the direction of text."""

    OBEYED = (*CLASSES["scripts"], *CLASSES["directions"])

    @pytest.fixture
    def pages(self, stage: Stage) -> dict[str, str]:
        """Return the pages of money in, as a browser has them, with what could be obeyed in every text on them."""
        for number, text in enumerate(self.OBEYED):
            body = {"seller_id": f"s{number}", "name": text, "country": "DE"}
            assert stage.shop.post("/v1/sellers", body).status_code == 201
            body = {"payment_order_id": "paid-JPY-1.ann", "amount": "1", "currency": "JPY", "reason": text}
            assert stage.shop.post("/v1/refunds", body, key=f"r{number}").status_code == 201
        rates = [{"category": text[:50], "bps": 1} for text in self.OBEYED]
        named = {"seller_id": "rates", "name": "Rates", "country": "DE", "commission_rates": rates}
        assert stage.shop.post("/v1/sellers", named).status_code == 201
        buyer = {"buyer_id": "bea", "name": self.OBEYED[0]}
        orders = [{**PAYMENT["payment_orders"][0], "payment_order_id": "naughty.ann", "category": self.OBEYED[1]}]
        cart = {"checkout_id": "naughty", "buyer_info": buyer, "payment_orders": orders}
        assert stage.shop.post("/v1/payments", cart, key="p").status_code == 201
        dispute = Dispute.objects.get()
        texts = dict(zip(EVIDENCE_FIELDS, self.OBEYED, strict=False))
        answer = stage.shop.post(
            f"/v1/disputes/{dispute.pk}/evidence", {"evidence": texts, "files": [], "final": False}, key="e"
        )
        assert answer.status_code < 300, answer.content
        people()
        browser = Client()
        browser.force_login(User.objects.get(username="admin"))
        shown = {
            "sellers": [None, Seller.objects.get(seller_id="rates").pk, Seller.objects.get(seller_id="s0").pk],
            "checkouts": [
                None,
                *Checkout.objects.filter(checkout_id__in=["naughty", "paid-JPY-1"]).values_list("pk", flat=True),
            ],
            "refunds": [None, *Refund.objects.order_by("-pk").values_list("pk", flat=True)[:2]],
            "disputes": [None, dispute.pk],
        }
        return {
            f"{kind}:{pk}": self.page(browser, kind.removesuffix("s"), pk) for kind, pks in shown.items() for pk in pks
        }

    def page(self, browser: Client, kind: str, pk: str | None) -> str:
        """Return a list with all its rows, or the page of one."""
        if pk is None:
            return str(browser.get(reverse(f"admin:payments_{kind}_changelist") + "?all=").content.decode())
        return str(browser.get(reverse(f"admin:payments_{kind}_change", args=[quote(pk)])).content.decode())

    @pytest.mark.bad_input("B24")
    def test_shows_it_and_never_obeys_it(self, pages: dict[str, str]) -> None:
        raw = [text for text in self.OBEYED if re.search("[<>\"']", text)]

        assert {where: [text for text in raw if text in page] for where, page in pages.items()} == {
            where: [] for where in pages
        }
        assert [where for where, page in pages.items() if DIRECTIONS.search(page) or 'href="javascript:' in page] == []
        for where in ("sellers:None", "refunds:None"):
            assert [text for text in CLASSES["scripts"] if escape(text) not in pages[where]] == [], where
