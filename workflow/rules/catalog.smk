# Thousands of names fit neither a command line (128 KiB) nor the inputs of a job in a group, which Snakemake counts again
# whenever one of them is made. So later rules take this list. It stands for the shards: none is made again for `pack`.
rule list_shards:
    input:
        shards=SHARDS,
        manifests=[shard.with_suffix(".json") for shard in SHARDS],
    output:
        SHARD_LIST,
    log:
        ROOT / "logs/list_shards.log",
    message:
        "list the shards"
    run:
        write_list(input.shards, output[0], log[0])


rule catalog:
    input:
        SHARD_LIST,
    output:
        ROOT / "catalog.parquet",
    log:
        ROOT / "logs/catalog.log",
    benchmark:
        ROOT / "benchmarks/catalog.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("tables"),
    params:
        code=code_of("catalog"),
    message:
        "catalogue the events of the shards in {input}"
    shell:
        "nuweave catalog @{input} --out {output} > {log} 2>&1"


rule split:
    input:
        ROOT / "catalog.parquet",
    output:
        events=ROOT / "splits.parquet",
        report=report(
            ROOT / "split.json",
            caption="../report/split.rst",
            category="Data",
        ),
    log:
        ROOT / "logs/split.log",
    benchmark:
        ROOT / "benchmarks/split.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("tables"),
    params:
        config=RESOLVED,
        settings=settings_of("split", "seed"),
    message:
        "split the events into train, val and test"
    shell:
        "nuweave split {input} --config {params.config} --out {output.events} --report {output.report} > {log} 2>&1"


rule pack:
    input:
        lambda wildcards: ROOT
        / ("catalog.parquet" if wildcards.part == "all" else "splits.parquet"),
    output:
        packed=ROOT / "packed/{part}.h5",
        sums=ROOT / "packed/{part}.h5.sums.json",
    log:
        ROOT / "logs/pack/{part}.log",
    benchmark:
        ROOT / "benchmarks/pack/{part}.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("tables"),
    params:
        config=RESOLVED,
        settings=settings_of("seed"),
    message:
        "pack the part {wildcards.part}"
    shell:
        "nuweave pack {input} --config {params.config} --part {wildcards.part} --out {output.packed} > {log} 2>&1"


rule data_quality:
    input:
        catalog=ROOT / "catalog.parquet",
        splits=[ROOT / "splits.parquet"] if CONFIG.trains else [],
        packed=expand(ROOT / "packed/{part}.h5", part=PARTS),
    output:
        report(
            ROOT / "data_quality.json",
            caption="../report/data_quality.rst",
            category="Data",
        ),
    log:
        ROOT / "logs/data_quality.log",
    benchmark:
        ROOT / "benchmarks/data_quality.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("tables"),
    params:
        code=code_of("catalog"),
        splits=lambda wildcards, input: "--splits" if input.splits else "",
    message:
        "look for leaks and duplicates, measure balance and visible energy"
    shell:
        "nuweave data-quality {input.packed} --catalog {input.catalog} {params.splits} {input.splits} --out {output}"
        " > {log} 2>&1"


rule archive_file:
    input:
        ROOT / "shards/{source}.h5",
    output:
        archive=ROOT / "archive/{source}.h5",
        sums=ROOT / "archive/{source}.h5.sums.json",
    log:
        ROOT / "logs/archive/{source}.log",
    benchmark:
        ROOT / "benchmarks/archive/{source}.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("files"),
    message:
        "archive {input}"
    shell:
        "nuweave repack {input:q} --out {output.archive:q} --layout archive --keep-order > {log:q} 2>&1"
