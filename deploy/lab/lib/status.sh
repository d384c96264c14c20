# status.sh — what there is: for people, and for scripts. Sourced by
# deploy/lab/lab.

piece_addr() {
	case $1 in
	dc1 | dc2) dc_addr "$1" ;;
	ocsp) echo "$(ocsp_addr):$ocsp_port" ;;
	broker) echo "$(broker_addr):$broker_port" ;;
	echo) echo "$(echo_addr):$echo_port" ;;
	gwd) echo "$(gateway_addr):443" ;;
	esac
}

piece_state() {
	local pid stat
	pid=$(pid_of "$1") || { echo down; return; }
	stat=$(cat "/proc/$pid/stat")
	stat=${stat##*) }
	case $stat in
	T*) echo paused ;;
	*) echo running ;;
	esac
}

# Exit status 0 when every piece runs.
lab_status() {
	local name what colour all=0
	printf '%s%-8s %-22s %-8s %s%s\n' "$bold" piece address pid state "$plain"
	for name in "${pieces[@]}"; do
		what=$(piece_state "$name") colour=$green
		[ "$what" = running ] || colour=$red all=1
		printf '%-8s %-22s %-8s %s%s%s\n' "$name" \
			"$(piece_addr "$name")" "$(pid_of "$name" || echo -)" \
			"$colour" "$what" "$plain"
	done
	return $all
}

# One KEY=value line each, quoted where a shell would need it.
lab_env() {
	local dc
	print_env GWD_LAB_DIR "$state"
	print_env GATEWAY_ADDR "$(gateway_addr)"
	print_env GATEWAY_NAME "gateway.$domain"
	print_env GATEWAY_URL "$(gateway_url)"
	print_env GATEWAY_ALERT_URL "$(gateway_url):8444"
	print_env GATEWAY_ANY_URL "$(gateway_url):8445"
	print_env CA_FILE "$state/pki/root.pem"
	print_env ISSUING_CA_FILE "$state/pki/issuing.pem"
	print_env CERT_DIR "$state/certs"
	print_env OCSP_URL "$(ocsp_url)"
	print_env OCSP_PID "$(pid_of ocsp || true)"
	print_env CRL_URL "$(echo_url)/pki/issuing.crl"
	print_env CDP_URL "ldap:///${cdp_dn// /%20}?certificateRevocationList?base?objectClass=cRLDistributionPoint"
	for dc in dc1 dc2; do
		print_env "${dc^^}_NAME" "$dc.$domain"
		print_env "${dc^^}_ADDR" "$(dc_addr $dc)"
		print_env "${dc^^}_PID" "$(pid_of $dc || true)"
		print_env "${dc^^}_LOG" "$state/log/$dc.log"
	done
	print_env REALM "$realm"
	print_env DOMAIN "$domain"
	print_env BASE_DN "$base_dn"
	print_env SIDS "$state/sids"
	print_env KEYTAB "$state/$service_account.keytab"
	print_env SERVICE_PRINCIPAL "$service_account@$realm"
	print_env SERVICE_ACCOUNT "$service_account"
	print_env BROKER_URL "$(broker_url)"
	print_env ECHO_URL "$(echo_url)"
	print_env GWCTL "$(bin_dir)/gwctl"
	print_env GWCTL_SOCKET "$(gwd_socket)"
	print_env GWD "$(bin_dir)/gwd"
	print_env GWD_CONF "$(gwd_conf)"
	print_env GWD_PID "$(pid_of gwd || true)"
	print_env GWD_LOG "$state/log/gwd.log"
	print_env NSENTER "$(env_prefix)"
}

env_prefix() {
	local in_lab
	in_lab_prefix
	echo "${in_lab[*]}"
}

print_env() { # KEY VALUE
	if [[ $2 =~ ^[A-Za-z0-9_./:@,+=-]*$ ]]; then
		printf '%s=%s\n' "$1" "$2"
	else
		printf "%s='%s'\n" "$1" "$2"
	fi
}

lab_logs() { # PIECE [s4u [USER]]
	local log=$state/log/${1:-}.log
	[ -r "$log" ] || die "logs of what? There are: $(
		cd "$state/log" && ls | sed 's/\.log$//' | xargs)"
	if [ "${2:-}" = s4u ]; then
		grep -aE 's4u2self|constrained delegation|Successful AuthZ: \[LDAP' \
			"$log" | grep -aF -- "${3:-}"
	else
		tail -n "${LINES_WANTED:-40}" "$log"
	fi
}
