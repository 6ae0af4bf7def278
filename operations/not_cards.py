"""Numbers that are surely something else than a card number, whatever their check digit says: IBANs, UUIDs, phones."""

import re

# Total lengths by country, from the IBAN Registry that SWIFT keeps for ISO 13616.
_LENGTHS = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_LENGTH = {country: length for length, countries in _LENGTHS.items() for country in countries.split()}
# Looking ahead: what begins like an IBAN and is none must not hide the one that begins within it.
_IBAN = re.compile(r"(?<![^\W_])(?=([A-Za-z]{2}[0-9]{2}(?:[\s.\-]{0,2}[A-Za-z0-9]){11,30}))")
_UUID = re.compile(r"(?<![^\W_])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![^\W_])")
# A country's code and a subscriber's number have at most 15 digits (ITU-T E.164).
PHONE_LONGEST = 15
_PLUS = re.compile(r"(?<![^\W_])(?:[+\uff0b]|%2[Bb])\Z")


def spans_of_ids(text: str) -> list[tuple[int, int]]:
    """Return where valid IBANs (their country's length, remainder 1 by 97) and UUIDs stand."""
    spans = [found.span() for found in _UUID.finditer(text)]
    for found in _IBAN.finditer(text):
        end = _end_of_iban(found[1])
        after = text[found.start() + end : found.start() + end + 1]
        if end and not after.isalnum():
            spans.append((found.start(), found.start() + end))
    return spans


def follows_plus(text: str, start: int) -> bool:
    """Tell whether what starts there is written as an international phone number: after a plus, and with no 0 first."""
    return text[start] != "0" and bool(_PLUS.search(text[max(0, start - 4) : start]))


def _end_of_iban(written: str) -> int:
    """Return where in a text that begins like an IBAN a valid one ends; 0 where there is none."""
    length = _LENGTH.get(written[:2].upper(), 0)
    places = [place for place, character in enumerate(written, start=1) if character.isalnum()][:length]
    if not length or len(places) < length:
        return 0
    letters = "".join(written[place - 1] for place in places)
    number = "".join(str(int(letter, 36)) for letter in letters[4:] + letters[:4])
    return places[-1] if int(number) % 97 == 1 else 0
