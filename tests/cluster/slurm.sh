#!/usr/bin/env bash
# A real Slurm on one Debian machine, for tests: slurmctld and two nodes (n1, n2), each of 256 CPUs and 4 GPUs
# that do not exist.
#
#   slurm.sh start DIR    install what is missing (root, apt-get), start, wait until jobs can run
#   slurm.sh stop DIR     cancel its jobs, end its daemons
#
# All that it writes is below DIR, but for the names n1 and n2 in /etc/hosts and the links $CONFIGURATION/*.conf: Snakemake's
# executor takes SLURM_CONF away inside of jobs, so that Slurm must be found where it looks by itself. It listens on the
# loopback only, on ports and with a munge of its own. The daemons leave the shell that starts them. `start` does nothing
# where it runs already, `stop` where it does not.
set -euo pipefail

USAGE="usage: slurm.sh start|stop DIR"
ACTION=${1:?$USAGE}
DIR=$(realpath -m "${2:?$USAGE}")
CONFIGURATION=/etc/slurm
DAEMONS=(slurmd-n1 slurmd-n2 slurmctld munged) # in the order of their end
PACKAGES=(slurm-client slurm-wlm-basic-plugins slurmctld slurmd munge)
unset SLURM_CONF

install_packages() {
    command -v slurmctld slurmd munged srun > /dev/null && return
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${PACKAGES[@]}" > /dev/null
}

free_ports() {
    python3 - "$1" << 'END'
import socket, sys

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(one.getsockname()[1] for one in sockets))
END
}

# What matters, and why:
#   SlurmctldHost(127.0.0.1), NodeAddr, NoInAddrAny   nobody outside of this machine reaches it
#   AuthInfo                   the munge of this directory, not of the machine
#   linuxproc, task/none, jobacct_gather/none   nothing asks for cgroups, which a container may not have
#   config_overrides           256 CPUs and 256 GB stand, whatever the machine has
#   CR_Core                    cores are shared out; memory is not counted
#   SchedulerParameters        jobs start within a second
#   KillWait                   seconds between SIGTERM and SIGKILL at the end of the walltime
#   MinJobAge                  squeue knows a finished job so long: without accounting Snakemake learns its end there
#   OverTimeLimit=0            the walltime counts to the second (checked every few)
#   Feature=gpu,cpu            what perlmutter's jobs ask for with --constraint
write_configuration() {
    local controller first second
    read -r controller first second <<< "$(free_ports 3)"
    local node="NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=256 RealMemory=256000 Gres=gpu:a100:4 Feature=gpu,cpu"
    cat > "$DIR/slurm.conf" << END
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$controller
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$DIR/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault=none
GresTypes=gpu
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1
MinJobAge=3600
KillWait=5
OverTimeLimit=0
StateSaveLocation=$DIR/state
SlurmctldPidFile=$DIR/slurmctld.pid
SlurmctldLogFile=$DIR/slurmctld.log
SlurmdSpoolDir=$DIR/%n
SlurmdPidFile=$DIR/slurmd-%n.pid
SlurmdLogFile=$DIR/slurmd-%n.log
NodeName=n1 Port=$first $node
NodeName=n2 Port=$second $node
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=48:00:00 State=UP
END
    # Only character devices give jobs CUDA_VISIBLE_DEVICES: with plain files it stays unset, with counts alone a node
    # is INVAL.
    cat > "$DIR/gres.conf" << END
AutoDetect=off
NodeName=n[1-2] Name=gpu Type=a100 File=$DIR/gpu[0-3] Flags=nvidia_gpu_env
END
    ln -sf "$DIR"/{slurm,gres}.conf $CONFIGURATION/
    local number
    for number in 0 1 2 3; do
        [ -e "$DIR/gpu$number" ] || mknod "$DIR/gpu$number" c 1 3
    done
}

start() {
    runs slurmctld && can_run && return
    install_packages
    stop
    if [ -e $CONFIGURATION/slurm.conf ]; then
        echo "slurm.sh: this machine has a Slurm: $(realpath $CONFIGURATION/slurm.conf); end that first, or use it" >&2
        return 1
    fi
    mkdir -p "$DIR"/{state,n1,n2}
    grep -qE '\sn1 n2$' /etc/hosts || echo "127.0.0.1 n1 n2" >> /etc/hosts # the first rank is found by its node's name
    write_configuration
    (umask 077 && head -c 1024 /dev/urandom > "$DIR/munge.key")
    # --force: as root, and below directories that munge would not choose
    munged --force --socket="$DIR/munge.socket" --key-file="$DIR/munge.key" --pid-file="$DIR/munged.pid" \
        --seed-file="$DIR/munge.seed" --log-file="$DIR/munged.log" 2> /dev/null
    slurmctld -c
    slurmd -N n1
    slurmd -N n2
    wait_until "both nodes can run jobs" can_run
}

can_run() { [ "$(sinfo --noheader --Node --states=IDLE,MIXED,ALLOCATED --format=%N 2> /dev/null | wc -l)" = 2 ]; }
no_job_runs() { [ -z "$(squeue --noheader --states=RUNNING,COMPLETING,PENDING 2> /dev/null)" ]; }

wait_until() {
    local what=$1 tries
    shift
    for ((tries = 0; tries < 150; tries++)); do
        "$@" && return
        sleep 0.2
    done
    echo "slurm.sh: waited 30 s in vain until $what; look at $DIR/*.log" >&2
    return 1
}

# Its own process still does: a pid may have gone to another program, and a dead one without a parent keeps its pid.
runs() { [[ $(readlink "/proc/$(cat "$DIR/$1.pid" 2> /dev/null)/exe") == */"${1%-n?}"* ]]; } # as slurmd-wlm
has_ended() { ! runs "$1"; }

stop() {
    local daemon
    if runs slurmctld; then
        scancel --user="$(id -un)" --signal=KILL --full 2> /dev/null || true
        scancel --user="$(id -un)" 2> /dev/null || true
        wait_until "its jobs have ended" no_job_runs || true
    fi
    for daemon in "${DAEMONS[@]}"; do
        runs "$daemon" || continue
        kill "$(cat "$DIR/$daemon.pid")"
        wait_until "$daemon has ended" has_ended "$daemon"
    done
    if [ "$(readlink $CONFIGURATION/slurm.conf)" = "$DIR/slurm.conf" ]; then
        rm $CONFIGURATION/{slurm,gres}.conf
    fi
}

case $ACTION in
    start | stop) "$ACTION" ;;
    *) echo "$USAGE" >&2 && exit 2 ;;
esac
