"""Colours and type: one accent, one colour a stage, legible in light and dark.

Rules use `currentColor`, so that they follow the theme that the person chose without knowing it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st

from pipeline.spans import STAGE_OF_KIND, SpanKind

STAGE_COLOURS = {
    "embed": "#56b4e9",
    "retrieve": "#009e73",
    "rerank": "#cc79a7",
    "generate": "#e69f00",
    "network": "#0072b2",
    "gateway": "#d55e00",
    "unaccounted": "#8c96a0",
}
"""Okabe and Ito's colour-blind-safe set (2008)."""

KIND_COLOURS = {
    **{kind: STAGE_COLOURS[stage] for kind, stage in STAGE_OF_KIND.items()},
    "chain": "#6f8fae",
    "agent": "#8f74d2",
    "tool": "#7f8c2d",
    "prompt": "#c9a227",
    "guardrail": "#b5495b",
    "evaluator": "#2fa3a3",
    "unknown": STAGE_COLOURS["unaccounted"],
}
"""By a span's kind: those that are stages have the stage's."""

LEVEL_COLOURS = {"high": "#009e73", "moderate": "#e69f00", "low": "#d55e00", "unknown": "#8c96a0"}

OUTCOME_COLOURS = {"answered": "#6f8fae", "failed": "#e5484d"}

STEADY, DRIFTED = "#0072b2", "#d55e00"
"""Points of a control chart: like those before, and others."""

LATENCY_COLOUR = "#3b82c4"
"""End-to-end latency: one colour, its percentiles told apart by their strokes."""

PERCENTILE_COLOURS = {"p50": "#009e73", "p95": "#3b82c4", "p99": "#d55e00"}
"""Percentiles beside each other; their markers tell them apart too."""

PART_COLOURS = {"SageMaker": "#8f74d2", "Lambda": STAGE_COLOURS["gateway"], "the network": STAGE_COLOURS["network"]}
"""Lambda is the gateway's handler, so that it has the gateway's colour."""

STYLE = """
<style>
.block-container, [data-testid="stMainBlockContainer"] { padding: 3.4rem clamp(1rem, 2.4vw, 3rem) 3rem; max-width: 100rem; }
@media (max-width: 768px) { [data-testid="stMainBlockContainer"] { padding-top: 4.2rem; } }
/* Columns that stand below each other are as far apart as anything else. */
@media (max-width: 640px) { [data-testid="stMain"] [data-testid="stHorizontalBlock"] { row-gap: 1rem; } }
/* What is chosen from is all in sight: choices wrap, and a field grows with what it holds. */
[data-testid="stMain"] [data-testid="stButtonGroup"] > * { flex-wrap: wrap; row-gap: .25rem; }
[data-testid="stMultiSelect"] :has(> [data-testid="stMultiSelectTagsContainer"]) { max-height: none; }
[data-testid="InputInstructions"] { display: none; }
/* All that opens looks the same: its arrow before its words, in the colour of words. */
[data-testid="stExpander"] summary > span > span:last-child:has(> [data-testid="stIconMaterial"]) { order: -1; }
[data-testid="stExpander"] summary :is(p, span) { color: inherit; }
[data-testid="stExpander"] summary { color: inherit; opacity: 1; }
:is(.rg-chunk, .rg-made, .rg-values details) > summary { list-style: none; }
:is(.rg-chunk, .rg-made, .rg-values details) > summary::-webkit-details-marker { display: none; }
:is(.rg-chunk, .rg-made, .rg-values details) > summary::before { content: ""; display: inline-block; flex: none;
  width: .4rem; height: .4rem; margin: 0 .25rem .1rem .1rem;
  border: solid currentColor; border-width: 0 1.5px 1.5px 0; transform: rotate(-45deg); }
:is(.rg-chunk, .rg-made, .rg-values details)[open] > summary::before { transform: translateY(-.12rem) rotate(45deg); }
/* Ways to other pages begin where words do; in a row of actions all look like its buttons. */
[data-testid="stMain"] [data-testid="stPageLink-NavLink"] { padding-inline: 0; background: none; }
[data-testid="stMain"] [data-testid="stPageLink-NavLink"]:hover p { text-decoration: underline; text-underline-offset: .2em; }
[data-testid="stMain"] [data-testid="stPageLink-NavLink"] p { font-weight: 400; }
[class*="st-key-actions-"] [data-testid="stPageLink-NavLink"] { padding: .25rem .75rem; min-height: 2.5rem; border-radius: .35rem;
  border: 1px solid color-mix(in srgb, var(--rg-ink, currentColor) 28%, transparent); }
[class*="st-key-actions-"] { gap: .5rem; }
/* A menu that leaves room below it for a page's settings. */
[data-testid="stSidebarNavItems"] > div { margin-top: .45rem; }
[data-testid="stSidebarNav"] [data-testid="stNavSectionHeader"] { margin: .2rem 0 0; font-size: .85rem; }
[data-testid="stSidebarNav"] [data-testid="stSidebarNavLink"] { margin: 0; }
[data-testid="stMain"] h1 { font-size: 1.8rem; padding: .2rem 0 .5rem; }
[data-testid="stMain"] h2 { font-size: 1.2rem; padding: .5rem 0 .35rem; }
[data-testid="stMain"] h3 { font-size: 1.05rem; padding: .4rem 0 .2rem; }
[data-testid="stMain"] h1.rg-question { font-size: 1.2rem; font-weight: 600; padding: 0; }
/* Prose in lines that the eye finds back from. */
[data-testid="stMain"] :is([data-testid="stMarkdownContainer"] :is(p, li), .rg-note, .rg-meaning, .rg-text) { max-width: 75ch; }
.rg-answer { max-width: 60ch; }
[class*="st-key-grid-"] > * > [data-testid="stColumn"],
[class*="st-key-grid-"] > * > * > [data-testid="stColumn"] { min-width: min(100%, 22rem); }
[class*="st-key-outlined-"] [data-testid="stLayoutWrapper"]:has(> [class*="st-key-outline-"]) { position: sticky; top: 4rem; }
.rg-outline { font-size: .88rem; border-inline-start: 2px solid color-mix(in srgb, currentColor 16%, transparent);
  padding-inline-start: .8rem; }
.rg-outline ul { list-style: none; margin: .2rem 0 0; padding: 0; }
.rg-outline li { margin: 0; padding: .12rem 0; }
.rg-outline a { color: inherit; text-decoration: none; }
.rg-outline a:is(:hover, :focus-visible) { text-decoration: underline; text-underline-offset: .2em; }
@media (max-width: 1100px) {
  [data-testid="stHorizontalBlock"]:has(> [data-testid="stColumn"] > * > * > [class*="st-key-outline-"]) { flex-wrap: wrap; }
  [data-testid="stHorizontalBlock"]:has(> [data-testid="stColumn"] > * > * > [class*="st-key-outline-"]) > * { min-width: 100%; }
  [data-testid="stColumn"]:has(> * > * > [class*="st-key-outline-"]) { order: -1; }
  .rg-outline ul { display: flex; flex-wrap: wrap; gap: 0 1rem; }
}
.st-key-demonstration { padding: .3rem .8rem; border-radius: .3rem; font-size: .88rem;
  border-inline-start: 4px solid #e69f00; background: color-mix(in srgb, #e69f00 12%, transparent); }
:is(.st-key-search, [data-testid="stLayoutWrapper"]:has(> .st-key-backstage-expression)) { min-width: min(100%, 18rem); }
.st-key-demonstration > :last-child:not(:first-child) { flex: 0 0 auto; width: auto; }
@media (max-width: 640px) {
  .st-key-demonstration { flex-wrap: wrap; }
  .st-key-demonstration > * { min-width: 100%; }
}
.rg-banner { display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: 0; }
.rg-made { position: relative; white-space: nowrap; }
.rg-made summary { cursor: pointer; }
.rg-made ul { list-style: none; margin: .2rem 0 0; padding: 0; }
.rg-made a { color: inherit; }
.rg-more { display: inline-block; position: relative; }
.rg-more summary { cursor: pointer; list-style: none; width: 1.15rem; height: 1.15rem; line-height: 1.1rem; text-align: center;
  border-radius: 50%; border: 1px solid currentColor; font-size: .75rem; }
.rg-more summary::-webkit-details-marker { display: none; }
.rg-more summary:focus-visible { outline: 2px solid #0b6bcb; outline-offset: 2px; }
.rg-more[open] { display: inline; }
.rg-more p { font-size: .88rem; margin: .3rem 0 .4rem; padding: .5rem .8rem; border-radius: .3rem;
  background: color-mix(in srgb, currentColor 7%, transparent); }
.rg-gauges { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .6rem; }
.rg-gauge { border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-inline-start: 4px solid;
  border-inline-start-color: color-mix(in srgb, currentColor 30%, transparent); border-radius: .4rem; padding: .35rem .7rem; }
.rg-gauge.rg-good { border-inline-start-color: #009e73; }
.rg-gauge.rg-warn { border-inline-start-color: #e69f00; background: color-mix(in srgb, #e69f00 10%, transparent); }
.rg-gauge.rg-bad { border-inline-start-color: #d55e00; background: color-mix(in srgb, #d55e00 14%, transparent); }
.rg-gauge-name { font-size: .88rem; }
.rg-gauge-value { font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums; white-space: nowrap; }
.rg-gauge-change { font-size: .8rem; opacity: .85; min-height: 1.2em; }
.rg-line { white-space: pre-wrap; overflow-wrap: anywhere; font-family: monospace; font-size: .84rem; }
.raglass-bounds { font-size: .8rem; font-weight: 600; }
[data-testid="stLayoutWrapper"]:has(> [class*="st-key-unseen-"]) [data-testid="stSkeleton"] { display: none; }
[data-testid="stLayoutWrapper"]:has(> [class*="st-key-unseen-"]) { position: absolute; width: 0; height: 0; overflow: visible; }
@media (max-width: 640px) {
  [data-testid="stHorizontalBlock"]:has([data-testid="stMetric"]) > [data-testid="stColumn"] { min-width: calc(50% - 1rem); }
  [data-testid="stMetricValue"] { font-size: 1.7rem; }
  [data-testid="stMetricLabel"] p { white-space: normal; }
}
.rg-away [role="dialog"], .rg-away [data-testid="stDialog"] { display: none; }
[data-testid="stLayoutWrapper"]:has(> [class*="st-key-tile-"]) { flex: 1 1 10rem; align-self: stretch; }
[class*="st-key-tile-"] { position: relative; flex: 1 1 auto; padding: .5rem .8rem .6rem; }
/* What is between a tile and its link must not catch the cover that the link has over all of the tile. */
[class*="st-key-tile-"] [data-testid="stElementContainer"] { position: static; }
[class*="st-key-tile-"] [data-testid="stPageLink"] a { padding: 0; min-height: 0; }
[class*="st-key-tile-"] [data-testid="stPageLink"] p { font-size: .85rem; }
[class*="st-key-tile-"] [data-testid="stPageLink"] a::after { content: ""; position: absolute; inset: 0; z-index: 1; }
:is(.st-key-looks, .st-key-run-tile) [data-testid="stLayoutWrapper"]:has(> [class*="st-key-tile-"]) { flex: 1 1 100%; }
.st-key-looks .rg-tile { flex-flow: row wrap; align-items: baseline; column-gap: .6rem; }
.st-key-looks .rg-tile b { font-size: 1.05rem; }
[class*="st-key-tile-"]:hover { background: color-mix(in srgb, currentColor 4%, transparent); }
.rg-tile { display: flex; flex-direction: column; gap: .1rem; overflow-wrap: anywhere; }
.rg-tile b { font-size: 1.25rem; font-weight: 650; }
.rg-tile-note { font-size: .85rem; opacity: .85; line-height: 1.35; }
.rg-good .rg-icon { color: #009e73; } .rg-warn .rg-icon { color: #b36b00; } .rg-bad .rg-icon { color: #d43d3d; }
.rg-lane { display: flex; height: 1.1rem; border-radius: .25rem; overflow: hidden; gap: 1px; }
.rg-key.rg-key { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .4rem 0 0; padding: 0; font-size: .85rem; }
.rg-key li { margin: 0; padding: 0; font-variant-numeric: tabular-nums; }
.rg-step p { margin: .2rem 0 .4rem; font-size: .92rem; }
.rg-chart-title { font-weight: 600; margin: 0; overflow-wrap: anywhere; max-width: 75ch; }
[role="tab"][aria-selected="true"] p { color: inherit; font-weight: 600; }
/* The accent on its own tint cannot be read in the dark. */
[data-selected="true"] p { color: var(--rg-ink, inherit); font-weight: 600; }
.rg-answer { font-size: clamp(1.35rem, 1.1rem + 1.1vw, 2rem); line-height: 1.35; font-weight: 500; margin: .2rem 0 .4rem;
  overflow-wrap: anywhere; unicode-bidi: plaintext; text-wrap: pretty; }
.rg-answer.rg-middling { font-size: clamp(1.1rem, .8rem + 1.05vw, 1.5rem); }
.rg-answer.rg-long { font-size: 1.1rem; }
.rg-answer.rg-quiet { font-weight: 400; opacity: .8; font-size: 1.1rem; }
.rg-answer:has(b) { font-weight: 400; }
.rg-answer b { font-weight: 650; }
.rg-trust { margin: 0 0 .3rem; }
.rg-trust b { display: block; }
.rg-dot { width: .7rem; height: .7rem; border-radius: 50%; display: inline-block; flex: none; transform: translateY(.05rem); }
.rg-meaning { opacity: .85; font-size: .9rem; }
.rg-chunk { border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: .4rem; padding: .1rem .8rem;
  margin: 0 0 .5rem; }
.rg-chunk summary { cursor: pointer; padding: .45rem 0; display: flex; gap: .6rem; align-items: baseline;
  flex-wrap: wrap; }
.rg-chunk summary:focus-visible { outline: 2px solid #0b6bcb; outline-offset: 2px; border-radius: .2rem; }
.rg-title { font-weight: 600; flex: 1 1 12rem; overflow-wrap: anywhere; unicode-bidi: plaintext; }
.rg-score { font-variant-numeric: tabular-nums; opacity: .85; font-size: .88rem; }
.rg-where { opacity: .8; font-size: .85rem; font-weight: 400; overflow-wrap: anywhere; }
p.rg-where { margin: 0; padding-bottom: .6rem; }
.rg-text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; padding: 0 0 .6rem; line-height: 1.55; }
:is(.rg-text, .rg-answer) mark.against { background: rgba(0, 114, 178, .3); }
:is(.rg-text, .rg-answer) mark { background: rgba(230, 159, 0, .32); color: inherit; border-radius: .2rem; padding: .05rem .15rem;
  box-decoration-break: clone; -webkit-box-decoration-break: clone; }
.rg-span { margin: 0; overflow-wrap: anywhere; }
.rg-span b { font-size: 1.1rem; }
.rg-move { font-variant-numeric: tabular-nums; font-weight: 600; font-size: .85rem; min-width: 2rem; }
.rg-message { border-inline-start: 3px solid color-mix(in srgb, currentColor 25%, transparent); padding: .1rem 0 .1rem .8rem;
  margin: 0 0 .6rem; }
.rg-message p { margin: 0 0 .2rem; }
.rg-turn { font-weight: 500; overflow-wrap: anywhere; unicode-bidi: plaintext; white-space: pre-wrap; }
.rg-values { table-layout: fixed; }
.rg-values tbody th { width: 38%; font-size: .85rem; }
.rg-values summary { cursor: pointer; }
.rg-values summary:focus-visible { outline: 2px solid #0b6bcb; outline-offset: 2px; border-radius: .2rem; }
.rg-token { border-radius: .2rem; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
.rg-missing { text-decoration: underline wavy #d55e00; text-underline-offset: .2em; }
.rg-belief { margin: 0; max-width: 75ch; font-size: .95rem; }
.rg-note { margin: 0; opacity: .8; font-size: .88rem; overflow-wrap: anywhere; }
.rg-standing { overflow-wrap: anywhere; padding: .25rem 0; }
[class*="st-key-row-"] > :first-child { flex: 1 1 14rem; min-width: 0; }
.rg-standing b { font-weight: 600; }
.rg-standing a { color: inherit; }
.rg-standing p { margin: .15rem 0 0; }
.rg-question { font-size: 1.05rem; overflow-wrap: anywhere; unicode-bidi: plaintext; margin: .1rem 0 .3rem; opacity: .9; }
.rg-pairs { border-collapse: collapse; width: 100%; font-size: .92rem; }
.rg-pairs th, .rg-pairs td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; overflow-wrap: anywhere;
  border-bottom: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
.rg-pairs .rg-number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.rg-pairs .rg-state { white-space: nowrap; }
.rg-pairs thead th { white-space: nowrap; min-width: 0; }
.rg-pairs a { color: inherit; text-decoration: underline; text-underline-offset: .2em; }
.rg-pairs th { font-weight: 500; opacity: .85; }
.rg-pairs tbody th { min-width: 6rem; }
@media (min-width: 641px) { .rg-pairs.rg-names tbody th { white-space: nowrap; } }
/* What goes on to the right fades there until one has scrolled to its end; a table that fits has nothing to scroll by. */
.rg-wide { overflow-x: auto; animation: rg-more linear; animation-timeline: scroll(self inline); }
@keyframes rg-more { from, 98% { mask-image: linear-gradient(to left, transparent, #000 3rem); } to { mask-image: none; } }
.rg-whole-words :is(th, td):not(:last-child) { overflow-wrap: break-word; }
@media (max-width: 640px) {
  .rg-pairs.rg-names tbody th { font-size: .7rem; min-width: 11.2rem; }
  .rg-pairs.rg-states { font-size: .84rem; }
  .rg-states :is(th, td) { padding-right: .4rem; }
  .rg-states tbody th { min-width: 0; overflow-wrap: normal; }
  .rg-pairs.rg-parts { font-size: .74rem; }
  .rg-pairs.rg-parts :is(th, td) { padding-right: .35rem; min-width: 0; }
  .rg-pairs.rg-parts thead th { white-space: normal; vertical-align: bottom; }
}
.rg-overlap .rg-number { width: 3.5rem; }
.rg-overlap .rg-alone { opacity: .75; }
.rg-overlap .rg-shift { white-space: nowrap; font-variant-numeric: tabular-nums; width: 6rem; }
.rg-overlap .rg-moved { font-weight: 600; }
.rg-reasons { margin: 0; padding-inline-start: 1.2rem; font-size: .95rem; columns: 22rem; column-gap: 2rem; }
.rg-reasons li { margin: 0; padding: .1rem 0; break-inside: avoid; overflow-wrap: anywhere; }
.rg-excerpt { opacity: .85; font-size: .88rem; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical;
  overflow: hidden; }
.rg-differences { table-layout: fixed; }
.rg-differences th:first-child { width: 27%; }
.rg-stages tbody th { overflow-wrap: normal; }
.rg-stages td:last-child { white-space: normal; }
.rg-side { margin: 0; overflow-wrap: anywhere; }
.rg-side b { text-transform: capitalize; margin-right: .4rem; }
@media (max-width: 640px) { .rg-pairs.rg-stages { font-size: .84rem; } .rg-stages th, .rg-stages td { padding-right: .5rem; } }
@media (max-width: 640px) { .rg-pairs td:last-child, .rg-pairs th:last-child { padding-right: 0; } .rg-pairs .rg-aside { display: none; } }
</style>
"""


_PRINTED = ContextVar("printed", default=False)


def apply_style() -> None:
    """Put the style sheet into the page; it takes no room."""
    st.html(_sheet())


def _sheet() -> str:
    """The style sheet for the theme that is shown, made of constants alone."""
    return STYLE.replace("</style>", f":root {{ --rg-ink: {ink()}; }}\n</style>")


def span_colour(stage: str, kind: SpanKind) -> str:
    """The colour of a span's bar: its stage's, else its kind's."""
    return STAGE_COLOURS.get(stage) or KIND_COLOURS[kind]


@contextmanager
def printed() -> Iterator[None]:
    """Within, charts are made for white paper, whatever the theme."""
    before = _PRINTED.set(True)
    try:
        yield
    finally:
        _PRINTED.reset(before)


def _is_dark() -> bool:
    return not _PRINTED.get() and st.context.theme.type == "dark"


def ink() -> str:
    """The colour of a chart's words, dark on light or light on dark, with the contrast that WCAG AA asks for."""
    return "#d5dde5" if _is_dark() else "#3a4652"


def paper() -> str:
    """The colour of the page behind a chart, for words that stand over what is drawn: as `.streamlit/config.toml` has it."""
    return "#12171d" if _is_dark() else "#ffffff"
