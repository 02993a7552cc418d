# What earlier runs left in the results and no run of this configuration needs: listed, and removed.


localrules:
    leftovers,
    remove_leftovers,


rule leftovers:
    log:
        f"{RESULTS}/logs/leftovers.log",
    conda:
        "../envs/base.yaml"
    params:
        removing=False,
        patterns=get_patterns,
        wanted=get_wanted,
        removed=lambda wildcards: PLAN.removed,
        counts=lambda wildcards: PLAN.counts,
    message:
        "Listing the results that no run of this configuration needs"
    script:
        "../scripts/leftovers.py"


use rule leftovers as remove_leftovers with:
    log:
        f"{RESULTS}/logs/remove_leftovers.log",
    params:
        removing=True,
        patterns=get_patterns,
        wanted=get_wanted,
        removed=lambda wildcards: PLAN.removed,
        counts=lambda wildcards: PLAN.counts,
    message:
        "Removing the results that no run of this configuration needs"
