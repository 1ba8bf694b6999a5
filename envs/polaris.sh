# Polaris (ALCF): sourced before the command of every rule, on login and compute nodes. `nuweave doctor` tries it.
# Source: ALCF user guides, Polaris, "Python", "NCCL", "Running Jobs", August 2026.
# shellcheck disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/modules.sh"

modules use /soft/modulefiles
modules load conda

# The GPU near the cores of a rank: cores 0-7 are next to GPU 3, cores 24-31 to GPU 0.
export CUDA_VISIBLE_DEVICES=3,2,1,0

# Compute nodes reach the network through the proxy.
export http_proxy=http://proxy.alcf.anl.gov:3128 https_proxy=http://proxy.alcf.anl.gov:3128

# NCCL over Slingshot. The plug-in is known to hang with some programs: export NUWEAVE_NCCL_OFI=0 to go without it.
export NCCL_NET_GDR_LEVEL=PHB NCCL_CROSS_NIC=1 NCCL_COLLNET_ENABLE=1
if [[ ${NUWEAVE_NCCL_OFI:-1} == 1 ]]; then
    export NCCL_NET="AWS Libfabric"
    export LD_LIBRARY_PATH=/soft/libraries/aws-ofi-nccl/v1.9.1-aws/lib:/soft/libraries/hwloc/lib:${LD_LIBRARY_PATH:-}
    export FI_CXI_DISABLE_HOST_REGISTER=1 FI_MR_CACHE_MONITOR=userfaultfd FI_CXI_DEFAULT_CQ_SIZE=131072
fi
