"""Predictions and metrics of a finished model, with errors and trivial baselines. Nothing of the training room."""

from nuweave.evaluate.geometry import Geometry
from nuweave.evaluate.model import load_model
from nuweave.evaluate.run import evaluate_model

__all__ = ["Geometry", "evaluate_model", "load_model"]
