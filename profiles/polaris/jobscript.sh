#!/bin/bash -l
# Job script of PBS Pro: a login shell, as modules need one. `nuweave pbs submit` reads the properties.
# properties = {properties}
# The end of the job, for the training: it saves and leaves before.
export NUWEAVE_END_TIME=$(( $(date +%s) + NUWEAVE_WALLTIME_S ))
{exec_job}
