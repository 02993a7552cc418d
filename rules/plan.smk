# What the run would ask and what that would cost: snakemake plan (beside a running one: with --nolock).


localrules:
    plan,


# No output, so that it is always looked at anew; it reads what exists of the results and asks nobody.
rule plan:
    log:
        f"{RESULTS}/logs/plan.log",
    conda:
        "../envs/llm.yaml"
    params:
        shards=lambda wildcards: PLAN.counts,
        # On a cluster the number of jobs, else that of cores.
        jobs=workflow.resource_settings.nodes or workflow.resource_settings.cores,
        some_files=lambda wildcards: PLAN.some_files(500),
    message:
        "Planning what is still to be asked"
    script:
        "../scripts/plan.py"
