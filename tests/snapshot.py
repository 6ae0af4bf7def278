"""What is in our tables, so that "nothing changed" can be asserted of all of them at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db.models import Model

ROOMS = ("operations", "ledger", "payments", "payouts", "reconciliation")
# That a key was used says nothing of what the request did.
NOTED_BY_EVERY_REQUEST = {"ApiKey": {"last_used_at"}}


def snapshot() -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table of our rooms."""
    models = [model for room in ROOMS for model in apps.get_app_config(room).get_models()]
    return {
        model.__name__: list(model._default_manager.order_by("pk").values_list(*_columns(model))) for model in models
    }


def _columns(model: type[Model]) -> list[str]:
    left_out = NOTED_BY_EVERY_REQUEST.get(model.__name__, set())
    return [field.attname for field in model._meta.concrete_fields if field.name not in left_out]


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Assert that the block adds, changes and removes no row."""
    before = snapshot()
    yield
    after = snapshot()
    changed = {name for name in before if before[name] != after[name]}
    assert not changed, f"rows changed in {sorted(changed)}"
