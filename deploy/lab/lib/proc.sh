# proc.sh — the lab's processes: started in its mount namespace, each piece as
# a process group of its own, recorded, ended. Sourced by deploy/lab/lab.
#
# A piece is recorded as "PID START-TIME" (field 22 of /proc/PID/stat), so that
# a number the kernel has given to somebody else is never signalled.

pieces=(dc1 dc2 ocsp broker echo gwd)

start_time() { # PID
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }               # the name may hold spaces
	# shellcheck disable=SC2086
	set -- $stat
	[ "$1" != Z ] || return 1
	echo "${20}"
}

record() { # NAME PID
	local since
	since=$(start_time "$2") || return 1
	echo "$2 $since" >"$state/run/$1.pid"
}

# The pid of a piece that runs; false when it does not.
pid_of() { # NAME
	local pid since
	[ -r "$state/run/$1.pid" ] || return 1
	read -r pid since <"$state/run/$1.pid" || return 1
	[ "$(start_time "$pid")" = "$since" ] || return 1
	echo "$pid"
}

is_running() { pid_of "$1" >/dev/null; }

# Starts a piece as leader of a process group, so that one signal reaches all
# of it. Not as a session leader: `openssl ocsp -multi` insists on making its
# own group, which a session leader cannot.
start_piece() { # NAME COMMAND...
	local name=$1 pid
	shift
	kill_leftovers "$name"
	set -m
	exec_in_lab "$@" </dev/null >>"$state/log/$name.log" 2>&1 8>&- &
	pid=$!
	disown
	set +m
	record "$name" "$pid" ||
		fail_with_log "$state/log/$name.log" "$name did not start"
}

signal_piece() { # NAME SIGNAL
	local pid
	pid=$(pid_of "$1") || return 0
	kill -s "$2" -- "-$pid" 2>/dev/null || true
}

# What a dead leader left behind: members of its group that are the lab's.
leftovers() { # NAME
	local pid
	[ -r "$state/run/$1.pid" ] || return 0
	read -r pid _ <"$state/run/$1.pid"
	comm -12 <(pgrep -g "$pid" -r D,I,R,S,T,t | sort) <(lab_processes | sort)
}

kill_leftovers() { # NAME
	local pids
	pids=$(leftovers "$1")
	[ -n "$pids" ] || return 0
	# shellcheck disable=SC2086
	kill -s KILL $pids 2>/dev/null || true
	poll 5 has_no_leftovers "$1" || die "remains of $1 do not end:" $pids
}

has_no_leftovers() { [ -z "$(leftovers "$1")" ]; }

# Ends a piece: asks, waits, insists. Those without a state are not asked.
stop_piece() { # NAME
	local pid
	if ! pid=$(pid_of "$1"); then
		kill_leftovers "$1"
		return 0
	fi
	case $1 in
	gwd | dc*)
		signal_piece "$1" TERM
		signal_piece "$1" CONT  # it may have been paused
		poll 5 is_gone "$pid" || true
		;;
	esac
	kill -s KILL -- "-$pid" 2>/dev/null || true
	poll 5 is_gone "$pid" || die "process group $pid ($1) does not end"
	rm -f "$state/run/$1.pid"
}

# Not by signal 0, which a zombie still takes that init has not fetched.
is_gone() { # PROCESS-GROUP
	[ -z "$(pgrep -g "$1" -r D,I,R,S,T,t)" ]
}

# Waits until a piece that was just started serves; shows its log if it ends
# or the time is over.
await_piece() { # NAME SECONDS COMMAND...
	local name=$1 seconds=$2
	shift 2
	poll "$seconds" ended_or "$name" "$@" || true
	{ is_running "$name" && "$@"; } >/dev/null 2>&1 ||
		fail_with_log "$state/log/$name.log" "$name does not serve"
}

ended_or() { # NAME COMMAND...
	is_running "$1" || return 0
	shift
	"$@"
}

accepts() { # ADDRESS PORT
	(exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# Everything that lives in the lab's mount namespace belongs to the lab: a
# mount there carries the lab's token. Finds what outlived its leader.
lab_processes() {
	[ -n "${token:-}" ] || return 0
	grep -ls -- "$token" /proc/[0-9]*/mountinfo | cut -d/ -f3 |
		grep -vx $$ || true
}

kill_strays() {
	local pids
	pids=$(lab_processes)
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill -s KILL $pids 2>/dev/null || true
	[ -z "$(lab_processes)" ]
}
