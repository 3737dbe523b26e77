"""Lethe: watch a language model forget while it is fine-tuned, and learn what prevents it.

Map of the package, from the bottom up; a module may import only from lines above it:

events, controls, runtime   what a run says, what a learner may change, what the machine can do
atomic                      files that appear as a whole or not at all
world                       the small world that the model ``mini`` was taught
models, metrics, classic    loading, generation and likelihood; forgetting as numbers; 1989's net
tasks                       what a model is fine-tuned on
history                     a run as curves
methods, probes, store      ways of fine-tuning; measurements of what must be kept; runs on disk
train, inputs               the training loop: ``Run``; what a run is given, by name or as it is
experiment                  from a few names to a ready run, with the defaults that go together
sweep                       many runs side by side: comparing methods fairly
lessons                     what the labs read off runs; stored results; patients
plots, checks, report       figures, exercise checks, the learner's report
widgets                     the dashboard and the teaching widgets
cli                         ``python -m lablib``
"""

__version__ = "0.1.0"
