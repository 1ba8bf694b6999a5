#!/usr/bin/env bash
# Build larcv 3.5.1 from its source distribution, against Debian's serial HDF5 (about 5 minutes on 2 cores).
# usage: envs/larcv.sh DIRECTORY [PYTHON]      DIRECTORY is made anew
set -euo pipefail
venv=$1
python=${2:-python3.11}
pins=$(dirname "$0")/larcv.txt

missing=()
for package in g++ python3-dev python3-venv libhdf5-dev; do
    dpkg-query --show --showformat='${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
    if ((EUID)); then
        echo "larcv needs Debian packages: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi
if ! "$python" -c 'import sys, sysconfig; sys.exit(sys.version_info[:2] != (3, 11) or not sysconfig.get_config_var("Py_ENABLE_SHARED"))'; then
    echo "$python: larcv needs a Python 3.11 with a shared libpython; name one: make larcv LARCV_PYTHON=/usr/bin/python3.11" >&2
    exit 1
fi

rm -rf "$venv"
"$python" -m venv "$venv"
export PATH="$(cd "$venv" && pwd)/bin:$PATH" # larcv's setup.py calls the cmake on PATH
export CMAKE_POLICY_VERSION_MINIMUM=3.5      # larcv asks for CMake 3.1, which CMake 4 refuses without this
export CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) MAKEFLAGS=-j$(nproc)
pip() { "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
grep -v '^larcv==' "$pins" | pip -r /dev/stdin
pip --no-deps --no-build-isolation -r "$pins"
"$venv/bin/python" -c 'import larcv; print("larcv", larcv.__version__, "in", larcv.__path__[0])'
