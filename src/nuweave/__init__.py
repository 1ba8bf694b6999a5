"""nuweave: from simulated particle interactions to a trained, evaluated, reported network."""

__version__ = "0.1.0"
