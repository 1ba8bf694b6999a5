rule shift:
    input:
        lambda wildcards: SHIFTS[wildcards.pair],
    output:
        ROOT / "shift/{pair}.json",
    log:
        ROOT / "logs/shift/{pair}.log",
    benchmark:
        ROOT / "benchmarks/shift/{pair}.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("tables"),
    params:
        code=code_of("validate"),
    message:
        "measure how far {input[0]} and {input[1]} are apart"
    shell:
        "nuweave shift {input:q} --json {output} > {log} 2>&1"
