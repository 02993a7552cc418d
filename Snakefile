# TaskGalaxy: from seed task types and images to a balanced instruction-tuning set. Wiring only.
import os

from snakemake.utils import min_version

min_version("9.27.1")

# Plain `snakemake` takes all cores of this machine. Not in profiles/default, which would cap a cluster too.
if workflow.resource_settings.cores is None and workflow.resource_settings.nodes is None:
    workflow.resource_settings.cores = os.cpu_count()

# A config file on the command line replaces the default one; it is not mixed into it.
if not workflow.config_settings.configfiles:

    configfile: "config/config.yaml"


report: "rules/captions/workflow.rst"


include: "rules/snakemake_fixes.smk"
include: "rules/ancient_fix.smk"
include: "rules/common.smk"
include: "rules/resources.smk"
include: "rules/taxonomy.smk"
include: "rules/images.smk"
include: "rules/match.smk"
include: "rules/filter.smk"
include: "rules/qa.smk"
include: "rules/referee.smk"
include: "rules/fill.smk"
include: "rules/decontaminate.smk"
include: "rules/export.smk"
include: "rules/dataset.smk"
include: "rules/cot.smk"
include: "rules/subsets.smk"
include: "rules/publish.smk"
include: "rules/report.smk"
include: "rules/figures.smk"
include: "rules/audit.smk"
include: "rules/plan.smk"
include: "rules/dry_run.smk"
include: "rules/housekeeping.smk"
include: "rules/pool.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/dataset/SHA256SUMS",
        f"{RESULTS}/report/funnel.txt",
        f"{RESULTS}/report/referees.txt",
        f"{RESULTS}/report/samples.html",
        f"{RESULTS}/report/samples",
        f"{RESULTS}/report/report.html",
        f"{RESULTS}/report/audit.html",
        get_truth_report(),
        get_subsets(),


rule dataset:
    input:
        f"{RESULTS}/dataset/taskgalaxy.parquet",
