# login.sh — a user with a card at the gateway. Sourced by deploy/lab/lab.

# Exit status: 0 admitted, 1 denied, 2 could not ask.
lab_login() { # [--tls 1.2|1.3] [--url URL] USER [PATH]
	local tls=() words=() url user path body code complaint status=0
	url=$(gateway_url)
	while [ $# -gt 0 ]; do
		case $1 in
		--tls | --url)
			[ $# -ge 2 ] || ask_fails "login: $1 needs a value"
			[ "$1" = --url ] && url=$2 ||
				tls=("--tlsv$2" --tls-max "$2")
			shift
			;;
		-*) ask_fails "login: unknown option $1" ;;
		*) words+=("$1") ;;
		esac
		shift
	done
	user=${words[0]:-}
	[ -n "$user" ] || ask_fails "login: which user? Cards: $(card_names)"
	[ -r "$state/certs/$user.pem" ] ||
		ask_fails "there is no card $user; there are: $(card_names)"
	path=${words[1]:-"/plain/zeroconf/?task=listsessions&user=${user%%-*}"}

	body=$(mktemp) complaint=$(mktemp)
	code=$(curl -sS -m 30 -o "$body" -w '%{http_code}' "${tls[@]}" \
		--connect-to "gateway.$domain::$(gateway_addr):" \
		--cacert "$state/pki/root.pem" \
		--cert "$state/certs/$user.pem" --key "$state/certs/$user.key" \
		-H 'Accept: application/json' "${url%/}$path" 2>"$complaint") ||
		status=$?
	if [ $status -eq 0 ]; then
		tell_outcome "$user" "$code" "$body" || status=1
	else
		tell_no_answer "$complaint" || status=$?
	fi
	rm -f "$body" "$complaint"
	return $status
}

ask_fails() {
	echo "lab: $*" >&2
	exit 2
}

card_names() {
	local file
	for file in "$state"/certs/*.pem; do basename "$file" .pem; done | xargs
}

# A refusal of the gateway is JSON with a reason; anything else is the answer
# of what stands behind it.
tell_outcome() { # USER HTTP-STATUS BODY-FILE
	local reason message request
	if [ "$2" -ge 400 ] && {
		read -r reason && read -r request && read -r message
	} < <(refusal_in "$3"); then
		printf '%sdenied:%s %s (HTTP %s) %s%s\n' "$red" "$plain" "$reason" \
			"$2" "$message" "${request:+ [request $request]}"
		return 1
	fi
	printf '%sadmitted:%s %s (HTTP %s)\n' "$green" "$plain" "$1" "$2"
	cat "$3"
	[ -z "$(tail -c 1 "$3")" ] || echo
}

refusal_in() { # FILE
	python3 - "$1" 2>/dev/null <<-'END'
	import json, sys
	page = json.load(open(sys.argv[1]))
	for key in ("reason", "request", "message"):
	    print(" ".join(str(page[key]).split()))
	END
}

# A TLS alert is a refusal too; with TLS 1.3 it arrives after the client's
# handshake is over, with its first read. curl takes the alert
# certificate_expired for a failed verification of its own, of which it would
# otherwise say what the problem was.
tell_no_answer() { # FILE-OF-CURL'S-WORDS
	local alert
	alert=$(sed -n -e 's/.*\balert \([a-z ]*\).*/\1/p' \
		-e 's/.*(60) SSL certificate verification failed$/certificate expired/p' \
		"$1" | head -n 1)
	if [ -n "$alert" ]; then
		printf '%sdenied%s by TLS alert: %s\n' "$red" "$plain" "$alert"
		return 1
	fi
	sed 's/^/lab: /' "$1" >&2
	return 2
}
