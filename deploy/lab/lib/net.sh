# net.sh — where the lab lives: a loopback /24 of its own in the host's network
# (so that any client on this machine can talk to the gateway), and a mount
# namespace of its own in which /etc says what the lab needs. The host's files
# stay as they are. Sourced by deploy/lab/lab.

domain=corp.example.com
realm=CORP.EXAMPLE.COM
base_dn=DC=corp,DC=example,DC=com
broker_port=8080
echo_port=8080

gateway_addr() { echo "$net.1"; }
dc_addr() { echo "$net.1${1#dc}"; }     # dc1: .11, dc2: .12
broker_addr() { echo "$net.21"; }
echo_addr() { echo "$net.22"; }
ocsp_addr() { echo "$net.31"; }
ocsp_url() { echo "http://$(ocsp_addr):$ocsp_port/"; }
echo_url() { echo "http://$(echo_addr):$echo_port"; }
broker_url() { echo "http://$(broker_addr):$broker_port"; }

# Ports the lab needs on its own addresses; who listens on all addresses takes
# them on ours, too.
lab_ports=(53 88 135 389 443 464 636 3268 3269 8080 8444 8445)

check_wildcard_listeners() {
	local port taken=()
	for port in "${lab_ports[@]}"; do
		if ss -Htuln "sport = :$port" |
			awk '{print $5}' | grep -qE '^(0\.0\.0\.0|\*|\[::\]):'; then
			taken+=("$port")
		fi
	done
	[ ${#taken[@]} -eq 0 ] ||
		die "something on this machine listens on all addresses at port ${taken[*]} (ss -tulnp shows it)"
}

# Draws what distinguishes this lab from another one on this machine.
draw_lab() {
	local listening a b
	check_wildcard_listeners
	listening=$(ss -Htuln | awk '{print $5}')
	while :; do
		a=$((RANDOM % 200 + 20)) b=$((RANDOM % 250 + 2))
		net=127.$a.$b
		grep -qF "$net." <<<"$listening" || break
	done
	while :; do
		ocsp_port=$((RANDOM % 10000 + 20000))
		grep -qE ":$ocsp_port\$" <<<"$listening" || break
	done
	token=gwd-lab-$(random_hex 8)
	cat >"$state/lab.conf" <<-END
	net=$net
	ocsp_port=$ocsp_port
	token=$token
	END
}

load_lab() {
	[ -r "$state/lab.conf" ] || return 1
	# shellcheck disable=SC1091
	. "$state/lab.conf"
}

# The files of /etc as the lab's processes see them. The machine's own name
# must resolve: the SASL library looks it up at every LDAP bind and would wait
# half a second for nobody's answer.
write_etc() {
	mkdir -p "$state/etc"
	cat >"$state/etc/hosts.$token" <<-END
	127.0.0.1 localhost
	::1 localhost
	127.0.0.1 $(hostname)
	$(dc_addr dc1) dc1.$domain dc1
	$(dc_addr dc2) dc2.$domain dc2
	$(gateway_addr) gateway.$domain gateway
	END
	cat >"$state/etc/resolv.conf" <<-END
	search $domain
	nameserver $(dc_addr dc1)
	nameserver $(dc_addr dc2)
	options timeout:1 attempts:2
	END
	echo 'hosts: files dns' | cat <(grep -v '^hosts:' /etc/nsswitch.conf) - \
		>"$state/etc/nsswitch.conf"
	write_krb5_conf "$state/etc/krb5.conf" dc1 dc2
	write_krb5_conf "$state/etc/krb5-dc1.conf" dc1
	write_krb5_conf "$state/etc/krb5-dc2.conf" dc2
}

# For kinit, kvno and ldapsearch by hand, and for Samba's own tools. It is named
# by KRB5_CONFIG: a host without Kerberos has no /etc/krb5.conf to mount over.
write_krb5_conf() { # FILE DC...
	local file=$1 dc
	shift
	{
		cat <<-END
		[libdefaults]
		    default_realm = $realm
		    dns_lookup_kdc = false
		    dns_lookup_realm = false
		    dns_canonicalize_hostname = false
		    rdns = false
		    forwardable = true
		    udp_preference_limit = 1
		[realms]
		    $realm = {
		END
		for dc; do echo "        kdc = $(dc_addr "$dc")"; done
		cat <<-END
		    }
		[domain_realm]
		    .$domain = $realm
		    $domain = $realm
		END
	} >"$file"
}

# A process that does nothing but hold the mount namespace.
start_namespace() {
	if is_running namespace; then return 0; fi
	write_etc
	set -m
	unshare --mount --propagation private \
		"$lab_lib/namespace-holder" "$state" "$token" \
		</dev/null >>"$state/log/namespace.log" 2>&1 8>&- &
	record namespace $!
	disown
	set +m
	poll 5 has_namespace ||
		fail_with_log "$state/log/namespace.log" "no mount namespace"
}

has_namespace() {
	local pid
	pid=$(pid_of namespace) || return 1
	[ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$(command -v sleep)")" ] &&
		grep -q -- "$token" "/proc/$pid/mountinfo"
}

# The words before a command that runs it in the lab's namespace.
in_lab_prefix() {
	local pid
	pid=$(pid_of namespace) || die "the lab's namespace is gone: lab up"
	in_lab=(nsenter "--mount=/proc/$pid/ns/mnt" --
		env "KRB5_CONFIG=${KRB5_CONFIG:-$state/etc/krb5.conf}")
}

in_lab() {
	local in_lab
	in_lab_prefix
	"${in_lab[@]}" "$@"
}

# As in_lab, for a subshell that becomes the command: its pid is the piece's.
exec_in_lab() {
	local in_lab
	in_lab_prefix
	exec "${in_lab[@]}" "$@"
}
