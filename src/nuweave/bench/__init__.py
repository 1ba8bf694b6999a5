"""The measurements behind every claim of speed: run by hand, on an idle machine. Tests hold no speed to a target."""
