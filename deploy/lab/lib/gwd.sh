# gwd.sh — builds the gateway, writes its configuration, starts it. Sourced by
# deploy/lab/lab.

# Users without a name, so that no account needs to be made on the host.
proxy_uid=64801 auth_uid=64802 kdc_uid=64803

gateway_url() { echo "https://gateway.$domain"; }
gwd_conf() { echo "$state/gwd/gwd.conf"; }
gwd_socket() { echo "$state/gwd/gwd.sock"; }

# Where the programs are: given by the caller's GWD_BUILD_DIR, else as at the
# last start.
bin_dir() {
	if [ -n "${GWD_BUILD_DIR:-}" ]; then
		echo "$(realpath -m "$GWD_BUILD_DIR")/bin"
	elif [ -r "$state/gwd/bin-dir" ]; then
		cat "$state/gwd/bin-dir"
	else
		echo "$state/build/bin"
	fi
}

# Politely: on two processors it runs beside what the domain waits for.
build_gwd() {
	cmake -S "$top" -B "$state/build" -G Ninja -DCMAKE_BUILD_TYPE=Release
	nice cmake --build "$state/build"
}

write_gwd_conf() {
	mkdir -p "$state/gwd/state"
	chmod 711 "$state/gwd"
	cat >"$(gwd_conf)" <<-END
	# Written by deploy/lab/lab at each start of gwd.
	proxy_user = "$proxy_uid:$proxy_uid"
	auth_user = "$auth_uid:$auth_uid"
	kdc_user = "$kdc_uid:$kdc_uid"
	socket = "$(gwd_socket)"
	state_dir = "$state/gwd/state"

	directory {
	    realm = "$realm"
	    domain = "$domain"
	    service_account = "$service_account"
	    keytab = "$state/$service_account.keytab"
	}
	# OCSP alone, so that a responder's failure shows; the default goes on
	# to the lists that the cards name.
	ca "root" {
	    file = "$state/pki/root.pem"
	    revocation = {"ocsp"}
	}
	ca "issuing" {
	    revocation = {"ocsp"}
	    file = "$state/pki/issuing.pem"
	    # asked for cards that name no responder, alice-noaia's
	    ocsp_url = "$(ocsp_url)"
	}
	# Every login here is judged anew, so that what is broken shows at once.
	session { reuse = "0s" }
	upstream "broker" { servers = {"$(broker_addr):$broker_port"} }
	upstream "echo" { servers = {"$(echo_addr):$echo_port"} }
	$(gwd_listener desktop 443 broker page)
	$(gwd_listener alert 8444 broker alert)
	$(gwd_listener any 8445 echo page)
	END
}

# Every listener but "any" is for the card users; their /echo is the upstream
# that tells what arrived.
gwd_listener() { # TITLE PORT UPSTREAM DENIED
	echo "listener \"$1\" {"
	echo "    address = \"$(gateway_addr):$2\""
	echo "    certificate = \"$state/pki/gateway-chain.pem\""
	echo "    key = \"$state/pki/gateway.key\""
	echo "    upstream = \"$3\""
	echo "    denied = \"$4\""
	if [ "$1" != any ]; then
		echo '    require_group = {"Smartcard Users"}'
		echo '    route "/echo" { upstream = "echo" }'
	fi
	echo "}"
}

start_gwd() {
	local bin
	if is_running gwd; then return 0; fi
	bin=$(bin_dir)
	[ -x "$bin/gwd" ] || die "there is no gwd in $bin"
	write_gwd_conf
	echo "$bin" >"$state/gwd/bin-dir"
	logged gwd in_lab "$bin/gwd" -t -c "$(gwd_conf)"
	start_piece gwd "$bin/gwd" -c "$(gwd_conf)"
}

# It serves when the operators' socket says that its three processes do.
gwd_serves() {
	curl -s -m 2 --unix-socket "$(gwd_socket)" http://gwd/v1/status |
		python3 -c 'import json, sys
up = [p["state"] == "up" for p in json.load(sys.stdin)["processes"]]
sys.exit(not (len(up) == 3 and all(up)))'
}

await_gwd() { await_piece gwd 180 gwd_serves; }

gwctl() { "$(bin_dir)/gwctl" -s "$(gwd_socket)" "$@"; }
