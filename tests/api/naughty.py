"""Text that some program somewhere takes for something else than text, by what it is taken for.

Nothing here is refused for being what it is: a name may be `null`, and a reason may quote a script. What JSON or the
database cannot hold, or what breaks a line or a terminal, is in `UNREADABLE`.
"""

from itertools import product

_TAGS = (
    "<script>{}</script>",
    '"><script>{}</script>',
    "</textarea><script>{}</script>",
    "</script><script>{}</script>",
    "--><script>{}</script>",
    "<img src=x onerror={}>",
    '"><img src=x onerror="{}">',
    "<svg onload={}>",
    "<iframe src=javascript:{}>",
    '<a href="javascript:{}">a</a>',
    "<a href=data:text/html,{}>a</a>",
    "<input autofocus onfocus={}>",
    '" autofocus onfocus="{}',
    "' onmouseover='{}",
    "<<script>{}//<</script>",
    "<scr<script>ipt>{}</scr</script>ipt>",
    "＜script＞{}＜/script＞",
    "&lt;script&gt;{}&lt;/script&gt;",
    "%3Cscript%3E{}%3C/script%3E",
    "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "javascript:{}",
    "JaVaScRiPt&colon;{}",
    "{{{{constructor.constructor('{}')()}}}}",
)
_EMOJI = "😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏿", "🇺🇸🇷🇺", "0️⃣1️⃣", "❤️", "🧑🏽‍🚀", "🫠🫥", "✋🏿💪🏾", "(｡◕‿◕｡)", "¯\\_(ツ)_/¯"
_ABOVE = "\u0300\u0301\u0308\u030a\u0342\u035b\u0363\u0489"
_DIRECTIONS = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200f\u061c"
_UNSEEN = "\u00ad\u034f\u180e\u200b\u200d\u2060\u3164\ufeff\U000e0041"
_SPACES = "\u00a0\u1680\u2003\u202f\u3000"

# By what somebody takes them for.
CLASSES: dict[str, tuple[str, ...]] = {
    "words of languages": (
        *(
            "undefined",
            "null",
            "NULL",
            "None",
            "true",
            "NaN",
            "hasOwn",
        ),
        *("then", "constructor", "__proto__", "__class__", "id", "root", "N/A", "-"),
    ),
    "numbers": (
        *(
            "0",
            "1.00",
            "1E+308",
            "-1",
            "0,00",
            "1,000.00",
            "1'000.00",
        ),
        *(
            "Infinity",
            "0x0",
            "0xffffffff",
            "1e1000",
            "9" * 12,
        ),
        *("١٢٣", "१२३", "𝟙𝟚", "½", "²", "Ⅷ", "٠٫٥", "－１", "二"),
    ),
    "signs": (
        "'",
        '"',
        "'\"'",
        "\\",
        "\\\\",
        "/",
        "`",
        "|",
        "~!@#$%^&*()_+",
        "<>?:{}|",
        "⁰⁴⁵",
        "ﬀ",
        "ß",
    ),
    "letters that change": ("İ", "ı", "ẞ", "ǅ", "ΐ", "Å", "Å", "A\u030a", "e\u0301", "ﷺ", "﷽", "Ω", "ŉ"),
    "other scripts": (
        "田中さんにあげて",
        "社會科學院",
        "울란바토르",
        "𠜎𠜱𠝹𠱓",
        "ตัวอย่าง",
        "שלום עולם",
        "الكل في المجموعة",
        "मराठी",
        "Здравствуй",
        "ⰎⰑⰂⰅ",
    ),
    "emoji": _EMOJI,
    "marks upon marks": (
        *(letter + _ABOVE * times for letter, times in product("Ze", (1, 3))),
        "".join(letter + _ABOVE for letter in "end"),
        "q" + "\u0323" * 40,
        "\u0301alone",
    ),
    "directions": (*(f"a{one}gnp.exe" for one in _DIRECTIONS), "a\u202e\u2066b\u2069\u202cc", "\u05d0<b>1</b>"),
    "unseen": (
        *(f"a{one}b" for one in _UNSEEN),
        *(f"a{one}b" for one in _SPACES),
        " a",
        "a  ",
        *(f"{one}a{one}" for one in _SPACES),
        *(f"{one}a" for one in _UNSEEN[:4]),
    ),
    "no characters": ("\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\U0001fffe", "\ue000", "\ufdd0"),
    "scripts": tuple(one.format(f"alert({number})") for number, one in enumerate(_TAGS, start=9000)),
    "SQL": (
        *(
            "' OR 1=1 --",
            "1' OR '1'='1",
            "'; DROP TABLE payments_seller; --",
            "1; SELECT pg_sleep(9)",
            "') UNION SELECT 1",
        ),
        *("%", "_", "\\%", "a' || 'b", "$$a$$", "admin'--"),
    ),
    "shells": (
        *(
            "$(id)",
            "`id`",
            "&& id",
            "$HOME",
            "${IFS}",
            "$((1+1))",
            "--help",
            "~",
            "*",
        ),
        *("() { :; }; id", "^&id"),
    ),
    "templates and formats": (
        *("%s", "%d%n%x", "%(name)s", "{}", "{0}", "{0.__class__}", "{{7*7}}", "{% load x %}", "{# a #}"),
        *("${7*7}", "<%= 7*7 %>", "${jndi:ldap://a/b}", "&amp;", "&nbsp;", "&#0;", "\\x00", "\\u0000", "\\n"),
    ),
    "names of files": (
        *(
            "../../etc/passwd",
            "..\\..\\boot.ini",
            "/dev/null",
            "CON",
            "nul.txt",
        ),
        *(".", ".htaccess", "%2e%2e%2f", "a.pdf.exe", "http://a/%%30%30"),
    ),
    "XML, sheets and headers": (
        *(
            "<!--",
            "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///c'>]>",
            "<?xml version='1.0'?>",
            "<![CDATA[a]]>",
            "]]>",
        ),
        *("=1+1", "+1", "@SUM(A1)", "=HYPERLINK(1)", "Set-Cookie: a=b", "%0d%0aSet-Cookie: a=b"),
    ),
    "terminals, without the escape": ("[31mred", "\\e[31m", "\\033]0;a\\a", "^[[2J", "␛[1m"),
    "what people are called": (
        "Scunthorpe",
        "O'Brien",
        "Null, Jennifer",
        "Dr. Cockburn",
        "J.",
        "Nguyễn Văn A",
    ),
}
NAUGHTY = tuple(dict.fromkeys(text for texts in CLASSES.values() for text in texts))
# Everywhere refused: NUL, half a character, line breaks that are not `\n`, what a terminal obeys.
UNREADABLE = (
    "a\x00b",
    "\x00",
    "a\ud800",
    "\udc00a",
    "\udc00\ud800",
    "a\x1b[31m",
    "a\x07",
    "a\x08",
    "a\x0bb",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
)
