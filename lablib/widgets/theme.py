"""How the widgets look, and how anything typed or generated gets safely into HTML."""

from __future__ import annotations

import html

MOST_SHOWN = 600  # characters of a prompt or answer that are shown

# JupyterLab's variables where they exist, the page's own colors elsewhere; a page of Voila has the
# color of JupyterLab's panels. The arrow of drop-down lists is black in every theme of ipywidgets.
# A box that scrolls has a shadow at the edges beyond which there is more; a piece of ground that
# scrolls along covers it at the end.
CSS = """
.lethe{--lethe-paper:var(--jp-layout-color0,Canvas);--lethe-panel:var(--jp-layout-color1,Canvas);
--lethe-ink:var(--jp-ui-font-color1,CanvasText);--lethe-soft:var(--jp-ui-font-color2,GrayText);
--lethe-edge:var(--jp-border-color2,rgba(128,128,128,.35));--lethe-accent:#2878b5;
--lethe-bad:#c0392b;--lethe-ground:var(--lethe-paper);
color:var(--lethe-ink);max-width:100%;overflow:hidden;
font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;
--jp-widgets-dropdown-arrow:url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' \
viewBox='0 0 18 18'%3E%3Cpath d='M5 7l4 4 4-4z' fill='%23888'/%3E%3C/svg%3E")}
body[data-voila] .lethe{--lethe-paper:var(--jp-layout-color1,Canvas)}
.lethe .lethe-card{border:1px solid var(--lethe-edge);border-radius:8px;padding:10px 12px;
background:var(--lethe-panel);--lethe-ground:var(--lethe-panel);margin:0 0 10px 0;overflow:hidden;
min-width:0}
.lethe h3.lethe-h{font-size:13px;font-weight:600;margin:0 0 4px 0;line-height:1.4;
color:var(--lethe-ink)}
.lethe .lethe-soft{color:var(--lethe-soft);font-size:12px;line-height:1.4}
.lethe .lethe-control.lethe-control{flex-wrap:wrap;height:auto;width:auto;margin:2px 0 6px 0;
overflow:visible}
.lethe .lethe-control>.widget-label{flex:1 0 100%;width:100%;max-width:100%;text-align:left;
height:auto;line-height:1.5;white-space:normal;color:var(--lethe-ink);overflow:visible}
.lethe .lethe-control>select,.lethe .lethe-control>input{flex:1 1 auto;width:100%;min-width:0;
height:28px;box-sizing:border-box}
.lethe .lethe-control>textarea{flex:1 0 100%;max-width:46em;height:auto;box-sizing:border-box}
.lethe .lethe-control>.slider-container{flex:1 1 0;min-width:70px;margin:0 9px}
.lethe .lethe-control>.widget-readout{flex:0 0 62px;min-width:0;width:62px}
.lethe .widget-radio-box>label{display:flex;height:auto;min-height:20px;line-height:1.5;
white-space:normal}
.lethe .widget-radio-box>label>input{order:-1;flex:none;height:20px}
.lethe .jupyter-button{border-radius:5px}
.lethe .widget-html,.lethe .widget-html-content{overflow:visible;line-height:1.4;height:auto;
min-width:0;max-width:100%}
.lethe .widget-html-content{width:100%}
.lethe table.lethe-table{border-collapse:collapse;width:100%;font-size:12px;
font-variant-numeric:tabular-nums;margin:4px 0;color:var(--lethe-ink);background:transparent}
.lethe table.lethe-table caption{text-align:left;font-weight:600;padding:2px 0;caption-side:top;
white-space:normal;color:var(--lethe-ink)}
.lethe table.lethe-table th,.lethe table.lethe-table td{padding:3px 8px 3px 0;text-align:left;
vertical-align:top;border-bottom:1px solid var(--lethe-edge);background:transparent;
color:var(--lethe-ink);white-space:normal}
.lethe .lethe-answers table.lethe-table{table-layout:fixed}
.lethe .lethe-answers table.lethe-table th,.lethe .lethe-answers table.lethe-table td{
overflow-wrap:break-word}
.lethe table.lethe-table th{font-weight:600}
.lethe .lethe-scroll{overflow:auto;max-height:560px;background:
linear-gradient(to left,var(--lethe-ground) 40%,transparent) right/40px 100% no-repeat local,
linear-gradient(to left,rgba(128,128,128,.55),transparent) right/14px 100% no-repeat scroll,
linear-gradient(to top,var(--lethe-ground) 40%,transparent) bottom/100% 40px no-repeat local,
linear-gradient(to top,rgba(128,128,128,.55),transparent) bottom/100% 12px no-repeat scroll}
.lethe .lethe-scroll table.lethe-table thead th{vertical-align:bottom}
.lethe .lethe-changed{border-left:3px solid #c96a00;padding-left:6px}
.lethe .lethe-same{border-left:3px solid transparent;padding-left:6px}
.lethe .lethe-error{border:1px solid var(--lethe-bad);border-left-width:5px;border-radius:6px;
padding:8px 12px;margin:0 0 10px 0;background:var(--lethe-panel)}
.lethe .lethe-note{border-left:4px solid var(--lethe-accent);padding:4px 10px;margin:2px 0 8px 0}
.lethe .lethe-error pre{font-size:11px;overflow:auto;max-height:260px;white-space:pre;
color:var(--lethe-ink);background:transparent}
.lethe code.lethe-path{font-family:var(--jp-code-font-family,monospace);font-size:12px;
overflow-wrap:anywhere;background:transparent;color:var(--lethe-ink)}
.lethe .widget-tab>.widget-tab-contents,.lethe .jupyter-widget-tab-contents{padding:10px;
background:var(--lethe-panel);--lethe-ground:var(--lethe-panel);color:var(--lethe-ink)}
"""


def style() -> str:
    """Return the style sheet as an HTML element."""
    return f"<style>{CSS}</style>"


def escape(value: object, most: int = MOST_SHOWN) -> str:
    """Return text that is safe inside HTML: nothing in it is markup, mathematics or endless.

    Dollar signs and backslashes stand in elements of their own, where no page typesets them.
    """
    value = str(value)
    if len(value) > most:
        value = f"{value[:most]} … ({len(value) - most:,} more characters)"
    safe = html.escape(value, quote=True)
    for sign in ("$", "\\"):
        safe = safe.replace(sign, f"<span>{sign}</span>")
    return safe.replace("\n", "<br>")


def plain(inner: str, kind: str = "div", classes: str = "") -> str:
    """Return ``inner`` in an element in which no page looks for mathematics."""
    return f"<{kind} class='{classes} tex2jax_ignore mathjax_ignore'>{inner}</{kind}>"


def heading(said: str, more: str = "") -> str:
    """Return a small heading with an optional softer sentence below."""
    soft = f"<div class='lethe-soft'>{more}</div>" if more else ""
    return f"<h3 class='lethe-h'>{said}</h3>{soft}"


def note(sentence: str) -> str:
    """Return a sentence that is read out by screen readers when it appears."""
    return (
        plain(
            f"<span role='status' aria-live='polite'>{escape(sentence, 2000)}</span>",
            classes="lethe-note",
        )
        if sentence
        else ""
    )


def error(sentence: str, what_to_do: str = "", traceback: str = "") -> str:
    """Return an error in words, with what to do; the traceback folds away."""
    parts = [f"<b role='alert'>⚠ {escape(sentence, 2000)}</b>"]
    if what_to_do:
        parts.append(f"<div>{escape(what_to_do, 2000)}</div>")
    if traceback:
        safe = html.escape(traceback[-6000:], quote=True)
        parts.append(f"<details><summary>For a bug report</summary><pre>{safe}</pre></details>")
    return plain("".join(parts), classes="lethe-error")
