# After all rules: what the site would refuse ends here, before anything is submitted.
from snakemake.iocontainers import InputFiles, Wildcards


def get_requests(rule):
    """What the jobs of a rule ask for, after --set-resources: model, or nothing -> request."""
    models = CONFIG.models if "model" in rule.wildcard_names else {"": None}
    for model in models:
        resources = rule.expand_resources(
            Wildcards(fromdict={"model": model}),
            InputFiles(),
            attempt=1,
            skip_evaluation={"mem_mb", "disk_mb", "tmpdir"},
        )
        yield model, sites.from_resources(SITE, dict(resources.items()))


def require_fit():
    """Refuse jobs that the site would, with the rule's name."""
    for rule in workflow.rules:
        if rule.norun or rule.name in workflow._localrules:
            continue
        for model, request in get_requests(rule):
            what = f"{rule.name} {model}".strip()
            sites.require_fit(SITE, request, what)
            if rule.name == "train_model":
                sites.require_batch(CONFIG.models[model].train, request.ranks, what)


if workflow.is_main_process:
    try:
        require_fit()
    except sites.SiteError as error:
        refuse(error)


onstart:
    if workflow.is_main_process and SITE.scheduler != "none":
        try:
            sites.require_here(SITE, socket.gethostname(), os.environ)
        except sites.SiteError as error:
            refuse(error)
