# Not part of `all`: needs larcv in an environment of its own (`make larcv`).
rule larcv_check:
    input:
        shards=SHARD_LIST,
        packed=expand(ROOT / "packed/{part}.h5", part=PARTS),
    output:
        ROOT / "larcv_check.json",
    log:
        ROOT / "logs/larcv_check.log",
    benchmark:
        ROOT / "benchmarks/larcv_check.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("tables"),
    params:
        code=code_of("store", "crosscheck"),
    message:
        "compare what larcv reads from shards and packed files with what we read"
    shell:
        "nuweave larcv-check @{input.shards:q} {input.packed:q} --json {output:q} > {log:q} 2>&1"
