"""Pictures of runs: described once (``chart``), written as SVG or drawn by matplotlib.

``retention``, ``curves`` and ``plane`` say what is shown; ``live`` writes it as a string for
the running dashboard; ``figures`` draws the same for export.
"""
