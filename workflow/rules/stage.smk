# Files of a published dataset. A rule must not own them: Snakemake removes outputs before and after a failed job.
from nuweave.sites.stage import require_possible


def get_published(wildcards):
    """What a file must be: if that changes, it is checked again."""
    return repr(CONFIG.dataset.files[get_raw_file(wildcards).name])


if CONFIG.dataset is not None:

    localrules:
        stage,

    rule stage:
        output:
            ROOT / "staged/{source}.json",
        log:
            ROOT / "logs/stage/{source}.log",
        params:
            config=RESOLVED,
            name=lambda wildcards: get_raw_file(wildcards).name,
            published=get_published,
        message:
            "stage {params.name}"
        shell:
            "nuweave stage {params.name:q} --config {params.config} > {log} 2>&1"


def require_staging():
    """End here, before anything is run, where a file of the dataset is wrong, or missing with no way to fetch it."""
    if not workflow.is_main_process or CONFIG.dataset is None:
        return
    try:
        require_possible(CONFIG)
    except nuweave_config.UserError as error:
        refuse(error)
