"""One self-contained page for a run: metrics, figures, event displays, provenance. Reads saved tables; no torch."""

from nuweave.report.render import write_report

__all__ = ["write_report"]
