#!/usr/bin/env bash
# A Slurm of one node, this machine, on which jobs of alignscope are tried out.
#
#     scripts/one_node_slurm.sh start DIR [CPUS]     # then: export SLURM_CONF=DIR/slurm.conf
#     scripts/one_node_slurm.sh stop DIR
#
# Needs root, and Debian's packages slurm-wlm and munge. All of it lies in DIR, a new folder:
# configuration, state, logs, the key of munge. CPUS are those that Slurm believes in, 8 by default,
# whatever the machine has. Nothing else of the machine is changed, and no service of the system is
# used.
set -euo pipefail

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
command=$1 place=$(realpath -m "$2") cpus=${3:-8}
export SLURM_CONF=$place/slurm.conf

start() {
    [ ! -e "$place" ] || { echo "$place is there already; name a new folder" >&2; exit 2; }
    for program in munged slurmctld slurmd scontrol; do
        command -v "$program" > /dev/null || { echo "$program is missing: apt-get install slurm-wlm munge" >&2; exit 2; }
    done
    mkdir -p "$place"/{ctld,slurmd}
    host=$(hostname -s)
    megabytes=$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
    (umask 077; head -c 128 /dev/urandom > "$place/munge.key")
    munged --force --key-file="$place/munge.key" --socket="$place/munge.socket" --pid-file="$place/munged.pid" \
        --log-file="$place/munged.log" --seed-file="$place/munged.seed"
    cat > "$SLURM_CONF" <<CONFIGURATION
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$place/munge.socket
CredType=cred/munge
StateSaveLocation=$place/ctld
SlurmdSpoolDir=$place/slurmd
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd.pid
SlurmctldLogFile=$place/slurmctld.log
SlurmdLogFile=$place/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2
JobRequeue=1
# A job that is put back into the queue begins again after this at the earliest, as Slurm counts it.
KillWait=5
MinJobAge=3600
ReturnToService=2
DefMemPerCPU=$((megabytes / cpus / 2))
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$((megabytes * 9 / 10)) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
    slurmctld
    slurmd
    for _ in $(seq 60); do
        case $(sinfo --noheader --format=%t 2> /dev/null) in
            idle) echo "Slurm is up: export SLURM_CONF=$SLURM_CONF"; exit 0 ;;
        esac
        sleep 1
    done
    echo "Slurm did not come up; see the logs in $place" >&2
    exit 1
}

stop() {
    for name in slurmd slurmctld munged; do
        [ ! -e "$place/$name.pid" ] || kill "$(cat "$place/$name.pid")" 2> /dev/null || true
    done
}

case $command in
    start) start ;;
    stop) stop ;;
    *) usage ;;
esac
