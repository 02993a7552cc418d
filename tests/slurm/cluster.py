"""A Slurm of two nodes on this machine, started and stopped by the tests: the real daemons, as root.

Its configuration lies in ``/etc/slurm``, since a step within a job looks nowhere else; what was there comes
back in the end. Everything else is in a folder of its own, munge's key and socket included.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
UNUSABLE = f"Slurm is not installed: no {', '.join(MISSING)}" if MISSING else "" if os.geteuid() == 0 else "not root"
"""Why no cluster can be started here; empty if one can."""

NODES = ("node1", "node2")
GPU_NODE = "node1"

_ETC = Path("/etc/slurm")
_FILES = ("slurm.conf", "gres.conf", "cgroup.conf")
_KEPT = ".before-tests"
_START_S = 30
_DISTURBED_S = 120
"""Longer than Slurm takes to notice a lost node, or a job that is over its time: half a minute."""

_MARK = "# Written by the tests, and removed by them.\n"

_SLURM_CONF = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmctldDebug=verbose
SlurmdDebug=verbose
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
# LLN: jobs are spread over the nodes.
SelectTypeParameters=CR_Core_Memory,CR_LLN
GresTypes=gpu
# A memory limit is kept by looking at the processes every second: there may be no cgroups here.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
Prolog={folder}/prolog.sh
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
MinJobAge=3600
KillWait=2
OverTimeLimit=0
SlurmdTimeout=5
ReturnToService=2
MpiDefault=none
# Nodes may claim more than this machine has.
SlurmdParameters=config_overrides
{nodes}
PartitionName=cpu Nodes={names} Default=YES MaxTime=INFINITE State=UP
PartitionName=net Nodes={names} MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={gpu_node} MaxTime=INFINITE State=UP
"""


# Slurm forgets which GPU a job had as soon as it has ended.
_PROLOG = """\
#!/bin/sh
echo "$SLURM_JOB_ID $SLURM_JOB_GPUS" >> {folder}/starts.txt
"""


@dataclass(frozen=True)
class Job:
    """A job as Slurm remembers it.

    Attributes:
        rule: the rule that it was for; of a group its name and its rules.
        wildcards: their values.
        minutes: its time limit.
        gpu: the index of the GPU that it was given; empty if none.
        restarts: how often Slurm itself started it again.
    """

    id: str
    rule: str
    wildcards: str
    state: str
    partition: str
    node: str
    memory_mb: int
    minutes: int
    gpu: str
    restarts: int


class Cluster:
    """A running cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._forgotten: set[str] = set()

    def start(self) -> None:
        """Write the configuration, start the daemons, and wait until all nodes are up."""
        ports = _free_ports(1 + len(NODES))
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        for name in ("state", *NODES):
            (self.folder / name).mkdir()
        prolog = self.folder / "prolog.sh"
        prolog.write_text(_PROLOG.format(folder=self.folder))
        prolog.chmod(0o755)
        nodes = [
            f"NodeName={name} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={port} "
            f"CPUs=8 RealMemory=64000{' Gres=gpu:1' if name == GPU_NODE else ''} State=UNKNOWN"
            for name, port in zip(NODES, ports[1:], strict=True)
        ]
        (_ETC / "slurm.conf").write_text(
            _MARK
            + _SLURM_CONF.format(
                host=socket.gethostname().partition(".")[0],
                ctld_port=ports[0],
                folder=self.folder,
                name=self.name,
                nodes="\n".join(nodes),
                names=",".join(NODES),
                gpu_node=GPU_NODE,
            )
        )
        (_ETC / "gres.conf").write_text(f"{_MARK}NodeName={GPU_NODE} Name=gpu Count=1 File=/dev/null\n")
        places = [f"--{name}={self.folder}/munge.{name.partition('-')[0]}" for name in ("key-file", "socket")]
        places += [f"--{name}={self.folder}/munge.{name}" for name in ("log-file", "pid-file", "seed-file")]
        self._start("munged", "munged", "--foreground", "--force", *places)
        self._come_up((self.folder / "munge.socket").exists, "munged made no socket")
        self._start("slurmctld", "slurmctld", "-D")
        for name in NODES:
            self.start_node(name)

    def stop(self) -> None:
        """End all jobs and all daemons."""
        for name in NODES:
            if name in self._daemons:
                self.kill_node(name)
        for daemon in self._daemons.values():
            daemon.kill()
            daemon.wait()

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=self.folder
            )

    def _come_up(self, condition: Callable[[], object], message: str) -> None:
        _wait_for(condition, lambda: f"{message}:\n{self.last_words()}", _START_S)

    def last_words(self) -> str:
        """The ends of the daemons' logs."""
        logs = [*self.folder.glob("*.log"), *self.folder.glob("*.out")]
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in logs)

    def start_node(self, name: str) -> None:
        """Start a node's daemon and wait until jobs can be put there."""
        self._start(name, "slurmd", "-D", "-N", name)
        self._come_up(lambda: self.node_state(name) in ("idle", "mixed", "allocated"), f"{name} did not come up")

    def kill_daemon(self, name: str) -> None:
        """Kill a node's daemon; its jobs go on without it."""
        self._daemons[name].kill()
        self._daemons[name].wait()

    def kill_node(self, name: str) -> None:
        """Kill a node's daemon and all of its jobs, as a power cut does."""
        self.kill_daemon(name)
        # Those that watch over the jobs go first: they would report how their jobs ended.
        for process in [*self._watchers(name), *self._processes(name)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _processes(self, node: str) -> list[psutil.Process]:
        """The processes of a node's jobs."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environment = process.environ()
                if (environment.get("SLURM_CLUSTER_NAME"), environment.get("SLURMD_NODENAME")) == (self.name, node):
                    found.append(process)
        return found

    def _watchers(self, node: str) -> set[psutil.Process]:
        parents = {process.parent() for process in self._processes(node)}
        return {parent for parent in parents if parent and parent.name() == "slurmstepd"}

    def node_state(self, name: str) -> str:
        """A node's state in lower case, without the mark of one that does not respond."""
        return _output("sinfo", "--noheader", "--nodes", name, "--format", "%T").partition("\n")[0].strip()

    def jobs(self, rule: str = "") -> list[Job]:
        """All jobs since :meth:`renew`, or those of a rule, in the order of their submission."""
        starts = self.folder / "starts.txt"
        gpus = dict(line.split(" ") for line in starts.read_text().splitlines()) if starts.exists() else {}
        text = _output("scontrol", "--oneliner", "show", "job")
        jobs = [_parse_job(line, gpus) for line in text.splitlines() if line.startswith("JobId=")]
        return [job for job in jobs if job.id not in self._forgotten and rule in ("", job.rule)]

    def wait_for(self, job: Job, condition: Callable[[Job], bool]) -> None:
        """Wait until ``condition`` holds for ``job`` as it then is."""

        def now() -> Job:
            return next(one for one in self.jobs() if one.id == job.id)

        _wait_for(lambda: condition(now()), lambda: f"it has not come to that: {now()}", _DISTURBED_S)

    def renew(self) -> None:
        """Start the nodes that are down, and leave the jobs so far out of :meth:`jobs`."""
        for name, daemon in list(self._daemons.items()):
            if name in NODES and daemon.poll() is not None:
                self.start_node(name)
        self._forgotten |= {job.id for job in self.jobs()}

    def cancel(self, job: Job) -> None:
        """Cancel a job, as its user or an administrator does."""
        answer = _output("scancel", job.id)
        assert not answer, answer

    def control(self, *arguments: str) -> None:
        """Run ``scontrol``, which must succeed."""
        answer = _output("scontrol", *arguments)
        assert not answer, answer


def _parse_job(line: str, gpus: Mapping[str, str]) -> Job:
    values = dict(re.findall(r"(\w+)=(\S*)", line))
    rule, _, wildcards = values["Comment"].removeprefix("rule_").partition("_wildcards_")
    return Job(
        id=values["JobId"],
        rule=rule,
        wildcards=wildcards,
        state=values["JobState"],
        partition=values["Partition"],
        node=values["NodeList"],
        memory_mb=_megabytes(values["MinMemoryNode"]),
        minutes=_minutes(values["TimeLimit"]),
        gpu=gpus.get(values["JobId"], ""),
        restarts=int(values["Restarts"]),
    )


def _megabytes(text: str) -> int:
    """Of ``500M`` or ``2G``."""
    return int(text[:-1]) * {"M": 1, "G": 1024}[text[-1]]


def _minutes(text: str) -> int:
    """Of ``HH:MM:SS``, days and a hyphen before it."""
    days, _, time_of_day = text.rpartition("-")
    hours, minutes, _ = map(int, time_of_day.split(":"))
    return (int(days or 0) * 24 + hours) * 60 + minutes


def _output(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    return done.stdout


def _wait_for(condition: Callable[[], object], message: Callable[[], str], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, message()
        time.sleep(0.1)


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def _configuration() -> Iterator[None]:
    """Put what is in ``/etc/slurm`` aside, and back in the end; one cluster of tests at a time."""
    _ETC.mkdir(exist_ok=True)
    with (Path(tempfile.gettempdir()) / "slurm-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _put_back()  # where an earlier run was killed
        for name in _FILES:
            if (_ETC / name).exists():
                (_ETC / name).rename(_ETC / (name + _KEPT))
        try:
            yield
        finally:
            _put_back()


def _put_back() -> None:
    for name in _FILES:
        file, kept = _ETC / name, _ETC / (name + _KEPT)
        if file.exists() and file.read_text(errors="replace").startswith(_MARK):
            file.unlink()
        if kept.exists():
            kept.rename(file)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster with the partitions ``cpu`` on both nodes and ``gpu`` on one that pretends to have a GPU."""
    # Not in pytest's folder: munged wants a socket that everybody may reach.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    with _configuration():
        running = Cluster(folder)
        try:
            running.start()
            yield running
        finally:
            running.stop()
    shutil.rmtree(folder, ignore_errors=True)
