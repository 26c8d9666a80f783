"""An alert in a browser: its rule is made, it is raised, told to a webhook, shown and silenced."""

from playwright.sync_api import expect

from tests.aws.loopback import Answer, serving
from tests.browser.conftest import rest
from tests.served_dashboard import start


def fill(page, label, text):
    rest(page)
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")
    rest(page)


def test_an_alert_is_raised_told_shown_and_silenced(visit, tmp_path):
    with serving(Answer()) as hook:
        process, own = start(tmp_path, RAGLASS_ALERT_EVERY_S="1", RAGLASS_ALERT_WEBHOOK=f"{hook.url}/secret")
        try:
            window = visit()
            window.base = own.url
            window.go()
            window.ask("How do clouds form?")
            page = window.go("/live?refresh=5+s")
            expect(page.get_by_text("No alert is open; 0 alert rules.")).to_be_visible()
            page.get_by_text("Alert rules", exact=True).click()
            fill(page, "Name", "any question <b>at all</b>")
            fill(page, "Bound", "0.001 ms")
            fill(page, "Measured over", "1h")
            fill(page, "For", "0m")
            fill(page, "At least, traces", "1")
            expect(page.get_by_text("In the last 24 h it would have raised 1 alert", exact=False)).to_be_visible()
            page.get_by_role("button", name="Save the rule").click()
            expect(page.get_by_text("is saved.", exact=False)).to_be_visible()

            alert = page.get_by_test_id("alert")
            expect(alert).to_contain_text("any question <b>at all</b>, open.")
            expect(alert).to_contain_text("Raised by webhook")
            [told] = hook.asked
            assert told.data["text"].startswith(
                "Alert: any question &lt;b&gt;at all&lt;/b&gt;\np95 latency of local/embedded, over 1 h"
            )
            assert len(told.data["traces"]) == 1

            rest(page)
            page.get_by_role("button", name="Silence", exact=True).click()
            page.get_by_label("Why").fill("it is a rehearsal")
            page.get_by_label("Why").press("Enter")
            page.get_by_role("button", name="Silence it").click()
            expect(alert).to_contain_text("open, silenced.")
            expect(alert).to_contain_text("it is a rehearsal")
            rest(page)
            page.get_by_role("button", name="Trace 1").click()
            page.wait_for_url("**/traces?trace=*")
            expect(page.get_by_test_id("question")).to_have_text("How do clouds form?")
            assert window.elsewhere == []
            assert window.dialogs == []
        finally:
            process.terminate()
            process.wait(30)
