"""Kept datasets on the Runs page: their list, one in a table to be edited, its versions and what changed between two."""

import tempfile
from pathlib import Path, PurePath

import streamlit as st

from app.permitting.roles import Role
from app.runs.dataset_table import (
    ANSWERED,
    ARTICLE,
    EXPECTED,
    ID,
    KIND,
    LOCKED,
    MARKS,
    NOTES,
    QUESTION,
    SUGGESTION,
    TAKE,
    read_cells,
    table_cells,
)
from app.runs.dataset_words import NONE_YET, change_cells, changes_words, version_words
from app.views.kit import state
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from app.views.kit.table import choose_columns, show_table
from app.views.kit.visitor import only
from app.views.kit.ways import show_way
from app.views.runs.tables import VERSIONS, version_row
from corpus import QUESTION_TYPES
from evaluation.curated import MOST_CHARS, DatasetRow, compare_rows, read_rows, to_csv, to_jsonl
from evaluation.kept import KeptDatasets, KeptVersion
from pipeline.errors import RaglassError, StoreError

LISTED = "datasets"
"""What `list` is in the address of the list."""

MOST_CHANGES = 200
"""Changes that are shown; how many more there are is said."""

SAVED = "dataset-saved"

HELP = (
    "Several accepted answers are separated by |. A question without an expected answer is not asked, unless answerable says no: then the "
    "right thing is to abstain. The model's answer is a suggestion: tick “take it” to make it the expected answer. Add a question in the "
    "last line; what you change is kept only once you save it."
)


def show_way_to_datasets() -> None:
    """The way to the list."""
    show_way("Datasets", "table_view", "to-datasets", to="runs", list=LISTED)


def _kept() -> KeptDatasets:
    return state.services().evaluations.datasets


def show_datasets() -> None:
    """The list, and the ways to a new one."""
    st.title("Datasets", anchor=False)
    versions = _kept().newest()
    if versions:
        show(note_html("A click on one opens it: to edit it, to see its versions, or to take it away."))
        columns = choose_columns(VERSIONS, "datasets")
        rows = [version_row(each, each.name) for each in versions]
        show_table(columns, rows, key="datasets-table", label="Datasets, a row each", on_open=_open)
    else:
        st.info(message(NONE_YET))
    _show_import()
    if any(name.startswith("local/") for name in state.services().backends.usable()):
        from app.views.runs.synthesis import show_synthesis  # which needs the local backend's packages

        show_synthesis()


def _open(name: str) -> None:
    st.query_params.from_dict({"dataset": name})


def _show_import() -> None:
    with backstage("import"), st.expander("Import a file"):
        file = st.file_uploader(
            "JSONL or CSV with question, answer, answerable, type, notes", type=["jsonl", "csv"], key="dataset-file"
        )
        name = st.text_input("Name of the dataset", key="dataset-import-name", max_chars=60, width=320)
        if st.button("Import", **only(Role.EDITOR, disabled=file is None or not name.strip())) and file is not None:
            try:
                rows, problems = _read_upload(file.name, file.getvalue())
                version = _kept().save(name.strip(), rows, f"Imported from {file.name}.")
            except RaglassError as error:
                st.error(message(str(error)), icon=":material/error:")
                return
            st.success(message(f"{version.spec}: {version_words(version)}."))
            for problem in problems[:20]:
                show(note_html(problem))
            st.button("Open it", on_click=_open, args=(version.name,))


def _read_upload(name: str, content: bytes) -> tuple[list[DatasetRow], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PurePath(name.replace("\\", "/")).name
        try:
            path.write_bytes(content)
        except OSError as error:
            raise StoreError(
                f"{path.name} cannot be kept while it is read ({error.strerror}). Make room in {folder}, or set TMPDIR."
            ) from error
        return read_rows(path)


def show_dataset(spec: str) -> None:
    """One version, to be edited; the newest of a name. Raises InputError for none."""
    kept = _kept()
    version, newest = kept.find(spec), kept.find(spec.partition("@")[0])
    st.title(literal(version.name), anchor=False)
    saved = st.session_state.pop(SAVED, None)
    if saved:
        st.success(message(saved), icon=":material/check:")
    rows = kept.rows(version.spec)
    show(note_html(f"Version {version.number}: {version_words(version)}. {version.about}"))
    if version.number != newest.number:
        show(
            note_html(
                f"This is not the newest one: version {newest.number} is. It can be looked at and run, not edited."
            )
        )
    _show_ways(version, rows)
    _show_table(version, rows, editable=version.number == newest.number)
    _show_versions(kept, version)


def _show_ways(version: KeptVersion, rows: tuple[DatasetRow, ...]) -> None:
    with st.container(horizontal=True):
        if version.labelled:
            show_way("Run over it", "play_arrow", "run-dataset", to="runs", questions=version.spec)
        show_download("JSONL", lambda: to_jsonl(rows), f"{version.spec}.jsonl")
        show_download("Download CSV", lambda: to_csv(rows), f"{version.spec}.csv")


def _show_table(version: KeptVersion, rows: tuple[DatasetRow, ...], *, editable: bool) -> None:
    show(note_html(HELP))
    edited = st.data_editor(
        table_cells(rows),
        key=f"dataset-table-{version.spec}",
        num_rows="dynamic" if editable else "fixed",
        disabled=list(LOCKED) if editable else True,
        hide_index=True,
        height=520 if len(rows) > 12 else "content",
        column_config={
            QUESTION: st.column_config.TextColumn(width="medium", required=True),
            EXPECTED: st.column_config.TextColumn(width="medium", max_chars=MOST_CHARS),
            ANSWERED: st.column_config.SelectboxColumn(options=["", "yes", "no"], width="small"),
            KIND: st.column_config.SelectboxColumn(options=_types(rows), width="small"),
            SUGGESTION: st.column_config.TextColumn(width="medium"),
            TAKE: st.column_config.CheckboxColumn(width="small"),
            NOTES: st.column_config.TextColumn(width="medium"),
            ARTICLE: st.column_config.TextColumn(width="small"),
            MARKS: st.column_config.TextColumn(width="small"),
            ID: None,
        },
    )
    if not editable:
        return
    read = read_cells(edited, rows)
    changes = compare_rows(rows, read)
    changed = bool(changes.added or changes.removed or changes.changed)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        about = st.text_input(
            "What you changed", key=f"dataset-about-{version.spec}", max_chars=200, placeholder="optional", width=420
        )
        pressed = st.button(
            "Save as a new version", type="primary", icon=":material/save:", **only(Role.EDITOR, disabled=not changed)
        )
    if changed:
        show(note_html(f"Not saved yet: {changes_words(changes)}"))
    if pressed:
        _save(version, read, about)


def _types(rows: tuple[DatasetRow, ...]) -> list[str]:
    return list(dict.fromkeys(("", *QUESTION_TYPES, *(row.type for row in rows))))


def _save(version: KeptVersion, read: list[DatasetRow], about: str) -> None:
    try:
        saved = _kept().save(version.name, read, about.strip() or "Edited on the page.", after=version.number)
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        return
    st.session_state[SAVED] = f"Saved as version {saved.number}: {version_words(saved)}."
    st.rerun()


def _show_versions(kept: KeptDatasets, version: KeptVersion) -> None:
    versions = kept.versions(version.name)
    st.header("Versions", anchor=False)
    show_table(
        VERSIONS,
        [version_row(each, each.spec) for each in versions],
        key="versions-table",
        label="Versions, a row each",
        on_open=_open,
        current=version.spec,
    )
    if len(versions) < 2:
        return
    names = [each.spec for each in versions]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.selectbox("Compare", names, index=1, key=f"dataset-first-{names[0]}", width=220)
        second = st.selectbox("with", names, index=0, key=f"dataset-second-{names[0]}", width=220)
    changes = compare_rows(kept.rows(first), kept.rows(second))
    st.write(literal(changes_words(changes)))
    cells = change_cells(changes)
    if cells:
        show(table_html(("Question", "What", "Before", "After"), cells[:MOST_CHANGES], "dataset-changes"))
    if len(cells) > MOST_CHANGES:
        show(note_html(f"and {len(cells) - MOST_CHANGES:,} more."))
