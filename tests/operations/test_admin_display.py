"""How the console shows identifiers and links: what a table may cut is whole in a title."""

from operations.admin_display import code, name, page_link

SESSION = "cs_test_a1LongAsTheProvidersAre" + "0" * 35


class TestAnIdentifier:
    def test_that_is_long_shows_whole_when_one_rests_on_it(self) -> None:
        assert code(SESSION) == f'<span class="cf-code" title="{SESSION}">{SESSION}</span>'

    def test_that_is_short_does_not_say_it_twice(self) -> None:
        assert code("refund.create") == '<span class="cf-code">refund.create</span>'

    def test_cannot_leave_its_title(self) -> None:
        assert 'title="&quot; onclick=alert(1) x=&quot;"' in str(code('" onclick=alert(1) x="'))


class TestALink:
    def test_to_what_is_long_shows_it_whole_when_one_rests_on_it(self) -> None:
        about = "attempt:att_01m8pgtjr64pf0jtfw1szvfht8"

        assert f'title="{about}"' in page_link("payments_refund", "rfd_1", about)

    def test_of_a_name_is_the_name_alone(self) -> None:
        assert "title" not in page_link("payments_seller", "sel_1", name("Ann's very long name for a shop of chairs"))
