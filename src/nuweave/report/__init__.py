"""One self-contained page for a run, and the state of its trainings. Reads saved files; no torch.

Nothing is imported here, so that `status`, which needs no figures, starts at once.
"""
