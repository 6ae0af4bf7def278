"""Settlement reports: every movement of a balance as a line of CSV under the provider's column names."""

import csv
import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sandbox.provider import settlement
from sandbox.provider.faults import Rule
from sandbox.provider.money import known, major
from sandbox.provider.scope import Scope

Json = dict[str, Any]

ACTIVITY = "balance_change_from_activity.itemized.3"
RECONCILIATION = "payout_reconciliation.itemized.5"

_BASE = """
    balance_transaction_id created_utc created available_on_utc available_on currency gross fee net
    reporting_category source_id description
""".split()  # noqa: SIM905 a table
_DETAILS = """
    customer_facing_amount customer_facing_currency automatic_payout_id
    automatic_payout_effective_at_utc automatic_payout_effective_at customer_id customer_email
    customer_name charge_id payment_intent_id charge_created_utc charge_created payment_method_type
    card_brand card_funding card_country statement_descriptor dispute_reason refund_id transfer_id
    connected_account_id destination_payment_id
""".split()  # noqa: SIM905 a table
COLUMNS = {ACTIVITY: [*_BASE, *_DETAILS], RECONCILIATION: [*_BASE, *_DETAILS]}
DEFAULTS = {
    ACTIVITY: [
        *_BASE,
        "automatic_payout_id",
        "charge_id",
        "payment_intent_id",
        "refund_id",
        "transfer_id",
        "connected_account_id",
        "payment_method_type",
    ],
    RECONCILIATION: [
        "automatic_payout_id",
        "automatic_payout_effective_at_utc",
        "automatic_payout_effective_at",
        *_BASE,
        "charge_id",
        "payment_intent_id",
        "refund_id",
        "transfer_id",
    ],
}
#: Columns of the form `payment_metadata[order]` show one key of an object's metadata.
METADATA = ("payment_metadata", "refund_metadata", "transfer_metadata")


def allowed(report_type: str, column: str) -> bool:
    """Tell whether a report has a column of this name."""
    group, bracket, rest = column.partition("[")
    return column in COLUMNS[report_type] or (bool(bracket) and group in METADATA and rest.endswith("]"))


def moment(seconds: int | None) -> str:
    """Write a moment as the reports do: `2026-11-22 18:35:14`, in UTC; nothing for None."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def write(scope: Scope, report_type: str, parameters: Json) -> bytes:
    """Return the CSV of a report over [interval_start, interval_end) with the wanted columns.

    The fault plan may leave out, change or add lines.
    """
    columns = parameters.get("columns") or DEFAULTS[report_type]
    chosen = _activity if report_type == ACTIVITY else _covered_by_payouts
    rows = [_row(scope, txn) for txn in chosen(scope, parameters)]
    rows = _disturbed(scope, rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([row.get(column, "") for column in columns])
    return out.getvalue().encode()


def _transactions(scope: Scope, parameters: Json, **bounds: Any) -> list[Json]:
    filters = {"currency": parameters["currency"]} if parameters.get("currency") else {}
    return scope.store.select(
        "balance_transaction", account=scope.account, filters={**filters, **bounds}, ascending=True
    )


def _activity(scope: Scope, parameters: Json) -> Iterable[Json]:
    """Yield what changed the balance in the interval, payouts and their returns left out."""
    start, end = parameters["interval_start"], parameters["interval_end"]
    for txn in _transactions(scope, parameters):
        if start <= txn["created"] < end and not txn["type"].startswith("payout"):
            yield txn


def _covered_by_payouts(scope: Scope, parameters: Json) -> Iterable[Json]:
    """Yield what the automatic payouts that became effective in the interval cover."""
    start, end = parameters["interval_start"], parameters["interval_end"]
    payouts = scope.store.select("payout", account=scope.account, filters={"automatic": True}, ascending=True)
    for payout in payouts:
        if start <= payout["arrival_date"] < end and parameters.get("payout") in (None, payout["id"]):
            for txn in _transactions(scope, parameters, _payout=payout["id"]):
                if txn["type"] != "payout":
                    yield txn


def _row(scope: Scope, txn: Json) -> dict[str, str]:
    code = txn["currency"]
    payout = scope.store.get(txn["_payout"]) if txn["_payout"] else None
    row = {
        "balance_transaction_id": txn["id"],
        "created": moment(txn["created"]),
        "created_utc": moment(txn["created"]),
        "available_on": moment(txn["available_on"]),
        "available_on_utc": moment(txn["available_on"]),
        "currency": code,
        "gross": major(txn["amount"], code),
        "fee": major(txn["fee"], code),
        "net": major(txn["net"], code),
        "reporting_category": txn["reporting_category"],
        "source_id": txn["source"],
        "description": txn["description"] or "",
        "automatic_payout_id": txn["_payout"] or "",
        "automatic_payout_effective_at": moment(payout["arrival_date"] if payout else None),
        "automatic_payout_effective_at_utc": moment(payout["arrival_date"] if payout else None),
    }
    source = scope.store.get(txn["source"]) or {}
    fill = _FILLERS.get(str(source.get("object")))
    if fill is not None:
        fill(scope, row, source)
    if "customer_facing_currency" in row:
        row["customer_facing_amount"] = major(settlement.presented(txn), row["customer_facing_currency"])
    return row


def _fill_charge(scope: Scope, row: dict[str, str], charge: Json) -> None:
    details = charge["payment_method_details"]
    card = details.get("card") or {}
    row.update(
        charge_id=charge["id"],
        payment_intent_id=charge["payment_intent"] or "",
        charge_created=moment(charge["created"]),
        charge_created_utc=moment(charge["created"]),
        customer_id=charge["customer"] or "",
        customer_email=charge["billing_details"]["email"] or "",
        customer_name=charge["billing_details"]["name"] or "",
        customer_facing_currency=charge["currency"],
        payment_method_type=details["type"],
        card_brand=card.get("brand") or "",
        card_funding=card.get("funding") or "",
        card_country=card.get("country") or "",
        statement_descriptor=charge["statement_descriptor"] or "",
    )
    _fill_metadata(row, "payment_metadata", charge)


def _fill_metadata(row: dict[str, str], group: str, source: Json) -> None:
    row.update({f"{group}[{key}]": value for key, value in source["metadata"].items()})


def _fill_refund(scope: Scope, row: dict[str, str], refund: Json) -> None:
    charge = scope.store.need(refund["charge"])
    _fill_charge(scope, row, charge)
    row["refund_id"] = refund["id"]
    _fill_metadata(row, "refund_metadata", refund)


def _fill_dispute(scope: Scope, row: dict[str, str], dispute: Json) -> None:
    charge = scope.store.need(dispute["charge"])
    _fill_charge(scope, row, charge)
    row["dispute_reason"] = dispute["reason"]


def _fill_transfer(scope: Scope, row: dict[str, str], transfer: Json) -> None:
    row.update(
        transfer_id=transfer["id"],
        connected_account_id=transfer["destination"],
        destination_payment_id=transfer["destination_payment"],
    )
    _fill_metadata(row, "transfer_metadata", transfer)


def _fill_reversal(scope: Scope, row: dict[str, str], reversal: Json) -> None:
    transfer = scope.store.need(reversal["transfer"])
    _fill_transfer(scope, row, transfer)


_FILLERS: dict[str, Callable[[Scope, dict[str, str], Json], None]] = {
    "charge": _fill_charge,
    "refund": _fill_refund,
    "dispute": _fill_dispute,
    "transfer": _fill_transfer,
    "transfer_reversal": _fill_reversal,
}


def _disturbed(scope: Scope, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    plan = scope.world.faults
    kept = [row for row in rows if not plan.report(row, "line_missing")]
    for row in kept:
        for rule in plan.report(row, "line_alter"):
            _alter(row, rule)
    extra = plan.report({}, "line_extra")
    return kept + [_extra_line(scope, rule) for rule in extra]


def _alter(row: dict[str, str], rule: Rule) -> None:
    if "column" in rule.args:
        row[rule.args["column"]] = str(rule.args.get("value", ""))
    if "delta_minor" in rule.args:
        for name in ("gross", "net"):
            code = row["currency"]
            digits = row[name].replace(".", "")
            row[name] = major(int(digits) + int(rule.args["delta_minor"]), known(code).code)


def _extra_line(scope: Scope, rule: Rule) -> dict[str, str]:
    line = {
        "balance_transaction_id": "txn_unknown",
        "created": moment(scope.now),
        "created_utc": moment(scope.now),
        "available_on": moment(scope.now),
        "available_on_utc": moment(scope.now),
        "currency": "usd",
        "gross": "1.00",
        "fee": "0.00",
        "net": "1.00",
        "reporting_category": "charge",
        "source_id": "ch_unknown",
        "description": "",
    }
    line.update({str(name): str(value) for name, value in rule.args.get("values", {}).items()})
    return line
