# ocsp.sh — the OCSP responder. Sourced by deploy/lab/lab.

# `openssl ocsp` listens on all addresses and cannot be told otherwise; so each
# lab has a port of its own. Several workers: one client that connects and
# stays silent must not block the others. Without -ndays or -nmin an answer
# has no nextUpdate, which says that newer information is always available:
# nobody caches it for long, and `lab revoke` works at once.
start_ocsp() {
	is_running ocsp || start_piece ocsp \
		openssl ocsp -port "$ocsp_port" -multi 4 -timeout 5 \
		-index "$state/pki/issuing/index.txt" \
		-CA "$state/pki/issuing.pem" \
		-rsigner "$state/pki/ocsp.pem" -rkey "$state/pki/ocsp.key" \
		-ignore_err
}

await_ocsp() {
	await_piece ocsp 180 ocsp_status alice
}

# What the responder says about a card.
ocsp_status() { # NAME
	openssl ocsp -url "$(ocsp_url)" -issuer "$state/pki/issuing.pem" \
		-cert "$state/certs/$1.pem" -CAfile "$state/pki/root.pem" \
		-no_nonce -timeout 5 2>&1 | grep -E 'good|revoked|unknown'
}
