"""What belongs to a storefront is nobody else's: at no address, in no query, in no body."""

import json
from dataclasses import replace

import pytest

from tests.api.openapi import Operation, operations
from tests.api.stage import Stage, set_stage
from tests.snapshot import nothing_changes
from tests.world import World

ADDRESSED = [one for one in operations() if one.parameters("path")]
# What the shop of the stage has, by the parameter's name; the rest it names when it is made.
OURS = {"checkout_id": "cart-1", "payment_order_id": "cart-1.ann", "payment_id": "cart-1.ann", "seller_id": "ann"}
QUERIES = {"currency": "EUR", "from": "2026-01-01", "until": "2026-12-31"}


def ours(operation: Operation, stage: Stage) -> str:
    """Return the address of something that the shop of the stage has."""
    path = operation.path
    for one in operation.parameters("path"):
        name = one["name"]
        known = {**OURS, **stage.known}
        path = path.replace(f"{{{name}}}", known[name])
    needed = [one["name"] for one in operation.parameters("query") if one.get("required")]
    return path + ("?" + "&".join(f"{name}={QUERIES[name]}" for name in needed) if needed else "")


@pytest.fixture
def stage(world: World, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A shop that has one of everything."""
    return set_stage(world, monkeypatch)


class TestAnotherStorefront:
    @pytest.mark.bad_input("B31")
    def test_finds_nothing_of_ours_at_any_address(self, stage: Stage, world: World) -> None:
        stranger = replace(stage, shop=world.other_shop)
        wrong = {}
        with nothing_changes():
            for operation in ADDRESSED:
                body = None if operation.takes is None else json.dumps(operation.example).encode()
                headers = {"Idempotency-Key": "k"} if operation.needs_key else {}
                answer = stranger.send(operation.method, (ours(operation, stage), body, headers))
                if answer.status_code != 404:
                    wrong[operation.name] = (answer.status_code, answer.content)
        assert wrong == {}

    @pytest.mark.bad_input("B31")
    def test_is_told_the_same_as_of_what_does_not_exist(self, stage: Stage, world: World) -> None:
        stranger = replace(stage, shop=world.other_shop)
        for operation in ADDRESSED:
            if operation.method != "GET":
                continue
            address = ours(operation, stage)
            answers = [stranger.send("GET", (at, None, {})).json() for at in (address, _unknown(operation, address))]

            assert [answer["code"] for answer in answers] == [answers[0]["code"]] * 2, operation.name

    def test_is_only_a_stranger_because_it_is_another(self, stage: Stage) -> None:
        for operation in ADDRESSED:
            if operation.method == "GET":
                answer = stage.send("GET", (ours(operation, stage), None, {}))

                assert answer.status_code == 200, (operation.name, answer.content)


def _unknown(operation: Operation, address: str) -> str:
    path, question, query = address.partition("?")
    pattern = operation.path.split("/")
    parts = path.split("/")
    return "/".join("nope" if one.startswith("{") else part for one, part in zip(pattern, parts, strict=True)) + (
        question + query
    )
