# Perlmutter (NERSC): sourced before the command of every rule, on login and compute nodes. `nuweave doctor` tries it.
# Source: NERSC documentation, "PyTorch".
# shellcheck disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/modules.sh"

modules load pytorch # brings NCCL for the network, too
