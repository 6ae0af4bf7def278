"""Problems that need no database: an address that does not exist, and a bug of ours."""

import pytest
from django.test import Client


class TestAnUnknownAddress:
    def test_is_a_problem_document_with_the_requests_name(self, client: Client) -> None:
        answer = client.get("/v0/nowhere")

        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["X-Request-Id"].startswith("req_")
        assert answer.json() == {
            "request_id": answer["X-Request-Id"],
            "type": "urn:counterfoil:problem:not_found",
            "title": "Not found",
            "status": 404,
            "code": "not_found",
            "detail": "There is nothing at this address.",
        }


class TestAHostThatIsNotOurs:
    def test_is_a_problem_too(self, client: Client) -> None:
        answer = client.get("/v1/payments", headers={"Host": "evil.example"})

        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert (answer.json()["code"], answer.json()["status"]) == ("bad_request", 400)
        assert answer.json()["request_id"] == answer["X-Request-Id"]

    def test_is_a_page_in_the_console(self, client: Client) -> None:
        answer = client.get("/admin/", headers={"Host": "evil.example"})

        assert (answer.status_code, answer["Content-Type"]) == (400, "text/html; charset=utf-8")


class TestABug:
    def test_shows_no_detail_to_the_client(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(**_: object) -> None:
            raise RuntimeError("password=hunter2")

        monkeypatch.setattr("config.health.queue_health", broken)
        client.raise_request_exception = False

        answer = client.get("/readyz")

        assert answer.status_code == 500
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["X-Request-Id"].startswith("req_")
        assert (answer.json()["code"], answer.json()["detail"]) == ("internal", "Something went wrong here.")
        assert b"hunter2" not in answer.content
