"""Test cards and payment method tokens, and what becomes of a payment with each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """How the provider answers when this number is charged."""

    number: str
    hint: str
    outcome: str = "success"
    code: str | None = None
    decline_code: str | None = None
    message: str = "Your card was declined."
    brand: str = "visa"


def _declined(number: str, decline_code: str, hint: str, message: str = "Your card was declined.") -> Card:
    return Card(number, hint, "declined", "card_declined", decline_code, message)


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242", "Payment succeeds"),
        Card("5555555555554444", "Payment succeeds (Mastercard)", brand="mastercard"),
        Card("378282246310005", "Payment succeeds (American Express)", brand="amex"),
        Card("4000000000000077", "Succeeds, funds available at once", "bypass_pending"),
        _declined("4000000000000002", "generic_decline", "Declined"),
        _declined(
            "4000000000009995",
            "insufficient_funds",
            "Insufficient funds",
            "Your card has insufficient funds.",
        ),
        _declined("4000000000009987", "lost_card", "Lost card"),
        _declined("4000000000009979", "stolen_card", "Stolen card"),
        Card("4000000000000069", "Expired card", "declined", "expired_card", None, "Your card has expired."),
        Card(
            "4000000000000127",
            "Incorrect CVC",
            "declined",
            "incorrect_cvc",
            None,
            "Your card's security code is incorrect.",
        ),
        Card(
            "4000000000000119",
            "Processing error",
            "declined",
            "processing_error",
            None,
            "An error occurred while processing your card. Try again in a little bit.",
        ),
        Card("4000002500003155", "3-D Secure challenge", "challenge"),
        Card("4000000000003220", "3-D Secure 2 challenge", "challenge"),
        Card("4000000000009235", "Succeeds, held for review", "review"),
        Card("4000000000000259", "Succeeds, disputed later", "dispute"),
        Card("4000000000007726", "Succeeds, refunds stay pending for a day", "refund_pending"),
        Card("4000000000005126", "Succeeds, refunds fail a day later", "refund_fails"),
    )
}

TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_bypassPending": "4000000000000077",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_authenticationRequired": "4000002500003155",
    "pm_card_riskLevelElevated": "4000000000009235",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}

#: Payment methods whose money comes later, by the currency that they are paid in.
ASYNC_METHODS = {"brl": "boleto", "eur": "sepa_debit", "usd": "us_bank_account"}
ASYNC_LABELS = {"boleto": "Boleto", "sepa_debit": "SEPA Direct Debit", "us_bank_account": "US bank account"}


def digits_of(number: str) -> str:
    """Return the number without the spaces and dashes that people type."""
    return "".join(char for char in number if char not in " -")


def passes_luhn(number: str) -> bool:
    """Tell whether the check digit of a card number is right."""
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        return False
    total = 0
    for place, char in enumerate(reversed(number)):
        digit = int(char)
        doubled = digit * 2 - 9 if digit > 4 else digit * 2
        total += doubled if place % 2 else digit
    return total % 10 == 0


def card_for(number: str) -> Card:
    """Return the behaviour of a number; one that is no test card is declined as such."""
    known = CARDS.get(number)
    if known is not None:
        return known
    if not passes_luhn(number):
        return Card(number, "", "declined", "incorrect_number", None, "Your card number is incorrect.")
    message = "Your card was declined. Your request was in test mode, but used a non test card."
    return Card(number, "", "declined", "card_declined", "test_mode_live_card", message)
