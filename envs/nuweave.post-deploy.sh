#!/usr/bin/env bash
# Snakemake runs this in the conda environment that it made: the package itself, from the clone where snakemake was started.
set -euo pipefail
pip install --no-deps --editable .
