# The floor of benchmarks/plan.py: rules, files and numbers of jobs of the workflow, and nothing else of it but for the
# remedy without which most jobs of a grown run would not even be looked at.
# No job is ever run: the scripts stand for ours.
include: "../rules/ancient_fix.smk"

SHARDS = open("shards.txt").read().split()
REFEREES = ["first", "second", "third"]

rule all:
    input: "r/sums", "r/funnel.txt", "r/referees.txt", "r/samples.html", "r/audit.html"
rule expand_level:
    output: "r/level1.yaml", "r/level1.json", "r/rejects/expand.parquet"
    script: "plan.py"
rule pool_task_types:
    input: "r/level1.yaml"
    output: "r/task_types.parquet"
    script: "plan.py"
rule embed_task_types:
    input: "r/task_types.parquet"
    output: "r/tasks.parquet"
    script: "plan.py"
rule write_shard:
    output: "r/shards/{shard}.json"
    script: "plan.py"
rule list_removed:
    output: "r/removed.parquet", "r/unnamed.parquet"
    script: "plan.py"
rule inspect_images:
    input: "r/shards/{shard}.json"
    output: "r/inspected/{shard}.parquet", "r/rejects/inspect/{shard}.parquet"
    script: "plan.py"
rule find_duplicates:
    input: expand("r/inspected/{shard}.parquet", shard=SHARDS), "r/removed.parquet"
    output: "r/images.parquet", "r/duplicates.parquet"
    script: "plan.py"
rule hash_images:
    input: "r/inspected/{shard}.parquet", ancient("r/images.parquet")
    output: "r/hashes/{shard}.parquet"
    script: "plan.py"
rule embed_images:
    input: "r/inspected/{shard}.parquet", ancient("r/images.parquet")
    output: "r/embedded/{shard}.parquet", "r/rejects/match/{shard}.parquet"
    script: "plan.py"
rule match:
    input: "r/tasks.parquet", "r/embedded/{shard}.parquet"
    output: "r/topk/{shard}.parquet"
    script: "plan.py"
rule filter_matches:
    input: "r/topk/{shard}.parquet", ancient("r/images.parquet")
    output: "r/filter/{shard}.parquet", "r/rejects/filter/{shard}.parquet"
    script: "plan.py"
rule generate_qa:
    input: "r/filter/{shard}.parquet", ancient("r/images.parquet")
    output: "r/qa/{shard}.jsonl", "r/rejects/qa/{shard}.parquet"
    script: "plan.py"
rule cast_votes:
    input: "r/qa/{shard}.jsonl", ancient("r/images.parquet")
    output: "r/votes/{referee}/{shard}.parquet"
    script: "plan.py"
rule tally_votes:
    input:
        expand("r/qa/{shard}.jsonl", shard=SHARDS),
        expand("r/votes/{referee}/{shard}.parquet", shard=SHARDS, referee=REFEREES),
    output: "r/votes.parquet", "r/rejects/referee.parquet"
    script: "plan.py"
rule decontaminate:
    input:
        "r/votes.parquet",
        "r/images.parquet",
        expand("r/qa/{shard}.jsonl", shard=SHARDS),
        expand("r/hashes/{shard}.parquet", shard=SHARDS),
    output: "r/clean.parquet", "r/contamination.parquet", "r/near_duplicates.txt", "r/rejects/decontaminate.parquet"
    script: "plan.py"
rule balance:
    input: "r/clean.parquet", "r/votes.parquet", "r/images.parquet", expand("r/qa/{shard}.jsonl", shard=SHARDS)
    output: "r/taskgalaxy.parquet", "r/taskgalaxy.jsonl", "r/rejects/balance.parquet"
    script: "plan.py"
rule funnel:
    input:
        "r/taskgalaxy.parquet",
        expand("r/shards/{shard}.json", shard=SHARDS),
        expand("r/rejects/{stage}/{shard}.parquet", stage=["inspect", "match", "filter", "qa"], shard=SHARDS),
        expand("r/filter/{shard}.parquet", shard=SHARDS),
        expand("r/qa/{shard}.jsonl", shard=SHARDS),
    output: "r/funnel.parquet", "r/rejects.parquet", "r/funnel.txt"
    script: "plan.py"
rule referee_statistics:
    input: "r/votes.parquet"
    output: "r/referees.json", "r/referees.txt"
    script: "plan.py"
rule sample_page:
    input: "r/taskgalaxy.parquet", "r/rejects.parquet", "r/referees.json"
    output: "r/samples.html"
    script: "plan.py"
rule draw_audit:
    input: "r/votes.parquet", "r/images.parquet", expand("r/qa/{shard}.jsonl", shard=SHARDS)
    output: "r/audit.html", "r/audit_draw.json"
    script: "plan.py"
rule export_llava:
    input: "r/taskgalaxy.parquet"
    output: "r/llava.json"
    script: "plan.py"
rule gather_images:
    input: "r/taskgalaxy.parquet"
    output: directory("r/images")
    script: "plan.py"
rule write_manifest:
    input: "r/taskgalaxy.parquet", "r/funnel.parquet"
    output: "r/manifest.json"
    script: "plan.py"
rule write_card:
    input: "r/taskgalaxy.parquet", "r/manifest.json", "r/referees.json"
    output: "r/README.md", "r/croissant.json"
    script: "plan.py"
rule seal_dataset:
    input: "r/README.md", "r/croissant.json", "r/llava.json", "r/images"
    output: "r/sums"
    script: "plan.py"
