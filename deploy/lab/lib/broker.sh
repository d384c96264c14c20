# broker.sh — the upstreams behind the gateway: a real VDI broker, and one that
# echoes. Sourced by deploy/lab/lab.

# The broker trusts whoever reaches it, as one behind a gateway does: it asks
# no password and takes the user's name from the request.
write_broker_conf() {
	cat >"$state/etc/x2gobroker.conf" <<-END
	[global]
	enable-plain-output=true
	enable-json-output=true
	check-credentials=false
	default-auth-mech=none
	[broker_zeroconf]
	enable=true
	auth-mech=none
	END
}

# Run by an account other than its own it logs to stderr instead of
# /var/log/x2gobroker, and answers GET as it does POST.
start_broker() {
	is_running broker || start_piece broker \
		setpriv --reuid=nobody --regid=nogroup --clear-groups \
		env LOGNAME=nobody USER=nobody PYTHONDONTWRITEBYTECODE=1 \
		/usr/bin/python3 /usr/bin/x2gobroker -M HTTP \
		-b "$(broker_addr):$broker_port"
}

await_broker() {
	await_piece broker 180 curl -sf -d '' \
		"$(broker_url)/plain/zeroconf/?task=listsessions&user=nobody"
}

start_echo() {
	is_running echo || start_piece echo \
		/usr/bin/python3 "$lab_dir/echo.py" --host "$(echo_addr)" \
		--port "$echo_port" --pki "$state/pki/public"
}

await_echo() {
	await_piece echo 180 curl -sf "$(echo_url)/"
}
