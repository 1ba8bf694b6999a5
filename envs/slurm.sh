# A cluster of your own: sourced before the command of every rule. Say what the shell of a job needs, for example
#     source "$(dirname "${BASH_SOURCE[0]}")/modules.sh"
#     modules load python
