"""Connected accounts: the sellers' accounts, verified at once unless a control command says otherwise."""

import copy
from typing import Any

from sandbox.provider import payouts
from sandbox.provider.errors import InvalidRequest
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.methods import NO_ADDRESS
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, merge_metadata, page_of
from sandbox.provider.validation import (
    EXPAND,
    PAGE,
    Required,
    Schema,
    boolean,
    choice,
    currency,
    fields,
    integer,
    metadata,
    text,
)

Json = dict[str, Any]
_URL = "/v1/accounts"
PLATFORM = "platform"

_EURO = "AT BE CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"
_CURRENCY_OF = {
    "AU": "aud",
    "BR": "brl",
    "CA": "cad",
    "CH": "chf",
    "GB": "gbp",
    "IN": "inr",
    "JP": "jpy",
    "MX": "mxn",
    "PL": "pln",
    "SE": "sek",
    **dict.fromkeys(_EURO.split(), "eur"),
}

_CAPABILITY = fields({"requested": Required(boolean())})
_PROFILE = ("mcc", "name", "product_description", "support_email", "support_phone", "support_url", "url")
_COMMON: Schema = {
    **EXPAND,
    "business_profile": fields({name: text(empty=True) for name in _PROFILE}),
    "business_type": choice("company", "government_entity", "individual", "non_profit"),
    "capabilities": fields({"transfers": _CAPABILITY, "card_payments": _CAPABILITY}),
    "default_currency": currency(),
    "email": text(max_chars=800),
    "metadata": metadata(),
    "settings": fields(
        {
            "payouts": fields(
                {
                    "schedule": fields(
                        {
                            "interval": choice("manual", "daily"),
                            "delay_days": integer(minimum=0, maximum=31),
                        }
                    ),
                    "statement_descriptor": text(max_chars=22),
                }
            )
        }
    ),
    "tos_acceptance": fields({"date": integer(), "ip": text(), "user_agent": text(), "service_agreement": text()}),
}
_BANK: Schema = {
    "object": choice("bank_account"),
    "account_holder_name": text(),
    "account_holder_type": choice("company", "individual"),
    "account_number": Required(text()),
    "country": Required(text()),
    "currency": Required(currency()),
    "routing_number": text(),
}
_CREATE: Schema = {
    **_COMMON,
    "controller": fields(
        {
            "fees": fields({"payer": choice("account", "application")}),
            "losses": fields({"payments": choice("application", "stripe")}),
            "requirement_collection": choice("application", "stripe"),
            "stripe_dashboard": fields({"type": choice("express", "full", "none")}),
        }
    ),
    "country": text(max_chars=2),
    "external_account": fields(_BANK),
    "type": choice("custom", "express", "standard"),
}
_UPDATE: Schema = {**_COMMON, "external_account": fields(_BANK)}


def build(scope: Scope, params: Json, *, interval: str) -> Json:
    """Build an account with its bank account, verified and able to take transfers; the caller stores it."""
    country = params.get("country", "US").upper()
    code = params.get("default_currency", _CURRENCY_OF.get(country, "usd"))
    account_id = new_id("acct")
    controller = params.get("controller", {})
    dashboard = controller.get("stripe_dashboard", {"type": "none"})
    asked = params.get("capabilities", {"transfers": {"requested": True}})
    profile = {
        **dict.fromkeys((*_PROFILE, "annual_revenue", "estimated_worker_count")),
        "support_address": None,
    }
    account: Json = {
        "id": account_id,
        "object": "account",
        "business_profile": {**profile, "minority_owned_business_designation": None},
        "business_type": params.get("business_type"),
        "capabilities": {name: "active" for name, wish in asked.items() if wish["requested"]},
        "charges_enabled": True,
        "controller": {
            "fees": controller.get("fees", {"payer": "application"}),
            "is_controller": True,
            "losses": controller.get("losses", {"payments": "application"}),
            "requirement_collection": controller.get("requirement_collection", "application"),
            "stripe_dashboard": dashboard,
            "type": "application",
        },
        "country": country,
        "created": scope.now,
        "default_currency": code,
        "details_submitted": True,
        "email": params.get("email"),
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"{_URL}/{account_id}/external_accounts",
        },
        "future_requirements": _requirements(),
        "metadata": params.get("metadata", {}),
        "payouts_enabled": True,
        "requirements": _requirements(),
        "settings": _settings(interval),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": params.get("type") or ("none" if controller else "custom"),
    }
    account["business_profile"]["support_address"] = dict(NO_ADDRESS)
    bank = params.get("external_account") or {
        "account_number": "000123456789",
        "country": country,
        "currency": code,
    }
    _add_bank(scope, account, bank)
    _apply(account, params)
    return account


def _requirements() -> Json:
    lists = ("alternatives", "currently_due", "errors", "eventually_due", "past_due", "pending_verification")
    return {**{name: [] for name in lists}, "current_deadline": None, "disabled_reason": None}


def _settings(interval: str) -> Json:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None, "user_agent": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": interval},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }


def _add_bank(scope: Scope, account: Json, bank: Json) -> None:
    number = bank["account_number"]
    entry: Json = {
        "id": new_id("ba"),
        "object": "bank_account",
        "account": account["id"],
        "account_holder_name": bank.get("account_holder_name"),
        "account_holder_type": bank.get("account_holder_type"),
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": bank["country"].upper(),
        "currency": bank["currency"],
        "customer": None,
        "default_for_currency": True,
        "fingerprint": new_id("x")[2:18],
        "last4": number[-4:],
        "metadata": {},
        "routing_number": bank.get("routing_number"),
        "status": "new",
    }
    scope.add(entry)
    account["external_accounts"]["data"] = [entry]


def _apply(account: Json, params: Json) -> None:
    account["business_profile"].update(params.get("business_profile", {}))
    account["tos_acceptance"].update(params.get("tos_acceptance", {}))
    chosen = params.get("settings", {}).get("payouts", {})
    account["settings"]["payouts"]["schedule"].update(chosen.get("schedule", {}))
    if "statement_descriptor" in chosen:
        account["settings"]["payouts"]["statement_descriptor"] = chosen["statement_descriptor"]


def ensure_platform(scope: Scope) -> None:
    """Create the platform's own account when the store is new."""
    if scope.store.meta("platform_account") and scope.store.get(scope.store.meta("platform_account") or ""):
        return
    owner = scope.within(PLATFORM)
    account = owner.add(build(owner, {"country": "US", "type": "standard"}, interval="manual"))
    scope.store.set_meta("platform_account", account["id"])


def create(scope: Scope, params: Json) -> Json:
    """Create a connected account.

    Raises InvalidRequest when both a type and a controller are given.
    """
    if "type" in params and "controller" in params:
        raise InvalidRequest("You cannot provide both `type` and `controller`.", param="controller")
    account = scope.add(build(scope, params, interval="manual"))
    emit(scope.within(account["id"]), "account.updated", account, previous={"charges_enabled": False})
    return account


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a connected account, or the platform's own."""
    if id == scope.store.meta("platform_account") or id == scope.account:
        return payouts.account_object(scope if id == scope.account else scope.within(""))
    return scope.find("account", id, param="account")


def retrieve_own(scope: Scope, params: Json) -> Json:
    """Return the account that the request speaks for."""
    return payouts.account_object(scope)


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Change a connected account and say so with an event."""
    account = scope.find("account", id, param="account")
    before = {"metadata": account["metadata"], "capabilities": dict(account["capabilities"])}
    account["metadata"] = merge_metadata(account["metadata"], params.get("metadata"))
    for name in ("business_type", "default_currency", "email"):
        account[name] = params.get(name, account[name])
    for name, wish in params.get("capabilities", {}).items():
        account["capabilities"][name] = "active" if wish["requested"] else "inactive"
    if "external_account" in params:
        _add_bank(scope, account, params["external_account"])
        [bank] = account["external_accounts"]["data"]
        emit(scope.within(id), "account.external_account.created", bank)
    _apply(account, params)
    scope.store.save(account)
    emit(scope.within(id), "account.updated", account, previous=before)
    return account


def set_state(scope: Scope, account: Json, changes: Json) -> Json:
    """Change what the provider decides about an account.

    `changes` may hold charges_enabled, payouts_enabled, details_submitted, capabilities and requirements; an
    account whose payouts or charges stop gets a disabled_reason.
    """
    before = copy.deepcopy({name: account[name] for name in changes})
    account["capabilities"].update(changes.pop("capabilities", {}))
    account["requirements"].update(changes.pop("requirements", {}))
    account.update(changes)
    if not (account["charges_enabled"] and account["payouts_enabled"]):
        account["requirements"]["disabled_reason"] = account["requirements"]["disabled_reason"] or "listed"
    else:
        account["requirements"]["disabled_reason"] = None
    scope.store.save(account)
    emit(scope.within(account["id"]), "account.updated", account, previous=before)
    return account


def index(scope: Scope, params: Json) -> Json:
    """List connected accounts."""
    return page_of(scope, "account", _URL, params, {})


ROUTES = [
    Route("POST", _URL, "account.create", create, _CREATE),
    Route("GET", _URL, "account.list", index, PAGE),
    Route("GET", "/v1/account", "account.own", retrieve_own, EXPAND),
    Route("GET", f"{_URL}/<id>", "account.retrieve", retrieve, EXPAND),
    Route("POST", f"{_URL}/<id>", "account.update", update, _UPDATE),
]
