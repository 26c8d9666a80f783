"""The upgrade certificate of two runs: whether there is an alarm, what changed by type, and every test."""

import json

import streamlit as st

from app.runs.rows import run_label
from app.stability.certificate import Certificate, certify_runs, usual_pair
from app.stability.certificate_words import (
    FOOTNOTE,
    TEST_HEADS,
    certificate_markdown,
    certificate_to_dict,
    headline,
    sentences,
    test_rows,
    type_cells,
    type_heads,
)
from app.views.kit import state
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from evaluation.verdict import MAX_DROP


def show_certificate() -> None:
    """Two runs to choose, and the certificate."""
    services = state.services()
    runs = {run.run_id: run for run in services.evaluations.newest() if run.answers}
    if len(runs) < 2:
        st.info("Run the same questions before and after a change on the Runs page; then certify the change here.")
        return
    before, after = usual_pair(list(runs.values()))
    with backstage("certificate"), st.form("certificate-form", border=False):
        for name, usual, key in (("Older", before, "certificate-before"), ("Newer", after, "certificate-after")):
            st.selectbox(
                name,
                list(runs),
                index=list(runs).index(usual.run_id),
                format_func=lambda run_id: run_label(runs[run_id]),
                key=key,
            )
        pressed = st.form_submit_button("Certify", type="primary", icon=":material/verified:")
    if pressed:
        st.session_state["certificate"] = None
        chosen = st.session_state["certificate-before"], st.session_state["certificate-after"]
        with st.spinner("Comparing …"):
            st.session_state["certificate"] = certify_runs(
                services.evaluations, services.store, *chosen, max_drop=MAX_DROP
            )
    found: Certificate | None = st.session_state.get("certificate")
    if found is None:
        st.info(
            "Says what a changed embedder, index or prompt did to chunks, answers and scores. Where nothing was changed, at most 5 "
            "in 100 raise an alarm."
        )
        return
    _show(found)


def _show(found: Certificate) -> None:
    if found.alarm:
        st.error(message(headline(found)), icon=":material/notifications_active:")
    elif found.compared.comparison.verdict.outcome == "safe":
        st.success(message(headline(found)), icon=":material/check:")
    else:  # what cannot be told is no all-clear
        st.info(message(headline(found)), icon=":material/info:")
    for sentence in sentences(found):
        st.write(literal(sentence))
    show(table_html(type_heads(found), [type_cells(each) for each in found.types], "certificate"))
    with st.expander("Every test"):
        show(table_html(TEST_HEADS, test_rows(found), "certificate-tests"))
    show(note_html(FOOTNOTE))
    with st.container(horizontal=True):
        as_json = json.dumps(certificate_to_dict(found), indent=1)
        show_download("Download certificate as JSON", as_json, "certificate.json")
        show_download("Download certificate as Markdown", certificate_markdown(found), "certificate.md")
