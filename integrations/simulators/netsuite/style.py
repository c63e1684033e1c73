"""The style sheet of the simulator's pages."""

STYLE = """\
:root { color-scheme: light dark; --line: #c8ccd1; --mark: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --line: #4a4f55; --mark: #8cc2ff; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
a { color: var(--mark); }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: .5rem 0; }
label { display: grid; font-size: .875rem; flex: 1 1 10rem; }
input, button { font: inherit; padding: .45rem .6rem; min-height: 2.75rem; }
input { width: 100%; border: 1px solid var(--line); border-radius: .25rem; }
button { border: 0; border-radius: .25rem; background: #0b5cad; color: #fff; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem .4rem 0; }
tr { border-bottom: 1px solid var(--line); }
td { white-space: pre-line; overflow-wrap: break-word; min-width: 4rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; max-width: 40rem; }
.problem { border-left: .25rem solid #b3261e; padding: .25rem .75rem; }
"""
