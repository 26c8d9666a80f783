"""The rules that raise alerts: a form to make, change and remove one, with what it would have done in the last day."""

from typing import Any

import streamlit as st

from app.alerting.rules import DURATION_HELP, UNIT_HELP, Rule, amount_words, make_rule, parse_duration, rule_words
from app.alerting.series import Series
from app.alerting.words import destinations_words, idle_why, previewed
from app.kit.wording import backend_words
from app.permitting.roles import Role
from app.views.kit import state
from app.views.kit.address import PART
from app.views.kit.html import note_html, pairs_html, show
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from app.views.kit.visitor import only
from app.views.live.kept import preview
from metrics.alerts import MAX_NAME_CHARS
from metrics.catalogue import STAGES
from metrics.latency import TOTAL
from pipeline.errors import RaglassError

NEW = "New rule"
"""In place of a rule's name."""

DONE = "rules-done"
"""Where a button leaves what it did, or what went wrong, for the next run to show."""


def show_rules() -> None:
    """All rules, and the form for one of them; open where a link led to the alerts."""
    wanted = st.query_params.get(PART) == "alerts"
    # Drawn only while it is open: what rules would have done is read from a day of figures.
    with (
        backstage("rules"),
        st.expander("Alert rules", expanded=wanted, key="rules", on_change="rerun") as unfolded,
    ):
        if not unfolded.open:
            return
        try:
            _show_form()
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")


def _show_form() -> None:
    alarms = state.services().alarms
    known, rules = alarms.readers.all(), {rule.name: rule for rule in alarms.rules()}
    destinations = alarms.sender.destinations()
    words = destinations_words(destinations)
    show(note_html(f"{words[:1].upper()}{words[1:]}."))
    if rules:
        show(pairs_html({rule.name: _listed(rule, known.get(rule.series)) for rule in rules.values()}))
    _show_done()
    if st.session_state.get("rule-chosen") not in (NEW, *rules):
        st.session_state["rule-chosen"] = NEW
    chosen = st.selectbox("Make a rule, or change one", [NEW, *rules], key="rule-chosen", width=330)
    before = rules.get(chosen)
    made = _read_form(known, before)
    if made is None:
        return
    show(note_html(f"{rule_words(made, known[made.series])}."))
    show(note_html(previewed(lambda: preview(made), known[made.series], made)))
    admin = only(Role.ADMIN)
    with st.container(horizontal=True):
        st.button("Save the rule", key="rule-save", type="primary", on_click=_save, args=(made, before), **admin)
        if before is not None:
            st.button("Remove the rule", key="rule-remove", on_click=_remove, args=(before,), **admin)


def _listed(rule: Rule, series: Series | None) -> str:
    """A rule, and why it can raise no alert where it cannot."""
    return f"{rule_words(rule, series)}. {idle_why(lambda: preview(rule), series, rule)}".strip()


def _read_form(known: dict[str, Series], before: Rule | None) -> Rule | None:
    """The rule that the form says; None, with the reason on the page, where it says none."""
    names = list(known)
    place = names.index(before.series) if before is not None and before.series in known else names.index("latency_p95")
    which = before.name if before else NEW
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name",
            before.name if before else "",
            key=f"rule-name {which}",
            max_chars=MAX_NAME_CHARS,
            width=220,
            placeholder="as what it watches",
        )
        watched = st.selectbox(
            "Watch", names, place, format_func=lambda each: known[each].title, key=f"rule-series {which}", width=270
        )
        series = known[watched]
        same = before if before is not None and before.series == watched else None
        given = _read_whose(series, same, f"{which} {watched}")
    given |= _read_bounds(series, same, f"{which} {watched}")
    try:
        window_s, for_s = parse_duration(given.pop("window")), parse_duration(given.pop("held"))
        return make_rule(
            name.strip() or series.title, series, given.pop("bound"), window_s=window_s, for_s=for_s, **given
        )
    except RaglassError as error:
        st.warning(message(str(error)), icon=":material/warning:")
        return None


def _read_whose(series: Series, same: Rule | None, key: str) -> dict[str, Any]:
    """Backend and stage, where the series tells them apart."""
    given: dict[str, Any] = {}
    if series.by_backend:
        services = state.services()
        backends = list(dict.fromkeys([*services.live.backends("local"), services.settings.backend_name]))
        backends += [same.backend] if same is not None and same.backend not in backends else []
        place = backends.index(same.backend) if same is not None else 0
        given["backend"] = st.selectbox(
            "Of", backends, place, format_func=backend_words, key=f"rule-backend {key}", width=230
        )
    if series.by_stage:
        stages = [TOTAL, *STAGES]
        stages += [same.stage] if same is not None and same.stage not in stages else []
        place = stages.index(same.stage) if same is not None else 0
        given["stage"] = st.selectbox("Stage", stages, place, key=f"rule-stage {key}", width=130)
    return given


def _read_bounds(series: Series, same: Rule | None, key: str) -> dict[str, Any]:
    """From which bound on, over what, for how long, of how many."""
    sides = ["above", "below"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        side = st.selectbox(
            "Bad is", sides, sides.index(same.side if same else series.worse), key=f"rule-side {key}", width=110
        )
        bound = amount_words(same.threshold, series.unit) if same else series.threshold
        bound = st.text_input("Bound", bound, key=f"rule-bound {key}", width=120, help=UNIT_HELP[series.unit])
        window = f"{(same.window_s if same else series.window_s) // 60} min"
        if series.windowed:
            window = st.text_input("Measured over", window, key=f"rule-window {key}", width=140, help=DURATION_HELP)
        held = st.text_input(
            "For",
            f"{(same.for_s if same else series.for_s) // 60} min",
            key=f"rule-for {key}",
            width=110,
            help=f"So long it must hold before an alert is raised. {DURATION_HELP}",
        )
        minimum = st.number_input(
            "At least, traces",
            1,
            1_000_000,
            same.minimum if same else series.minimum,
            key=f"rule-minimum {key}",
            width=150,
            help="Of fewer traces within what it is measured over, nothing is said.",
        )
    # A bound of one's own for the end, which the shell sets, goes with the bound that it belongs to.
    kept = same is not None and (side, bound) == (same.side, amount_words(same.threshold, series.unit))
    clear = same.clear if same is not None and kept else None
    return {"side": side, "bound": bound, "window": window, "held": held, "minimum": int(minimum), "clear": clear}


def _save(rule: Rule, before: Rule | None) -> None:
    """Keep the rule; the text field says its name only once it is left."""
    which = before.name if before else NEW
    named = st.session_state.get(f"rule-name {which}", "").strip() or rule.name
    try:
        kept = Rule.from_dict(named, rule.to_dict())
        name = state.services().alarms.save(kept, replacing=before.name if before else "")
    except RaglassError as error:
        st.session_state[DONE] = ("error", str(error))
        return
    why = idle_why(lambda: preview(kept), state.services().alarms.readers.all().get(kept.series), kept)
    st.session_state[DONE] = ("warning" if why else "success", f"The rule {name} is saved. {why}".strip())
    st.session_state["rule-chosen"] = name
    st.session_state.pop(f"rule-name {NEW}", None)


def _remove(rule: Rule) -> None:
    try:
        state.services().alarms.remove(rule.name)
    except RaglassError as error:
        st.session_state[DONE] = ("error", str(error))
        return
    st.session_state[DONE] = ("success", f"The rule {rule.name} is removed.")


def _show_done() -> None:
    how, words = st.session_state.pop(DONE, ("", ""))
    if words:
        {"success": st.success, "warning": st.warning, "error": st.error}[how](literal(words))
