"""A site's profile works on its own machines only."""

from __future__ import annotations

import pytest

from nuweave.sites import SiteError, is_here, require_here
from tests.sites.test_request import site

NAMES = {
    "polaris": ["polaris-login-04", "polaris-login-02.hsn.cm.polaris.alcf.anl.gov", "x3005c0s7b0n0"],
    "aurora": ["aurora-uan-0009", "x4102c5s2b0n0"],
    "perlmutter": ["login37", "nid001234"],
}


@pytest.mark.parametrize("name", NAMES)
def test_its_login_and_compute_nodes_belong_to_it_and_those_of_others_do_not(name: str) -> None:
    for other, hosts in NAMES.items():
        assert [is_here(site(name), host, {}) for host in hosts] == [other == name] * len(hosts)


def test_elsewhere_is_refused_with_the_way_there() -> None:
    with pytest.raises(SiteError) as error:
        require_here(site("polaris"), "laptop", {})
    assert str(error.value) == (
        "profile polaris: this machine (laptop) is not part of it; log in to polaris.alcf.anl.gov, or use "
        "--profile profiles/local (if it is: export NUWEAVE_SITE=polaris)"
    )


def test_the_environment_knows_better_than_the_name() -> None:
    require_here(site("polaris"), "laptop", {"NUWEAVE_SITE": "polaris"})
    with pytest.raises(SiteError, match=r"this machine \(aurora\)"):
        require_here(site("polaris"), "polaris-login-01", {"NUWEAVE_SITE": "aurora"})
