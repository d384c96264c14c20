# up.sh — the order in which the world comes to be, and its end. What was
# finished is marked, so that a second `up` completes what is missing. Sourced
# by deploy/lab/lab.

lab_up() { # [world]
	local build='' is_fresh=1
	[ ! -e "$state/lab.conf" ] || is_fresh=0
	trap 'interrupted_up $is_fresh' INT TERM HUP
	trap 'end_jobs' EXIT
	step "packages"
	"$top/deploy/packages/install" build lab
	open_lab
	if [ "${1:-}" != world ]; then start_build; fi
	build=${job:-} job=
	make_world
	if [ "${1:-}" = world ]; then
		lab_status || true
		return 0
	fi
	if [ -n "$build" ]; then
		step "gwd: waiting for the build"
		await_job "$build" "building gwd"
	fi
	is_running gwd || step "gwd: starting"
	start_gwd
	await_gwd
	step "up"
	show_off
}

open_lab() {
	mkdir -p "$state"/{run,log,done,etc}
	chmod 711 "$state"
	lock_lab
	load_lab || draw_lab
	if ! is_running namespace; then
		write_broker_conf
		start_namespace
	fi
}

# One `up` or `down` at a time.
lock_lab() {
	exec 8>"$state/run/lock"
	flock -n 8 || die "another \`lab\` command is at work on $state"
}

start_build() {
	if [ -n "${GWD_BUILD_DIR:-}" ] || is_running gwd; then return 0; fi
	step "gwd: building, meanwhile"
	background build build_gwd
}

make_world() {
	if ! is_done domain; then
		make_domain
	fi
	start_all
	if ! is_done checked; then
		check_world
	fi
}

# PKI, accounts, cards and the second DC need each other in this order; what
# was interrupted half way is done again from the start.
make_domain() {
	local pki_job cards_job
	stop_piece dc1
	stop_piece dc2
	rm -rf "$state"/{dc1,dc2,pki,other,certs}
	rm -f "$state"/done/*
	step "PKI: keys, CAs and service certificates"
	background pki make_pki
	pki_job=$job
	step "dc1: provisioning the domain $domain"
	logged provision provision_dc1
	step "accounts, groups and the service account"
	logged accounts make_accounts
	logged accounts register_spns dc1
	await_job "$pki_job" "making the PKI"
	step "cards"
	background cards make_cards
	cards_job=$job
	step "dc1: starting"
	start_dc dc1
	await_dc dc1
	step "dc2: joining the domain"
	logged join join_dc2
	logged join register_spns dc2
	logged dns register_dns
	logged dns mark_dc1
	await_job "$cards_job" "making the cards"
	step "the CA's objects in the directory"
	logged accounts make_ca_objects
	set_done domain
}

start_all() {
	local name
	for name in ocsp echo broker dc1 dc2; do
		if is_running "$name"; then continue; fi
		step "$name: starting"
		case $name in
		dc*) start_dc "$name" ;;
		*) "start_$name" ;;
		esac
	done
	await_dc dc1
	await_dc dc2
	await_ocsp
	await_echo
	await_broker
}

check_world() {
	local dc
	step "replication: until each DC has what the other was told"
	poll 120 replicates || die "the DCs do not replicate; see $state/log/dc1.log, dc2.log"
	for dc in dc1 dc2; do
		step "delegation through $dc: alice's ticket by S4U, LDAP bind with it"
		logged delegation delegates $dc
	done
	set_done checked
}

# The proof that it works is alice, and her answer is this command's.
show_off() {
	local status=0
	echo
	lab_login alice || status=$?
	echo
	gwctl status || true
	cat <<-END

	The gateway is $(gateway_url) at $(gateway_addr). Try next:
	    $0 login bob                  disabled; \`$0 help\` lists all fates
	    $0 pause dc1; $0 login alice-rsa
	    $0 logs dc1 s4u alice         what the domain controller saw
	    curl --connect-to gateway.$domain::$(gateway_addr): --cacert $state/pki/root.pem \\
	        --cert $state/certs/grace.pem --key $state/certs/grace.key $(gateway_url)
	    $0 down                       ends all of it
	Cards for a browser: $state/certs/NAME.p12, password "lab".
	END
	return $status
}

# (A bare `return` means something else while a trap is handled: no function it
# calls has one.)
interrupted_up() { # IS-FRESH
	trap '' INT TERM HUP
	end_jobs
	echo
	if [ "$1" = 1 ]; then
		step "interrupted: taking down what was begun"
		remove_lab
	else
		echo "interrupted; \`$0 up\` completes it, \`$0 down\` removes it"
	fi
	exit 130
}

lab_down() {
	if [ ! -e "$state" ]; then
		echo "there is no lab in $state"
		return 0
	fi
	[ -e "$state/run/lock" ] ||
		die "$state was not made by this program; it stays as it is"
	lock_lab
	load_lab || true
	remove_lab
	step "down: no process, mount or file of it is left"
}

# gwd ends by itself; the others lose nothing, their state is deleted next.
remove_lab() {
	local file
	stop_piece gwd
	for file in "$state"/run/*.pid; do
		signal_piece "$(basename "$file" .pid)" KILL
	done
	poll 10 kill_strays || die "these processes do not end: $(lab_processes | xargs)"
	rm -rf "$state"
}

lab_start() { # PIECE...
	local name
	for name; do
		is_piece "$name"
		case $name in
		dc*) start_dc "$name" && await_dc "$name" ;;
		*) "start_$name" && "await_$name" ;;
		esac
	done
}

lab_stop() { # PIECE...
	local name
	for name; do
		is_piece "$name"
		stop_piece "$name"
	done
}

lab_restart() { # PIECE...
	local name
	for name; do
		is_piece "$name"
		if [ "$name" = gwd ] && [ -z "${GWD_BUILD_DIR:-}" ] &&
			[ "$(bin_dir)" = "$state/build/bin" ]; then
			step "gwd: building"
			logged build build_gwd
		fi
		lab_stop "$name"
		lab_start "$name"
	done
}

# A paused piece accepts connections and never answers: the way machines hang.
lab_pause() { each_piece STOP "$@"; }
lab_resume() { each_piece CONT "$@"; }

each_piece() { # SIGNAL PIECE...
	local signal=$1 name
	shift
	for name; do
		is_piece "$name"
		signal_piece "$name" "$signal"
	done
}

is_piece() {
	[[ " ${pieces[*]} " == *" $1 "* ]] ||
		die "there is no piece $1; there are: ${pieces[*]}"
}

lab_revoke() { # CARD
	change_card revoke_card revoked "$@"
}

lab_unrevoke() { # CARD
	change_card unrevoke_card good "$@"
}

# The responder starts anew: its workers look whether the database has changed
# before they wait for a client, not after, and would first give old answers.
change_card() { # FUNCTION STATUS CARD
	[ -r "$state/certs/${3:-}.pem" ] || die "which card? There are: $(card_names)"
	logged cards "$1" "$3"
	logged cards publish_crl
	logged accounts publish_in_directory
	is_running ocsp || return 0
	lab_stop ocsp
	lab_start ocsp
	poll 5 says "$2" "$3" || die "the responder does not say $2 about $3"
}

says() { # STATUS CARD
	[[ $(ocsp_status "$2") == *": $1" ]]
}
