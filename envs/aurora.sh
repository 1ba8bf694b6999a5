# Aurora (ALCF): sourced before the command of every rule, on login and compute nodes. `nuweave doctor` tries it.
# Source: ALCF user guides, Aurora, "PyTorch", "Running Jobs", August 2026.
# shellcheck disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/modules.sh"

modules load frameworks # torch for XPU with its backend xccl

# A tile is a device: 12 a node, rank r of a node takes tile r.
export ZE_FLAT_DEVICE_HIERARCHY=FLAT

# Ranks meet over the fast network, where the first node has a name of its own.
if [[ -n ${PBS_NODEFILE:-} ]]; then
    first=$(head -n 1 "$PBS_NODEFILE")
    fast=${first%%.*}.hsn.cm.aurora.alcf.anl.gov
    if getent hosts "$fast" > /dev/null; then
        export MASTER_ADDR=$fast
    fi
fi
