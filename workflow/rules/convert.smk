rule convert:
    input:
        get_source,
    output:
        shard=ROOT / "shards/{source}.h5",
        manifest=ROOT / "shards/{source}.json",
    log:
        ROOT / "logs/convert/{source}.log",
    benchmark:
        ROOT / "benchmarks/convert/{source}.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("files"),
    params:
        config=RESOLVED,
        raw=get_raw_file,
        run=lambda wildcards: RUNS[wildcards.source],
        settings=settings_of("convert", "detector"),
        code=code_of("physics", "convert"),
    message:
        "convert {params.raw}"
    shell:
        "nuweave convert {params.raw:q} {output.shard:q} --config {params.config} --run {params.run} > {log:q} 2>&1"
