"""Whether the page that shows a widget is still there, asked through a widget that ticks."""

from __future__ import annotations

import time

import ipywidgets as widgets

BEAT = 5.0  # seconds between two beats of an open page
KICK = 60.0  # seconds of silence after which the ticking is started anew (a reloaded page)
GONE = 240.0  # seconds of silence after which the page counts as gone; browsers slow down
# the timers of a hidden tab to one a minute


class Heartbeat:
    """A hidden ``Play`` widget that counts in the browser for as long as the page is open.

    Its count reaches the kernel as trait changes. A page that never ticked (no browser at all,
    or one whose messages do not arrive) is never counted as gone.
    """

    def __init__(self):
        self.widget = widgets.Play(min=0, max=10**7, interval=int(BEAT * 1000), value=0)
        self.widget.layout.display = "none"
        # ipywidgets 7, as on Colab, has it with an underscore
        self._playing = "playing" if self.widget.has_trait("playing") else "_playing"
        self._last: float | None = None
        self._kicked = 0.0
        self.widget.observe(self._beat, "value")

    def _beat(self, _) -> None:
        self._last = time.monotonic()

    @property
    def ticking(self) -> bool:
        """True while the page is asked to tick."""
        return getattr(self.widget, self._playing)

    def start(self) -> None:
        """Begin to listen; a silence before now does not count."""
        self._last = None
        self._set(True)

    def stop(self) -> None:
        """Let the page be quiet."""
        self._set(False)

    def gone(self, now: float | None = None) -> bool:
        """Return True if a page that used to tick has been silent for too long."""
        if self._last is None:
            return False
        now = time.monotonic() if now is None else now
        silence = now - self._last
        if silence > KICK and now - self._kicked > KICK / 2:
            # A reloaded page knows that it should tick but waits for a change to begin.
            self._kicked = now
            self._set(not self.ticking)
        elif silence > KICK and not self.ticking:
            self._set(True)
        return silence > GONE

    def _set(self, playing: bool) -> None:
        setattr(self.widget, self._playing, playing)
