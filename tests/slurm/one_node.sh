#!/usr/bin/env bash
# A one-node Slurm on the loopback interface of a Debian machine (root; neither systemd nor containers needed):
#   one_node.sh install        apt-get what is missing; the packages' own services are not started
#   one_node.sh start FOLDER   write configuration, keys and state to FOLDER, start, wait until the node is idle
#   one_node.sh stop FOLDER    cancel all jobs, end what start started, take its configuration away
# SLURM_CPUS, SLURM_MEM_MB and SLURM_GPUS say what the node claims to have; the GPUs are pretended ones.
set -euo pipefail

say() { echo "one_node: $*" >&2; }
fail() { say "$*"; exit 1; }
alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

install() {
    local missing=()
    for package in slurmctld slurmd slurm-client munge; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' $package 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 -qq update
    local policy=/usr/sbin/policy-rc.d made=""
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        made=yes
    fi
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    if [ -n "$made" ]; then rm $policy; fi
}

configure() {
    local root=$1 gpus=${SLURM_GPUS:-2} host
    host=$(hostname -s)
    mkdir -p "$root"/{etc,run,log,state,spool,munge,gpu}
    chmod 755 "$root" "$root"/{etc,run,log,munge}
    [ -s "$root/munge/key" ] || (umask 077 && head -c 1024 /dev/urandom >"$root/munge/key")
    # slurmd wants a character device; these are /dev/null under numbered names.
    for ((i = 0; i < gpus; i++)); do
        [ -c "$root/gpu/gpu$i" ] || mknod "$root/gpu/gpu$i" c 1 3
    done
    cat >"$root/etc/gres.conf" <<CONF
AutoDetect=off
NodeName=node1 Name=gpu Count=$gpus File=$root/gpu/gpu[0-$((gpus - 1))]
CONF
    cat >"$root/etc/slurm.conf" <<CONF
ClusterName=qaloom
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$root/munge/socket
SlurmctldPort=${SLURM_PORT:-16827}
SlurmdPort=$((${SLURM_PORT:-16827} + 1))
StateSaveLocation=$root/state
SlurmdSpoolDir=$root/spool
SlurmctldPidFile=$root/run/slurmctld.pid
SlurmdPidFile=$root/run/slurmd.pid
SlurmctldLogFile=$root/log/slurmctld.log
SlurmdLogFile=$root/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
# No cgroups: slurmd adds up what a job uses every two seconds and kills what uses more than it asked for.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=5,sched_interval=5
GresTypes=gpu
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
KillWait=5
JobRequeue=0
AccountingStorageType=accounting_storage/none
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 CPUs=${SLURM_CPUS:-16} RealMemory=${SLURM_MEM_MB:-64000} Gres=gpu:$gpus State=UNKNOWN
PartitionName=main Nodes=node1 Default=YES MaxTime=INFINITE DefaultTime=10 State=UP
CONF
    mkdir -p /etc/slurm
    # /etc/slurm, for the plugin takes every SLURM_* variable, SLURM_CONF too, away from the jobs' own steps.
    for name in slurm.conf gres.conf; do
        if [ -e "/etc/slurm/$name" ] && [ ! -L "/etc/slurm/$name" ]; then
            fail "/etc/slurm/$name is another Slurm's; leaving it alone"
        fi
        ln -sfn "$root/etc/$name" "/etc/slurm/$name"
    done
}

start() {
    local root=$1 state=""
    [ "$(id -u)" = 0 ] || fail "start needs root"
    configure "$root"
    alive "$root/run/munged.pid" || munged --force --key-file="$root/munge/key" --socket="$root/munge/socket" \
        --pid-file="$root/run/munged.pid" --log-file="$root/log/munged.log" --seed-file="$root/munge/seed"
    alive "$root/run/slurmctld.pid" || slurmctld -i
    alive "$root/run/slurmd.pid" || slurmd
    for _ in $(seq 150); do
        state=$(sinfo -h -N -o '%t' 2>/dev/null || true)
        case "$state" in
            idle | mix | alloc) return 0 ;;
            down* | drain*) scontrol update nodename=node1 state=resume 2>/dev/null || true ;;
        esac
        sleep 0.2
    done
    tail -n 5 "$root"/log/*.log >&2
    fail "the node did not come up (state '$state')"
}

stop() {
    local root=$1 pid
    if alive "$root/run/slurmctld.pid"; then
        timeout 10 scancel --user=root || true
        for _ in $(seq 40); do
            [ -n "$(timeout 5 squeue -h 2>/dev/null)" ] || break
            sleep 0.25
        done
    fi
    for daemon in slurmd slurmctld munged; do
        [ -s "$root/run/$daemon.pid" ] || continue
        pid=$(cat "$root/run/$daemon.pid")
        case "$(readlink "/proc/$pid/exe" || true)" in *"$daemon"*) ;; *) continue ;; esac
        kill "$pid"
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
    done
    for name in slurm.conf gres.conf; do
        if [ "$(readlink "/etc/slurm/$name" || true)" = "$root/etc/$name" ]; then rm "/etc/slurm/$name"; fi
    done
}

case "${1:-}" in
    install) install ;;
    start | stop) "$1" "${2:?FOLDER}" ;;
    *) fail "usage: one_node.sh install | start FOLDER | stop FOLDER" ;;
esac
