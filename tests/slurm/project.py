"""A project whose jobs go through Slurm, with the profile that users have."""

from __future__ import annotations

import sys
from pathlib import Path

from slurm.cluster import Job
from workflow.project import ROOT, Project

_HEAD = Path(__file__).with_name("head.py")
_JOBS_AT_ONCE = 4


class SlurmProject(Project):
    """A project that is run by ``snakemake --profile``.

    Attributes:
        profile: the folder of the profile; the project's own once :meth:`adapt_profile` wrote it.
    """

    profile = ROOT / "slurm"

    @classmethod
    def taking_over(cls, project: Project) -> SlurmProject:
        """The same project in the same folder, run on Slurm from now on."""
        taken = cls.__new__(cls)
        vars(taken).update(vars(project))
        return taken

    def command(self, *arguments: str) -> list[str]:
        super().command()  # writes what it names
        options = ["--snakefile", str(self.code / "Snakefile"), "--configfile", "run.yaml"]
        options += ["--jobs", str(_JOBS_AT_ONCE), "--profile", str(self.profile)]
        return [sys.executable, str(_HEAD), *options, *arguments]

    def adapt_profile(self, asking_partition: str) -> None:
        """Do what the shipped profile tells users to do for their own cluster; here for the tests' one."""
        text = (ROOT / "slurm" / "config.yaml").read_text(encoding="utf-8")
        for line, changed in {
            "  asking_partition: cpu\n": f"  asking_partition: {asking_partition}\n",
            "# slurm-no-account: true\n": "slurm-no-account: true\n",
            "# slurm-status-command: squeue\n": "slurm-status-command: squeue\n",
        }.items():
            assert text.count(line) == 1, f"the profile does not have the line {line!r} once"
            text = text.replace(line, changed)
        self.profile = self.folder / "profile"
        self.profile.mkdir()
        (self.profile / "config.yaml").write_text(text, encoding="utf-8")

    def slurm_log(self, job: Job) -> str:
        """What a job that failed left in its log on Slurm."""
        (log,) = (self.folder / ".snakemake" / "slurm_logs").rglob(f"{job.id}.log")
        return log.read_text(encoding="utf-8")

    def log(self) -> str:
        """The end of what the latest run printed."""
        latest = max((self.folder / ".snakemake" / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
        return latest.read_text(encoding="utf-8")[-6000:]
