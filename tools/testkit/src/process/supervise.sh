# Runs one server, takes orders on standard input, and ends the server when that input ends.
#
#   sh supervise.sh FOLDER LOG PROGRAM [ARGUMENT...]
#
# The first line of output is the server's process id. Orders are lines, each is answered by a line:
#   stop, cont  freeze and thaw the server with everything that descends from it
#   state       the process state that ps shows ("S", "T", ...), empty when the server has ended
#   kill        SIGKILL for all of them; this script ends too, the folder stays
# End of input: the one who gave orders is gone, however that came about: kill, and remove the folder.
folder=$1
log=$2
shift 2
cd / || exit 1
# What a killed program leaves among the temporary files (Chromium does) goes with the folder.
export TMPDIR="$folder"

# When the giver of orders dies, our process group is orphaned; the kernel then hangs it up if a member is
# stopped, which would end this script in the middle of its last duty.
trap '' HUP

"$@" </dev/null >>"$log" 2>&1 &
server=$!
echo "$server"

# Stops the tree from the root down until it no longer grows: a stopped process cannot fork a child that
# the next listing would miss, and no child is orphaned (and lost to us) before it has been listed.
freeze() {
    tree=$server
    size=0
    kill -STOP "$server" 2>/dev/null
    while [ "$size" -ne "$(echo "$tree" | wc -w)" ]; do
        size=$(echo "$tree" | wc -w)
        tree=$(ps -A -o pid= -o ppid= | awk -v tree="$tree" '
            { parent[$1] = $2 }
            END {
                count = split(tree, known, " ")
                for (i = 1; i <= count; i++) member[known[i]] = 1
                do {
                    grown = 0
                    for (pid in parent)
                        if (!(pid in member) && (parent[pid] in member)) { member[pid] = 1; grown = 1 }
                } while (grown)
                for (pid in member) printf "%s ", pid
            }')
        # Unquoted on purpose, here and below: one argument a process.
        kill -STOP $tree 2>/dev/null
    done
}

kill_all() {
    freeze
    kill -KILL $tree 2>/dev/null
    wait "$server" 2>/dev/null
    # The grandchildren are no children of ours: their end can only be watched. A zombie has ended (it waits for
    # init, which in some containers reaps late or never).
    pids=$(echo $tree | tr ' ' ',')
    tries=0
    while [ "$tries" -lt 500 ] && ps -o stat= -p "$pids" | grep -qv '^Z'; do
        tries=$((tries + 1))
        sleep 0.01
    done
}

while read -r order; do
    case $order in
    stop) freeze && echo stopped ;;
    cont) freeze && kill -CONT $tree 2>/dev/null; echo continued ;;
    state) echo "$(ps -o stat= -p "$server" | tr -d ' ')" ;;
    kill) kill_all && echo killed && exit 0 ;;
    esac
done
kill_all
rm -rf "$folder"
