# Sourced by envs/SITE.sh: `modules use DIRECTORY` and `modules load NAME`, or one line on what is missing, and the end.
script=envs/$(basename "${BASH_SOURCE[1]}")

modules() {
    set +u # files of modules use variables that are not set
    if ! module "$@"; then
        echo "nuweave: $script: module $2 does not $1; 'module avail $2' lists what is there; mend $script" >&2
        exit 1
    fi
    set -u
}

# shellcheck disable=SC1091
type module > /dev/null 2>&1 || { set +u && source /etc/profile && set -u; }
if ! type module > /dev/null 2>&1; then
    echo "nuweave: $script: there is no command 'module' on $(hostname); is this that site? mend $script" >&2
    exit 1
fi
