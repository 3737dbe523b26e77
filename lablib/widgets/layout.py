"""Where the parts of the dashboard stand, from a wide screen down to half of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from lablib.widgets import theme

if TYPE_CHECKING:
    from lablib.widgets.dashboard import Dashboard

_CSS = """
.lethe .lethe-body{display:flex;flex-wrap:wrap;align-items:flex-start;gap:10px;overflow:visible}
.lethe .lethe-left{flex:1 1 250px;max-width:100%}
.lethe .lethe-right{flex:3.2 1 530px;min-width:0;overflow:visible;container-type:inline-size}
.lethe .lethe-settings,.lethe .lethe-fields{display:grid;gap:0 14px;overflow:visible;
grid-template-columns:repeat(auto-fit,minmax(min(100%,230px),1fr))}
.lethe .lethe-settings>.lethe-method{display:contents}
.lethe .lethe-fields,.lethe .lethe-fields>.widget-html{grid-column:1/-1}
.lethe .lethe-grid{display:grid;gap:0 10px;overflow:visible;
grid-template-columns:repeat(auto-fit,minmax(min(100%,230px),1fr))}
@container (min-width:720px){.lethe .lethe-grid{grid-template-columns:repeat(3,1fr)}
.lethe .lethe-grid>.lethe-words{grid-column:1/-1}}
.lethe .lethe-if-narrow{display:none}
@container (max-width:470px){.lethe .lethe-if-wide{display:none}
.lethe .lethe-if-narrow{display:block}}
.lethe ul.lethe-list{margin:2px 0 0 0;padding-left:18px}
@container (min-width:720px){.lethe ul.lethe-list{columns:2;column-gap:28px}}
.lethe .lethe-bar{flex-wrap:wrap;gap:4px 18px;align-items:flex-end}
.lethe .lethe-buttons{flex-wrap:wrap;gap:4px}
.lethe .lethe-buttons .jupyter-button{width:auto;min-width:88px}
.lethe .lethe-progress{width:100%;height:18px;margin:4px 0 0 0;min-width:0}
.lethe .lethe-figures{display:flex;flex-wrap:wrap;gap:0 18px;font-variant-numeric:tabular-nums;
color:var(--lethe-soft)}
.lethe .lethe-columns{flex-wrap:wrap;gap:6px 22px;align-items:flex-start;overflow:visible}
.lethe .lethe-main{flex:3 1 420px;min-width:0}
.lethe .lethe-side{flex:2 1 280px;min-width:0}
.lethe .lethe-ask{flex-wrap:wrap;align-items:flex-end;gap:4px 8px}
.lethe .lethe-ask>.lethe-control{flex:1 1 220px}
.lethe .lethe-ask .jupyter-button{width:auto}
"""

STYLE = f"<style>{theme.CSS}{_CSS}</style>"


def arrange(parts: Dashboard, style: str) -> list[widgets.Widget]:
    """Return the parts of a dashboard in their places."""
    left, right = widgets.VBox([parts.settings]), widgets.VBox([parts.charts])
    left.add_class("lethe-left")
    left.add_class("lethe-card")
    right.add_class("lethe-right")
    body = widgets.HBox([left, right])
    body.add_class("lethe-body")
    tabs = widgets.Tab([parts.rewind, parts.compare, parts.exports])
    for index, title in enumerate(("Rewind", "Compare runs", "Export")):
        tabs.set_title(index, title)
    tabs.add_class("lethe-tabs")
    return [
        widgets.HTML(style),
        parts.status,
        parts.message,
        body,
        parts.answers,
        tabs,
        parts.heartbeat.widget,
    ]
