#include "conformance/report/html.hpp"

namespace agentmesh::conformance::report {

std::string_view html_style() noexcept {
    return R"css(
:root {
  color-scheme: light dark;
  --paper: #f5f6f8; --card: #ffffff; --ink: #1c2128; --soft: #5c6672; --line: #e1e5ea; --code: #f3f5f7;
  --good: #1a7f4b; --good-bg: #e4f4ea; --neutral: #4d6378; --neutral-bg: #e8eef4; --warning: #92570a;
  --warning-bg: #fcf0d9; --open: #6a45b5; --open-bg: #efe9fb; --bad: #bd232c; --bad-bg: #fce8e8; --accent: #1f5fbf;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1216; --card: #171b21; --ink: #e6eaef; --soft: #99a4b1; --line: #2a3139; --code: #1e242b;
    --good: #4fc58c; --good-bg: #12301f; --neutral: #9db4ca; --neutral-bg: #1f2b36; --warning: #e3a94a;
    --warning-bg: #35270d; --open: #b79bf0; --open-bg: #2a2140; --bad: #f2777d; --bad-bg: #3b1719; --accent: #7db0f5;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 4rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
}
h1, h2, h3, p, dl, dd, ol, ul, pre, blockquote { margin: 0; padding: 0; }
ol, ul { list-style: none; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre { font-family: var(--mono); font-size: .86em; }
code { overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }

.good { --tone: var(--good); --tone-bg: var(--good-bg); }
.neutral { --tone: var(--neutral); --tone-bg: var(--neutral-bg); }
.warning { --tone: var(--warning); --tone-bg: var(--warning-bg); }
.open { --tone: var(--open); --tone-bg: var(--open-bg); }
.bad { --tone: var(--bad); --tone-bg: var(--bad-bg); }

.pick { position: absolute; width: 1px; height: 1px; margin: 0; opacity: 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; }

.verdict { padding: 1.75rem; border-top: 6px solid var(--tone); }
.verdict .kicker { color: var(--soft); font-size: .9rem; }
.verdict h1 { display: flex; align-items: center; gap: .75rem; margin: .35rem 0 .15rem; color: var(--tone);
  font-size: clamp(1.7rem, 6vw, 2.6rem); line-height: 1.15; letter-spacing: -.02em; }
.verdict h1 svg { flex: none; width: 1.05em; height: 1.05em; }
.verdict .reason { font-size: 1.1rem; }
.verdict .notice { margin-top: .75rem; padding: .6rem .9rem; border-radius: 8px; background: var(--tone-bg); }
.bar { display: block; width: 100%; height: 12px; border-radius: 6px; background: var(--line); }
.verdict .bar { margin: 1.4rem 0 .9rem; }
.bar rect { fill: var(--tone); }
.counts { display: flex; flex-wrap: wrap; gap: .35rem 1.4rem; }
.counts div { display: flex; align-items: baseline; gap: .4rem; }
.counts dt { order: 2; color: var(--soft); font-size: .92rem; }
.counts dd { font-weight: 650; font-size: 1.15rem; font-variant-numeric: tabular-nums; color: var(--tone); }
.counts .zero dd { color: var(--soft); font-weight: 450; }
.counts .sum dd { color: var(--ink); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .9rem 1.5rem;
  margin-top: 1.4rem; padding-top: 1.2rem; border-top: 1px solid var(--line); font-size: .92rem; }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { overflow-wrap: anywhere; }
.facts .wide { grid-column: 1 / -1; }

.digests { margin-top: 1rem; font-size: .92rem; }
.digests summary { color: var(--soft); }
.digests .facts { margin-top: .6rem; padding-top: 0; border-top: 0; }

h2 { margin: 2.4rem 0 .9rem; font-size: 1.2rem; letter-spacing: -.01em; }
h2 .count { color: var(--soft); font-weight: 450; }
.areas { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); gap: .75rem; }
.areas a { display: block; padding: .8rem 1rem .95rem; color: inherit; }
.areas a:hover { border-color: var(--tone); text-decoration: none; }
.areas .name { display: flex; justify-content: space-between; gap: .5rem; font-weight: 600; }
.areas .name span { color: var(--tone); font-variant-numeric: tabular-nums; }
.areas .bar { height: 7px; margin-top: .5rem; }
.areas .note { margin-top: .35rem; color: var(--soft); font-size: .82rem; }

.filter { position: sticky; top: 0; z-index: 2; margin: 1.6rem -.25rem 0; padding: .55rem .25rem;
  background: var(--paper); }
.filter ul { display: flex; flex-wrap: wrap; gap: .4rem; }
.filter label { display: block; padding: .28rem .8rem; border: 1px solid var(--line); border-radius: 99px;
  background: var(--card); cursor: pointer; font-size: .9rem; }
.filter label:hover { border-color: var(--soft); }
.filter b { font-weight: 650; color: var(--tone, var(--ink)); font-variant-numeric: tabular-nums; }
#show-all:checked ~ .filter .for-all, #show-bad:checked ~ .filter .for-bad, #show-warning:checked ~ .filter .for-warning,
#show-open:checked ~ .filter .for-open, #show-neutral:checked ~ .filter .for-neutral,
#show-good:checked ~ .filter .for-good { background: var(--ink); border-color: var(--ink); color: var(--paper); }
#show-all:checked ~ .filter .for-all b, #show-bad:checked ~ .filter .for-bad b,
#show-warning:checked ~ .filter .for-warning b, #show-open:checked ~ .filter .for-open b,
#show-neutral:checked ~ .filter .for-neutral b, #show-good:checked ~ .filter .for-good b { color: inherit; }
#show-all:focus-visible ~ .filter .for-all, #show-bad:focus-visible ~ .filter .for-bad,
#show-warning:focus-visible ~ .filter .for-warning, #show-open:focus-visible ~ .filter .for-open,
#show-neutral:focus-visible ~ .filter .for-neutral, #show-good:focus-visible ~ .filter .for-good {
  outline: 2px solid var(--accent); outline-offset: 2px; }
#show-bad:checked ~ main .case:not(.bad), #show-warning:checked ~ main .case:not(.warning),
#show-open:checked ~ main .case:not(.open), #show-neutral:checked ~ main .case:not(.neutral),
#show-good:checked ~ main .case:not(.good) { display: none; }
#show-bad:checked ~ main .group:not(.has-bad), #show-warning:checked ~ main .group:not(.has-warning),
#show-open:checked ~ main .group:not(.has-open), #show-neutral:checked ~ main .group:not(.has-neutral),
#show-good:checked ~ main .group:not(.has-good) { display: none; }

.pill { flex: none; padding: .05rem .6rem; border-radius: 99px; background: var(--tone-bg); color: var(--tone);
  font-size: .8rem; font-weight: 650; white-space: nowrap; }
.id { color: var(--soft); white-space: nowrap; }
.cards { display: grid; gap: 1rem; }
.cards .case { padding: 1.1rem 1.35rem 1.25rem; border-left: 5px solid var(--tone); }
.case h3 { margin-bottom: .2rem; font-size: 1.08rem; line-height: 1.4; }
.case .line { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .7rem; font-size: .88rem; color: var(--soft); }
.check { padding: .8rem 0 0; margin-top: .8rem; border-top: 1px solid var(--line); }
.check .line code { color: var(--ink); font-weight: 650; }
.check blockquote { margin: .3rem 0; }
.check blockquote strong { letter-spacing: .01em; }
.why, .cites, .redo { display: flex; align-items: baseline; overflow-wrap: anywhere; }
.why b, .cites b, .redo b { flex: none; width: 4.4rem; color: var(--soft); font-weight: 450; }
.check .cites { font-size: .9rem; }
.check.quiet blockquote { color: var(--soft); }
.redo { margin-top: .9rem; font-size: .9rem; }
.records { display: grid; gap: .7rem; margin-top: 1rem; }
.records > li { padding-left: .8rem; border-left: 3px solid var(--line); min-width: 0; }
.records > li.in { border-color: var(--tone); }
.records .line b { color: var(--ink); font-family: var(--mono); font-weight: 600; }
.records .way { min-width: 4.6rem; }
.records em { font-style: normal; color: var(--warning); }
pre { margin-top: .25rem; padding: .55rem .75rem; border-radius: 8px; background: var(--code); line-height: 1.5; }
pre.text { white-space: pre-wrap; overflow-wrap: anywhere; }
pre.hex { overflow-x: auto; font-size: .76em; }
details > summary { cursor: pointer; }
.records summary { margin-top: .25rem; color: var(--soft); font-size: .84rem; }

.group { margin-top: .75rem; padding: .9rem 0 .35rem; }
.attention { margin: 0; padding: 0; }
.attention h2 { margin-top: 1.2rem; }
.group > .head { display: flex; justify-content: space-between; gap: 1rem; padding: 0 1.2rem .55rem; font-weight: 650; }
.group > .head span { color: var(--soft); font-weight: 450; font-variant-numeric: tabular-nums; }
.row { border-top: 1px solid var(--line); }
.row > summary, .row > a { display: flex; align-items: baseline; gap: .5rem .8rem; padding: .5rem 1.2rem; color: inherit;
  list-style: none; }
.row > summary::-webkit-details-marker { display: none; }
.row > summary:hover, .row > a:hover { background: var(--code); text-decoration: none; }
.row .pill { min-width: 6.4rem; text-align: center; }
.row .title { flex: 1; min-width: 0; }
.row .id { font-size: .8rem; }
.row[open] { background: linear-gradient(var(--code), var(--card) 3rem); }
.row > div { padding: 0 1.2rem 1rem; }
.row > div > .check:first-child { border-top: 0; margin-top: 0; padding-top: .2rem; }

footer { margin-top: 2.5rem; color: var(--soft); font-size: .86rem; }
footer p + p { margin-top: .5rem; }

@media (max-width: 34rem) {
  body { padding: .75rem .75rem 3rem; font-size: 15px; }
  .verdict { padding: 1.2rem; }
  .cards .case { padding: .95rem 1rem 1.1rem; }
  .areas { grid-template-columns: 1fr 1fr; gap: .5rem; }
  .areas a { padding: .65rem .75rem .75rem; }
  .filter { margin-left: 0; margin-right: 0; padding-left: 0; padding-right: 0; }
  .filter ul { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; }
  .filter label { white-space: nowrap; }
  .facts { grid-template-columns: 1fr 1fr; }
  .row > summary, .row > a { flex-wrap: wrap; padding: .55rem .9rem; }
  .row .title { flex-basis: 100%; order: 3; }
  .row .id { margin-left: auto; }
  .row > div, .attention { margin: 0; padding: 0; }
.attention h2 { margin-top: 1.2rem; }
.group > .head { padding-left: .9rem; padding-right: .9rem; }
}
@media print {
  :root { --paper: #fff; --code: #f6f6f6; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .filter, .pick { display: none; }
  .card { border-radius: 4px; }
  .cards .case, .areas a, .row { break-inside: avoid; }
  h2 { break-after: avoid; }
  .bar, .pill, .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  a { color: inherit; }
}
)css";
}

}  // namespace agentmesh::conformance::report
