# common.sh — what every part of the lab uses: words to the operator, waiting,
# keys of the lab. Sourced by deploy/lab/lab.

if [ -t 1 ]; then
	bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
	bold='' red='' green='' plain=''
fi

jobs_running=()      # process group: its log

# One line a step, with the time since the command began.
step() {
	local us=$((${EPOCHREALTIME/./} - began))
	printf '%4d.%d s  %s\n' $((us / 1000000)) $((us / 100000 % 10)) "$*"
}

die() {
	printf '%slab: %s%s\n' "$red" "$*" "$plain" >&2
	exit 1
}

# Starts a command with its output in a log. As a process group of its own, so
# that an interrupt can end all of it; and not as part of a condition, where
# bash would ignore that a step of it fails.
background() { # LOG COMMAND...
	local log=$state/log/$1.log
	shift
	set -m
	(
		set +m
		"$@"
	) </dev/null >>"$log" 2>&1 8>&- &
	job=$!
	set +m
	jobs_running[$job]=$log
	record "job-$job" "$job" || true        # for `down`, if we get killed
}

await_job() { # JOB WORDS
	local status=0 log=${jobs_running[$1]}
	wait "$1" || status=$?
	unset "jobs_running[$1]"
	rm -f "$state/run/job-$1.pid"
	[ $status -eq 0 ] || fail_with_log "$log" "$2 failed (status $status)"
}

# A command with its output in a log, whose end is shown if it fails.
logged() { # LOG COMMAND...
	background "$@"
	await_job "$job" "$2"
}

end_jobs() {
	local pid
	for pid in "${!jobs_running[@]}"; do
		kill -s KILL -- "-$pid" || true
		wait "$pid" || true     # here bash would tell that it was killed
	done 2>/dev/null
	jobs_running=()
}

fail_with_log() { # LOG WORDS
	{
		printf '%slab: %s; the end of %s:%s\n' "$red" "$2" "$1" "$plain"
		tail -n 15 "$1" | sed 's/^/    /'
	} >&2
	exit 1
}

# Waits until a command succeeds; false when the time is over.
poll() { # SECONDS COMMAND...
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

random_hex() { # BYTES
	od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# Fits every password policy.
random_password() {
	echo "Lab-$(random_hex 12)-Pw"
}

# What was finished once need not be done again by the next `up`.
is_done() { [ -e "$state/done/$1" ]; }
set_done() { : >"$state/done/$1"; }
unset_done() { rm -f "$state/done/$1"; }
