# Sourced by envs/SITE.sh: load_modules NAME... loads modules of the site, or says in one line what is missing.
load_modules() {
    local here name
    here=$(basename "${BASH_SOURCE[1]}")
    set +u # module files use variables that are not set
    # shellcheck disable=SC1091
    type module > /dev/null 2>&1 || source /etc/profile
    if ! type module > /dev/null 2>&1; then
        echo "nuweave: envs/$here: there is no command 'module' on $(hostname); is this ${here%.sh}? mend envs/$here" >&2
        exit 1
    fi
    for name in "$@"; do
        if ! module load "$name"; then
            echo "nuweave: envs/$here: module $name does not load; 'module avail ${name%%/*}' lists what is there; mend envs/$here" >&2
            exit 1
        fi
    done
    set -u
}
