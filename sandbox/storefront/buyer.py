"""A buyer who pays on the provider's hosted page as a browser would: read, fill in, confirm with the bank."""

from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from sandbox.storefront.browsing import Answer, Browser

SUCCESS = "4242424242424242"
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_STEPS = 6


class PageUnreadable(Exception):
    """The page at this address is not a payment page that a buyer could use."""

    def __init__(self, *, url: str, status: int) -> None:
        super().__init__(f"Open {url} in a browser: it answered {status} without a payment form or a redirect.")
        self.url = url
        self.status = status


@dataclass(frozen=True)
class PaymentOutcome:
    """How a visit to the page ended.

    `status` is `paid` (the page sent the buyer back to the shop), `declined`, `invalid` (an entry was
    refused) or `closed` (the page was complete or expired before). `redirect_url` is where the browser would
    go next; it was not visited.
    """

    status: str
    redirect_url: str | None = None
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    challenged: bool = False


@dataclass
class Buyer:
    """A person at a browser. One session of connections is kept, so that many purchases are cheap."""

    timeout_s: float = 10
    accept_language: str = "en-US"
    complete_challenge: bool = True

    def __post_init__(self) -> None:
        self._browser = Browser(timeout_s=self.timeout_s, headers={"Accept-Language": self.accept_language})

    def pay(
        self,
        *,
        url: str,
        card: str = SUCCESS,
        name: str = "Ana Souza",
        email: str = "ana@example.com",
        method: str = "card",
        exp: str = "12/34",
        cvc: str = "123",
    ) -> PaymentOutcome:
        """Pay the page at `url`; answer a 3-D Secure challenge as `complete_challenge` says.

        Raises urllib3.exceptions.HTTPError when the provider cannot be reached, PageUnreadable without a page.
        """
        shown = self._browser.get(url)
        page = _Page.read(shown.text)
        if "number" not in page.fields and "method" not in page.fields:
            if page.title is None:
                raise PageUnreadable(url=url, status=shown.status)
            return PaymentOutcome(status="closed", message=page.title, redirect_url=page.link)
        form = {"method": method, "email": email, "name": name}
        if method == "card":
            form.update(number=card, exp=exp, cvc=cvc)
        return self._follow(self._browser.send(urljoin(url, page.action or url), form), host=urlsplit(url).netloc)

    def confirm(self, *, url: str) -> PaymentOutcome:
        """Answer the bank's challenge page at `url`, for payments without a hosted payment page.

        Raises the same errors as `pay`.
        """
        shown = self._browser.get(url)
        return self._follow(shown, host=urlsplit(url).netloc)

    def _follow(self, answer: Answer, *, host: str) -> PaymentOutcome:
        """Go where the answer leads, but never off the provider's own site."""
        challenged = False
        for _ in range(_MAX_STEPS):
            if answer.status in _REDIRECTS:
                target = urljoin(answer.url, answer.headers["Location"])
                if urlsplit(target).netloc != host or not urlsplit(target).path.startswith("/c/"):
                    return PaymentOutcome(status="paid", redirect_url=target, challenged=challenged)
                answer = self._browser.get(target)
                continue
            page = _Page.read(answer.text)
            if page.problem is not None:
                status = "invalid" if answer.status == 422 else "declined"
                return PaymentOutcome(
                    status=status,
                    code=page.problem.get("data-code") or None,
                    decline_code=page.problem.get("data-decline-code") or None,
                    message=page.problem_text.strip(),
                    challenged=challenged,
                )
            if "outcome" in page.fields:
                challenged = True
                answer = self._browser.send(answer.url, {"outcome": "complete" if self.complete_challenge else "fail"})
                continue
            break
        raise PageUnreadable(url=answer.url, status=answer.status)


class _Page(HTMLParser):
    """What a buyer sees on a page: the form's fields, the problem it reports, its title and link."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: set[str] = set()
        self.action: str | None = None
        self.problem: dict[str, str | None] | None = None
        self.problem_text = ""
        self.title: str | None = None
        self.link: str | None = None
        self._inside = ""

    @classmethod
    def read(cls, html: str) -> "_Page":
        """Read a page."""
        page = cls()
        page.feed(html)
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what matters of an element."""
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action")
        elif tag in ("input", "button") and given.get("name"):
            self.fields.add(str(given["name"]))
        elif tag == "a" and self.link is None:
            self.link = given.get("href")
        elif given.get("id") == "problem":
            self.problem = given
        self._inside = "problem" if given.get("id") == "problem" else tag

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        self._inside = ""

    def handle_data(self, data: str) -> None:
        """Note the text of the problem and of the title."""
        if self._inside == "problem":
            self.problem_text += data
        elif self._inside == "title":
            self.title = data.strip()
