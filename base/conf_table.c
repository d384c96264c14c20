/* conf_table.c — every section and key of gwd.conf: type, default, range,
 * and the sentence for the manual. The only place that lists them. */
#include "gw/conf.h"

#define KEY(st, field, nm, ty, df, l, h, ch, fl, dc) \
	{ .name = nm, .type = ty, .offset = offsetof(struct st, field), \
	  .dflt = df, .lo = l, .hi = h, .choices = ch, .flags = fl, .doc = dc }

#define SEC(x)  ((x) * INT64_C(1000))
#define MIN(x)  SEC((x) * 60)
#define HOUR(x) MIN((x) * 60)
#define DAY(x)  HOUR((x) * 24)

#define STR(st, f, df, fl, dc) \
	KEY(st, f, #f, GW_CT_STR, df, 0, 0, NULL, fl, dc)
#define LIST(st, f, fl, dc) \
	KEY(st, f, #f, GW_CT_LIST, NULL, 0, 0, NULL, fl, dc)
#define BOOL(st, f, df, dc) \
	KEY(st, f, #f, GW_CT_BOOL, df, 0, 0, NULL, 0, dc)
#define INT(st, f, df, l, h, dc) \
	KEY(st, f, #f, GW_CT_INT, df, l, h, NULL, 0, dc)
/* A duration: the member is FIELD_ms, the key FIELD. */
#define MSEC(st, f, df, l, h, dc) \
	KEY(st, f##_ms, #f, GW_CT_MSEC, df, l, h, NULL, 0, dc)
#define ENUM(st, f, df, ch, dc) \
	KEY(st, f, #f, GW_CT_ENUM, df, 0, 0, ch, 0, dc)

static const struct gw_conf_key main_keys[] = {
#define M gw_conf_main
	STR(M, proxy_user, "gwd-proxy", GW_CF_REQUIRED,
	    "User gwd-proxy runs as when gwd is started as root: a name, or "
	    "UID[:GID]."),
	STR(M, auth_user, "gwd-auth", GW_CF_REQUIRED,
	    "User gwd-auth runs as when gwd is started as root."),
	STR(M, kdc_user, "gwd-kdc", GW_CF_REQUIRED,
	    "User gwd-kdc, the holder of the keytab, runs as when gwd is "
	    "started as root."),
	STR(M, socket, "/run/gwd/gwd.sock", GW_CF_REQUIRED,
	    "Unix socket of the operator API, which gwctl talks to."),
	STR(M, state_dir, "/var/lib/gwd", GW_CF_REQUIRED,
	    "Directory for what must last over a restart."),
	STR(M, crl_dir, NULL, 0,
	    "Directory below which CRL files named by a CA lie; gwd-auth's "
	    "user must be able to read it."),
	INT(M, workers, "0", 0, 256,
	    "Threads of gwd-proxy; 0 means one per processor."),
	MSEC(M, ticket_rotation, "12h", SEC(1), DAY(7),
	     "How long one key is that of the tickets by which TLS sessions "
	     "are taken up again. Those of the key before it are still good; "
	     "who shows one of an older key does a full handshake."),
	KEY(M, log_level, "log_level", GW_CT_STR, "info", 0, 0, NULL, 0,
	    "How much to log: error, warning, info or debug."),
#undef M
};

static const struct gw_conf_key directory_keys[] = {
#define D gw_conf_directory
	STR(D, realm, NULL, GW_CF_REQUIRED,
	    "Kerberos realm of the domain, in capitals."),
	STR(D, domain, NULL, GW_CF_REQUIRED, "DNS name of the domain."),
	STR(D, service_account, NULL, GW_CF_REQUIRED,
	    "sAMAccountName of the service account that is trusted for "
	    "delegation."),
	STR(D, keytab, NULL, GW_CF_REQUIRED | GW_CF_PATH,
	    "Keytab of the service account; read by the supervisor, given to "
	    "gwd-kdc only."),
	LIST(D, domain_controllers, 0,
	     "Domain controllers as NAME or NAME@ADDRESS, preferred first; "
	     "empty means by SRV records of the domain."),
	INT(D, threads, "8", 1, 256,
	    "How many logins are worked on at once."),
	INT(D, queue, "256", 1, 65536,
	    "How many logins may wait for a thread; more are answered busy."),
	MSEC(D, connect_timeout, "500ms", 50, SEC(30),
	     "How long a connection to a domain controller may take."),
	MSEC(D, kdc_timeout, "1500ms", 100, SEC(30),
	     "How long one Kerberos exchange may take."),
	MSEC(D, ldap_timeout, "2s", 100, SEC(30),
	     "How long one LDAP operation may take."),
	MSEC(D, login_timeout, "5s", 500, SEC(60),
	     "How long a login may take in the directory, all domain "
	     "controllers included. With revocation's total_timeout it should "
	     "stay below the listener's handshake_timeout."),
	MSEC(D, probe_interval, "5s", 100, MIN(10),
	     "How often each domain controller's health is probed."),
#undef D
};

static const struct gw_conf_key mapping_keys[] = {
#define P gw_conf_mapping
	ENUM(P, mode, "directory", "directory|kdc",
	     "Who finds the account of a certificate: the gateway, by "
	     "searching the directory, or the domain controller's KDC, which "
	     "is shown the certificate (S4U2Self by certificate). The KDC's "
	     "choice must agree with all the certificate says, and `strong` "
	     "holds for it, too. Samba 4.17 refuses every such request."),
	ENUM(P, strong, "required", "required|prefer|off",
	     "Whether a certificate must be bound to its account by SID or a "
	     "strong altSecurityIdentities value (KB5014754), or may be by "
	     "name: with prefer only one that is no older than the account "
	     "(ten minutes are allowed for), for the name may have been "
	     "another's before; with off any. What names two accounts is "
	     "refused in any case."),
	LIST(P, upn_suffixes, 0,
	     "UPN suffixes accepted besides the domain's and those the forest "
	     "lists."),
#undef P
};

static const struct gw_conf_key revocation_keys[] = {
#define R gw_conf_revocation
	MSEC(R, timeout, "2s", 100, SEC(60),
	     "How long one responder may take."),
	MSEC(R, total_timeout, "4s", 100, SEC(120),
	     "How long all responders and lists together may take for one "
	     "login."),
	MSEC(R, skew, "5min", 0, HOUR(1),
	     "How far a responder's clock may be off."),
	MSEC(R, max_age, "7d", MIN(1), DAY(60),
	     "The oldest answer (thisUpdate) accepted, whatever its "
	     "nextUpdate."),
	MSEC(R, cache_max, "1h", 0, DAY(7),
	     "The longest a good answer is used again; never past its "
	     "nextUpdate."),
	MSEC(R, cache_open, "0s", 0, HOUR(1),
	     "How long a good answer without nextUpdate is used again; such a "
	     "responder says it always has newer ones."),
	MSEC(R, recheck, "15min", SEC(1), DAY(1),
	     "The certificates of live sessions are asked about again at least "
	     "so often, and before their answers end."),
	MSEC(R, crl_timeout, "1min", SEC(1), HOUR(1),
	     "How long fetching one revocation list may take. Logins do not "
	     "wait so long, see total_timeout."),
	MSEC(R, crl_refresh, "1h", SEC(1), DAY(7),
	     "A revocation list is fetched again at least so often, and in any "
	     "case before it ends."),
	INT(R, crl_max, "64", 0, 4096,
	    "Revocation lists kept; those used least recently go first."),
#undef R
};

static const struct gw_conf_key session_keys[] = {
#define S gw_conf_session
	INT(S, max, "10000", 1, 1000000,
	    "How many sessions may be open at once."),
	MSEC(S, lifetime, "10h", SEC(1), DAY(7),
	     "The longest session; the certificate's or ticket's end may come "
	     "first."),
	MSEC(S, reuse, "1min", 0, HOUR(1),
	     "A new connection with the same card joins its session when that "
	     "was judged at most this long ago; 0s judges every connection "
	     "anew."),
#undef S
};

static const struct gw_conf_key policy_keys[] = {
#define O gw_conf_policy
	ENUM(O, privileged, "deny", "deny|allow",
	     "What becomes of administrators, their groups and computer "
	     "accounts."),
#undef O
};

static const struct gw_conf_key headers_keys[] = {
#define H gw_conf_headers
	STR(H, user, "X-Remote-User", 0,
	    "Field that tells the upstream the sAMAccountName; empty: none."),
	STR(H, upn, "X-Remote-UPN", 0,
	    "Field for the user principal name."),
	STR(H, sid, "X-Remote-SID", 0, "Field for the account's SID."),
	STR(H, groups, "X-Remote-Groups", 0,
	    "Field for the names of the groups in the user's token, comma "
	    "separated."),
	STR(H, request_id, "X-Request-Id", 0, "Field for the request's id."),
	STR(H, mapping, "X-Remote-Mapping", 0,
	    "Field that tells how the certificate was bound to the account."),
	STR(H, via, "gwd", 0,
	    "Name by which the gateway adds itself to Via (RFC 9110 7.6.3); "
	    "empty: it does not. Some servers compress nothing for requests "
	    "with Via: nginx asks for gzip_proxied then. Responses get none."),
	BOOL(H, client_cert, "yes",
	     "Whether Client-Cert and Client-Cert-Chain (RFC 9440) are sent."),
#undef H
};

static const struct gw_conf_key ca_keys[] = {
#define C gw_conf_ca
	STR(C, file, NULL, GW_CF_REQUIRED | GW_CF_PATH,
	    "PEM file with one or more CA certificates that become "
	    "registered."),
	LIST(C, revocation, 0,
	     "What is asked about certificates, in this order, until one "
	     "answers: ocsp, crl. Empty: both."),
	STR(C, ocsp_url, NULL, 0, "OCSP responder registered for this CA."),
	ENUM(C, ocsp_mode, "failover", "failover|override",
	     "Whether ocsp_url is asked after the URLs of the certificate, or "
	     "instead."),
	ENUM(C, ocsp_hash, "sha1", "sha1|sha256",
	     "Hash by which responders are asked; most know only sha1."),
	ENUM(C, ocsp_method, "auto", "auto|post",
	     "auto asks by GET, which proxies may cache, when the question is "
	     "short."),
	BOOL(C, ocsp_nonce, "no",
	     "Whether a nonce is sent. A responder that refuses it is asked "
	     "again without, and that refusal is not signed: against somebody "
	     "on the way a nonce protects only where responders take it and "
	     "time is short. One that leaves it out of its answer is not "
	     "believed."),
	LIST(C, crl, 0,
	     "Revocation lists of this CA: http URLs, ldap URLs without a "
	     "host, or files in crl_dir. Asked besides the certificate's own "
	     "distribution points."),
	BOOL(C, check_intermediates, "yes",
	     "Whether CAs in the path that are not registered themselves must "
	     "be shown to stand, like the card."),
	ENUM(C, on_unavailable, "deny", "deny|grace",
	     "When nothing answers: refuse, or go on with the last good answer "
	     "for a while."),
	MSEC(C, grace, "1h", 0, HOUR(24 * 7),
	     "With on_unavailable = grace: how long after its end the last "
	     "good answer about a certificate is still used."),
	BOOL(C, require_smartcard_eku, "yes",
	     "Whether certificates need the smart-card logon purpose besides "
	     "client authentication."),
	LIST(C, require_eku, 0,
	     "Further extended key usages that certificates need, as OIDs, all "
	     "of them."),
	LIST(C, require_policy, 0,
	     "Certificate policies, as OIDs, one of which the path must be "
	     "valid for."),
	BOOL(C, ntauth, "no",
	     "Whether the CA that issued the card must be in the directory's "
	     "NTAuthCertificates."),
	INT(C, max_depth, "8", 0, 8,
	    "CAs allowed between a certificate and the end of its path."),
	MSEC(C, validity_skew, "0s", 0, HOUR(1),
	     "How long before its validity begins, and after it has ended, a "
	     "certificate under this CA still passes, the CAs in its path "
	     "included. A relaxation, shown by gwctl ca show: 0s takes "
	     "certificates by their word. Something is needed only where a "
	     "CA's clock is ahead of the gateway's and cards are used at "
	     "once."),
	LIST(C, relax, 0,
	     "Rules given up for this CA, shown by gwctl ca show: any-eku "
	     "(anyExtendedKeyUsage will do), ca-eku (purposes need not nest), "
	     "lenient (extensions need not be as RFC 5280 has CAs write "
	     "them)."),
#undef C
};

static const struct gw_conf_key upstream_keys[] = {
#define U gw_conf_upstream
	LIST(U, servers, GW_CF_REQUIRED, "Servers as ADDRESS:PORT."),
	MSEC(U, connect_timeout, "2s", 10, SEC(60),
	     "How long a connection to a server may take."),
	MSEC(U, response_timeout, "1min", 100, HOUR(24),
	     "How long a server may take to begin its response."),
	MSEC(U, idle_timeout, "1min", 100, HOUR(24),
	     "How long an unused connection is kept."),
	INT(U, keepalive, "32", 0, 65536,
	    "Unused connections kept per worker."),
	BOOL(U, websocket, "yes",
	     "Whether Upgrade requests may pass and become tunnels. A server "
	     "hears how its client went: what ends without close_notify may "
	     "have been cut off on the way, and is reset."),
#undef U
};

static const struct gw_conf_key listener_keys[] = {
#define L gw_conf_listener
	STR(L, address, NULL, GW_CF_REQUIRED,
	    "ADDRESS:PORT to listen on; an IPv6 address stands in brackets."),
	STR(L, certificate, NULL, GW_CF_REQUIRED | GW_CF_PATH,
	    "PEM file with the gateway's certificate and its intermediates. "
	    "Clients that ask for no name, or for one that no certificate has, "
	    "are shown this one. Read again by gwctl reload."),
	STR(L, key, NULL, GW_CF_REQUIRED | GW_CF_PATH,
	    "PEM file with the private key of the certificate."),
	STR(L, staple, NULL, GW_CF_PATH,
	    "File with an OCSP response in DER about the certificate, sent "
	    "along to clients that ask for it as long as it is fresh. "
	    "Something else must fetch it and call gwctl reload."),
	BOOL(L, strict_sni, "no",
	     "Whether a client that asks for a name no certificate has is "
	     "refused (unrecognized_name)."),
	STR(L, upstream, NULL, 0,
	    "Upstream for every path that no route takes."),
	ENUM(L, denied, "page", "page|alert",
	     "What a denied client gets: a page with the reason, or a TLS "
	     "alert."),
	ENUM(L, admission, "directory", "directory|certificate",
	     "What admits: the account in the directory, or the certificate "
	     "alone. With `certificate` nobody's account is looked up and the "
	     "upstream learns no user name."),
	LIST(L, require_group, 0,
	     "Groups, by name or SID, one of which the user's token must "
	     "hold."),
	MSEC(L, handshake_timeout, "10s", 100, MIN(5),
	     "How long the TLS handshake, verdict included, may take."),
	MSEC(L, header_timeout, "10s", 100, MIN(5),
	     "How long the head of a request may take to arrive."),
	MSEC(L, idle_timeout, "1min", 100, HOUR(24),
	     "How long a connection may rest between requests."),
	MSEC(L, body_timeout, "30s", 100, HOUR(1),
	     "How long a body or tunnel may stall in one direction while the "
	     "other side waits to write."),
	INT(L, body_min_rate, "500", 0, 1000000000,
	    "Bytes a second that a client must send of a request's body or "
	    "take of a response, as long as it is the client that is waited "
	    "for. It may fall behind by body_timeout, and with 0 by that much "
	    "at each byte."),
	MSEC(L, tunnel_timeout, "1h", SEC(1), DAY(7),
	     "How long an upgraded connection (WebSocket) may rest in both "
	     "directions. It never outlasts its session. Where the gateway "
	     "ends a WebSocket it sends a Close frame, if no frame of the "
	     "server is under way: 1008 with the reason's name at a session's "
	     "end, 1001 for rest and when the gateway stops."),
	INT(L, max_header, "16384", 1024, 65536,
	    "The largest request head, in bytes."),
	INT(L, max_body, "17179869184", 0, INT64_C(1) << 50,
	    "The largest request body, in bytes."),
	INT(L, max_connections, "20000", 1, 1000000,
	    "How many connections may be open at once. This and the following "
	    "limits count for all workers together; what is too much is closed "
	    "at once, before TLS, and counted as refused."),
	INT(L, max_handshakes, "4096", 0, 1000000,
	    "How many TLS handshakes may be under way at once, those that wait "
	    "for their verdict included; 0: no limit."),
	INT(L, max_heads, "4096", 0, 1000000,
	    "How many requests may be under way at once whose head has come in "
	    "part only; 0: no limit. One more is answered with gateway-busy."),
	INT(L, source_connections, "10000", 0, 1000000,
	    "Of max_connections, what one client address may hold; of IPv6 the "
	    "/64 counts. 0, no limit, where all clients come from one address, "
	    "such as a balancer's."),
	INT(L, source_handshakes, "1024", 0, 1000000,
	    "Of max_handshakes, what one client address may hold."),
	INT(L, source_heads, "1024", 0, 1000000,
	    "Of max_heads, what one client address may hold."),
	BOOL(L, resumption, "yes",
	     "Whether a client may take up a TLS session again without the "
	     "card, for an hour at most. Its certificate is judged anew each "
	     "time."),
#undef L
};

static const struct gw_conf_key identity_keys[] = {
#define I gw_conf_identity
	STR(I, certificate, NULL, GW_CF_REQUIRED | GW_CF_PATH,
	    "PEM file with the certificate and its intermediates."),
	STR(I, key, NULL, GW_CF_REQUIRED | GW_CF_PATH,
	    "PEM file with its private key."),
	STR(I, staple, NULL, GW_CF_PATH,
	    "File with an OCSP response in DER about it."),
#undef I
};

static const struct gw_conf_key route_keys[] = {
#define R gw_conf_route
	STR(R, upstream, NULL, GW_CF_REQUIRED, "Upstream of this path."),
	LIST(R, require_group, 0,
	     "Groups one of which is needed for this path, besides the "
	     "listener's."),
#undef R
};

#define PLAIN(nm, member, w, dc) \
	{ .name = nm, .offset = offsetof(struct gw_conf, member), \
	  .size = sizeof(((struct gw_conf *)0)->member), .who = w, \
	  .keys = member##_keys, .key_count = GW_COUNT(member##_keys), \
	  .doc = dc }
#define TITLED(nm, st, array, count, w, ks, dc) \
	.name = nm, .is_titled = true, \
	.offset = offsetof(struct gw_conf, array), \
	.count_offset = offsetof(struct gw_conf, count), \
	.size = sizeof(struct st), .title_offset = offsetof(struct st, title), \
	.who = w, .keys = ks, .key_count = GW_COUNT(ks), .doc = dc
#define ALL (GW_SUPERVISOR | GW_PROXY | GW_AUTH | GW_KDC)

const struct gw_conf_section gw_conf_sections[] = {
	PLAIN("", main, ALL, "The gateway as a whole."),
	PLAIN("directory", directory, GW_AUTH | GW_KDC,
	      "The Active Directory domain and the account gwd works with."),
	PLAIN("mapping", mapping, GW_AUTH | GW_KDC,
	      "How a certificate leads to an account."),
	PLAIN("revocation", revocation, GW_AUTH,
	      "How OCSP is asked and judged."),
	PLAIN("session", session, GW_AUTH, "How long an admission lasts."),
	PLAIN("policy", policy, GW_AUTH | GW_KDC,
	      "Who is refused in any case."),
	PLAIN("headers", headers, GW_PROXY,
	      "What the upstream is told. Fields of these names that a client "
	      "sends are removed."),
	{ TITLED("ca", gw_conf_ca, cas, ca_count, GW_AUTH | GW_PROXY, ca_keys,
		 "A registered CA: certificates that chain to it may be "
		 "admitted.") },
	{ TITLED("upstream", gw_conf_upstream, upstreams, upstream_count,
		 GW_PROXY, upstream_keys,
		 "Servers behind the gateway that do the same work.") },
	{ TITLED("listener", gw_conf_listener, listeners, listener_count,
		 GW_PROXY | GW_AUTH, listener_keys,
		 "An address where clients knock.") },
	{ TITLED("identity", gw_conf_identity, identities, identity_count,
		 GW_SUPERVISOR, identity_keys,
		 "A further certificate of a listener, for other names or with "
		 "another type of key; stands inside its listener. The "
		 "client's TLS version, ciphers and the name it asks for "
		 "choose; two of one type with one name are refused."),
	  .parent = "listener",
	  .parent_offset = offsetof(struct gw_conf_identity, listener) },
	{ TITLED("route", gw_conf_route, routes, route_count,
		 GW_PROXY | GW_AUTH, route_keys,
		 "A path prefix of a listener with an upstream or groups of "
		 "its own; stands inside its listener."),
	  .parent = "listener",
	  .parent_offset = offsetof(struct gw_conf_route, listener) },
};

const size_t gw_conf_section_count = GW_COUNT(gw_conf_sections);
