rule convert:
    input:
        get_raw_file,
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
        run=lambda wildcards: RUNS[wildcards.source],
        settings=settings_of("convert", "detector"),
        code=code_of("physics", "convert"),
    message:
        "convert {input}"
    shell:
        "nuweave convert {input:q} {output.shard:q} --config {params.config} --run {params.run} > {log:q} 2>&1"
