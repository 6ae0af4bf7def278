"""What a refusal's code says about trying again. One table, for attempts, captures and the storefront."""

from enum import StrEnum


class Retry(StrEnum):
    """Who may try again."""

    BUYER = "buyer"  # with another card, corrected data, or after a word with the bank
    US = "us"  # the same request, a little later
    NEVER = "never"


# Decline codes of card issuers and error codes of the provider (docs.stripe.com/declines/codes, /error-codes).
RETRIES: dict[str, Retry] = {
    # The buyer can do something about it, on the same page.
    "approve_with_id": Retry.BUYER,
    "authentication_required": Retry.BUYER,
    "call_issuer": Retry.BUYER,
    "card_declined": Retry.BUYER,
    "card_not_supported": Retry.BUYER,
    "card_velocity_exceeded": Retry.BUYER,
    "currency_not_supported": Retry.BUYER,
    "do_not_honor": Retry.BUYER,
    "do_not_try_again": Retry.BUYER,
    "duplicate_transaction": Retry.BUYER,
    "expired_card": Retry.BUYER,
    "generic_decline": Retry.BUYER,
    "incorrect_cvc": Retry.BUYER,
    "incorrect_number": Retry.BUYER,
    "incorrect_pin": Retry.BUYER,
    "incorrect_zip": Retry.BUYER,
    "insufficient_funds": Retry.BUYER,
    "invalid_account": Retry.BUYER,
    "invalid_amount": Retry.BUYER,
    "invalid_cvc": Retry.BUYER,
    "invalid_expiry_month": Retry.BUYER,
    "invalid_expiry_year": Retry.BUYER,
    "invalid_number": Retry.BUYER,
    "issuer_not_available": Retry.BUYER,
    "new_account_information_available": Retry.BUYER,
    "no_action_taken": Retry.BUYER,
    "not_permitted": Retry.BUYER,
    "payment_intent_authentication_failure": Retry.BUYER,
    "payment_intent_payment_attempt_failed": Retry.BUYER,
    "pin_try_exceeded": Retry.BUYER,
    "processing_error": Retry.BUYER,
    "reenter_transaction": Retry.BUYER,
    "restricted_card": Retry.BUYER,
    "service_not_allowed": Retry.BUYER,
    "test_mode_live_card": Retry.BUYER,
    "transaction_not_allowed": Retry.BUYER,
    "try_again_later": Retry.BUYER,
    "withdrawal_count_limit_exceeded": Retry.BUYER,
    # Mollie's own words for the same (docs.mollie.com/components/handling-errors).
    "authentication_abandoned": Retry.BUYER,
    "authentication_failed": Retry.BUYER,
    "authentication_unavailable_acs": Retry.BUYER,
    "card_expired": Retry.BUYER,
    "inactive_card": Retry.BUYER,
    "invalid_card_holder_name": Retry.BUYER,
    "invalid_card_number": Retry.BUYER,
    "invalid_card_type": Retry.BUYER,
    "invalid_cvv": Retry.BUYER,
    "refused_by_issuer": Retry.BUYER,
    "unknown_reason": Retry.BUYER,
    # The provider was not ready for the request; it stored nothing under its key.
    "idempotency_key_in_use": Retry.US,
    "lock_timeout": Retry.US,
    "rate_limit": Retry.US,
    # A card that must not be used again, and requests that would be as wrong the next time.
    "fraudulent": Retry.NEVER,
    "lost_card": Retry.NEVER,
    "merchant_blacklist": Retry.NEVER,
    "pickup_card": Retry.NEVER,
    "revocation_of_all_authorizations": Retry.NEVER,
    "revocation_of_authorization": Retry.NEVER,
    "security_violation": Retry.NEVER,
    "stolen_card": Retry.NEVER,
    "stop_payment_order": Retry.NEVER,
    "amount_too_large": Retry.NEVER,
    "amount_too_small": Retry.NEVER,
    "charge_expired_for_capture": Retry.NEVER,
    "invalid_request": Retry.NEVER,
    "not_representable": Retry.NEVER,
    "parameter_invalid_empty": Retry.NEVER,
    "parameter_invalid_integer": Retry.NEVER,
    "parameter_missing": Retry.NEVER,
    "parameter_unknown": Retry.NEVER,
    "payment_refused": Retry.NEVER,
    "payment_intent_unexpected_state": Retry.NEVER,
    "possible_fraud": Retry.NEVER,
    "resource_missing": Retry.NEVER,
    "risk_rejected": Retry.NEVER,
    "unsupported": Retry.NEVER,
    "url_invalid": Retry.NEVER,
}


def retry_of(code: str) -> Retry:
    """Return who may try again after a code; one that is not in the table is nobody's to repeat blindly."""
    return RETRIES.get(code, Retry.NEVER)


# What kind of refusal a code is, for people who look at many of them.
_CLASSES: dict[str, tuple[str, ...]] = {
    "funds": ("insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded"),
    "authentication": (
        *("authentication_required", "approve_with_id", "payment_intent_authentication_failure"),
        *("authentication_abandoned", "authentication_failed", "authentication_unavailable_acs"),
    ),
    "card data": (
        *("expired_card", "incorrect_cvc", "incorrect_number", "incorrect_pin", "incorrect_zip", "invalid_account"),
        *("invalid_cvc", "invalid_expiry_month", "invalid_expiry_year", "invalid_number", "pin_try_exceeded"),
        *("card_expired", "invalid_card_holder_name", "invalid_card_number", "invalid_card_type", "invalid_cvv"),
    ),
    "fraud": (
        *("fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "possible_fraud", "security_violation"),
        "stolen_card",
    ),
    "request": (
        *("amount_too_large", "amount_too_small", "invalid_amount", "invalid_request", "not_representable"),
        *("parameter_invalid_empty", "parameter_invalid_integer", "parameter_missing", "parameter_unknown"),
        *("payment_intent_unexpected_state", "resource_missing", "unsupported", "url_invalid"),
    ),
}
_CLASS_OF = {code: name for name, codes in _CLASSES.items() for code in codes}


def decline_class(code: str) -> str:
    """Return what kind of refusal a code is: funds, authentication, card data, fraud, request, or else the issuer's."""
    return _CLASS_OF.get(code, "issuer")
