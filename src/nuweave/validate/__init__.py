"""Is the simulation what it should be? Its figures against reference values, real events, other samples. No torch."""
