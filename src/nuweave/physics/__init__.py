"""Constants with units and sources, detectors, truth classes, energy loss: numpy only, imports nothing but config."""
