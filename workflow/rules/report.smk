rule report:
    input:
        catalog=ROOT / "catalog.parquet",
        manifests=[shard.with_suffix(".json") for shard in SHARDS],
        split=[ROOT / "split.json"] if CONFIG.trains else [],
        quality=ROOT / "data_quality.json",
        shifts=expand(ROOT / "shift/{pair}.json", pair=SHIFTS),
        validation=[REPORT_FILES["validation"]] if "validation" in REPORT_FILES else [],
        histories=expand(ROOT / "models/{model}/metrics.jsonl", model=TRAINED),
        overfit=expand(ROOT / "models/{model}/overfit.json", model=TRAINED),
        metrics=expand(ROOT / "models/{model}/metrics.json", model=CONFIG.models),
        displays=expand(ROOT / "models/{model}/displays.parquet", model=CONFIG.models),
        predictions=expand(
            ROOT / "models/{model}/predictions.parquet", model=CONFIG.models
        ),
    output:
        report(
            ROOT / "report/index.html",
            caption="../report/index.rst",
            category="Report",
        ),
    log:
        ROOT / "logs/report.log",
    benchmark:
        ROOT / "benchmarks/report.tsv"
    conda:
        "../../envs/nuweave.yaml"
    params:
        config=RESOLVED,
        settings=settings_of("report"),
        code=code_of("report"),
    message:
        "write the report"
    shell:
        "nuweave report --config {params.config} --out {output} > {log} 2>&1"
