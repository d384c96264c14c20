/* e2e_handshake.c — what the gateway agrees to when shaking hands: versions,
 * ciphers, names, protocols, what it shows and staples; and what it never
 * agrees to. Sessions taken up again, and new certificates, are e2e_tls.c's. */
#include "back.h"
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <string.h>

TestSuite(handshake, .timeout = 300);

#define NAME "gateway.corp.example.com"

static struct gate gate;
static char *dir;

/* ---- certificates of its own: of two kinds for one name, of another name */

static void
make_certificate(const char *file, const char *name, bool is_rsa)
{
	struct output o = RUN(60000, "openssl", "req", "-x509", "-newkey",
			      is_rsa ? "rsa:2048" : "ec", "-pkeyopt",
			      is_rsa ? "rsa_keygen_pubexp:65537"
				     : "ec_paramgen_curve:P-256",
			      "-nodes", "-days", "30", "-subj",
			      text("/CN=%s", file), "-addext",
			      text("subjectAltName=DNS:%s", name), "-keyout",
			      text("%s/%s.key", dir, file), "-out",
			      text("%s/%s.pem", dir, file));

	cr_assert_eq(o.status, 0, "%s", o.err);
}

static char *
identity(const char *file)
{
	return text("\tidentity \"%s\" { certificate = \"%s/%s.pem\" "
		    "key = \"%s/%s.key\" }\n", file, dir, file, dir, file);
}

/* The configuration with these lines in the listener. */
static char *
conf_with(const char *upstream, const char *lines)
{
	return text_with(conf_text(dir, upstream), "\tupstream = \"behind\"\n",
			 text("\tupstream = \"behind\"\n%s", lines));
}

/* A second listener shows "other", and to nobody who asks for another name. */
static char *
second_listener(void)
{
	return text("listener \"second\" {\n"
		    "\taddress = \"%s:0\"\n"
		    "\tcertificate = \"%s/other.pem\"\n"
		    "\tkey = \"%s/other.key\"\n"
		    "\tupstream = \"behind\"\n"
		    "\tstrict_sni = yes\n"
		    "\trequire_group = {\"Smartcard Users\"}\n"
		    "}\n", lab("GATEWAY_ADDR"), dir, dir);
}

static char *
echo_address(void)
{
	return text("%s", lab("ECHO_URL") + strlen("http://"));
}

/* With the lab's certificate alone. */
static void
start_plain_gate(const char *upstream)
{
	dir = scratch_dir();
	gate = gate_start(dir, conf_text(dir, upstream));
}

static void
start_gate(void)
{
	char *conf;

	dir = scratch_dir();
	make_certificate("ec", NAME, false);
	make_certificate("rsa", NAME, true);
	make_certificate("other", "other.example.com", false);
	conf = conf_with(echo_address(), text("%s%s", identity("rsa"),
					      identity("other")));
	conf = text_with(conf, conf_value("certificate"),
			 text("%s/ec.pem", dir));
	conf = text_with(conf, conf_value("key"), text("%s/ec.key", dir));
	gate = gate_start(dir, text("%s%s", conf, second_listener()));
}

static char *
url_of(const char *title)
{
	json_t *row = gate_row(gate_status(gate.socket), "listeners", "title",
			       title);

	return text("https://%s", json_text(row, "address"));
}

/* Whether a request of alice's is answered. */
static bool
is_served(struct wire *w)
{
	(void)wire_say(w, "GET /echo/ HTTP/1.1\r\nHost: g\r\n\r\n");
	return contains(wire_read_until(w, "}", 60000), "\"method\": \"GET\"");
}

/* ---- versions and ciphers */

static const struct suite {
	int tls;
	const char *name;
	bool is_spoken;
} suites[] = {
	{ 13, "TLS_AES_128_GCM_SHA256", true },
	{ 13, "TLS_AES_256_GCM_SHA384", true },
	{ 13, "TLS_CHACHA20_POLY1305_SHA256", true },
	{ 13, "TLS_AES_128_CCM_SHA256", false },
	{ 13, "TLS_AES_128_CCM_8_SHA256", false },
	{ 12, "ECDHE-ECDSA-AES128-GCM-SHA256", true },
	{ 12, "ECDHE-ECDSA-AES256-GCM-SHA384", true },
	{ 12, "ECDHE-ECDSA-CHACHA20-POLY1305", true },
	{ 12, "ECDHE-RSA-AES128-GCM-SHA256", true },
	{ 12, "ECDHE-RSA-AES256-GCM-SHA384", true },
	{ 12, "ECDHE-RSA-CHACHA20-POLY1305", true },
	{ 12, "ECDHE-ECDSA-AES128-CCM", false },
	{ 12, "ECDHE-ECDSA-AES128-SHA256", false }, /* CBC */
	{ 12, "ECDHE-ECDSA-AES128-SHA", false },
	{ 12, "ECDHE-RSA-AES256-SHA384", false },
	{ 12, "ECDHE-RSA-AES256-SHA", false },
	{ 12, "ECDHE-ECDSA-NULL-SHA", false },
	{ 12, "ECDHE-RSA-NULL-SHA", false },
	{ 12, "DHE-RSA-AES128-GCM-SHA256", false },
	{ 12, "DHE-RSA-AES256-SHA", false },
	{ 12, "AES128-GCM-SHA256", false }, /* no forward secrecy */
	{ 12, "AES256-SHA", false },
	{ 12, "NULL-SHA256", false },
	{ 12, "NULL-MD5", false },
	{ 12, "AECDH-AES256-SHA", false }, /* nobody's certificate */
	{ 12, "ADH-AES128-GCM-SHA256", false },
	{ 11, "ECDHE-ECDSA-AES128-SHA", false },
	{ 11, "ALL:eNULL", false },
	{ 10, "ALL:eNULL", false },
};

static void
check_suite(const struct suite *s)
{
	struct wire *w = WIRE(.base = gate.url, .card = "alice", .tls = s->tls,
			      .any_server = true,
			      .ciphers = s->tls < 13 ? s->name : NULL,
			      .suites = s->tls == 13 ? s->name : NULL);

	cr_expect_eq(wire_is_up(w), s->is_spoken, "1.%d, %s", s->tls - 10,
		     s->name);
	if (!s->is_spoken)
		cr_expect_eq(wire_alert(w), s->tls < 12
			     ? SSL_AD_PROTOCOL_VERSION
			     : SSL_AD_HANDSHAKE_FAILURE, "%s: %s", s->name,
			     wire_alert_name(wire_alert(w)));
	else
		cr_expect(is_served(w) && strcmp(wire_cipher(w), s->name) ==
			  0, "%s: %s", s->name, wire_cipher(w));
	wire_close(w);
}

/* Whoever would speak all of them speaks a good one. */
Test(handshake, versions_and_ciphers)
{
	struct wire *w;

	start_gate();
	for (size_t i = 0; i < GW_COUNT(suites); i++)
		check_suite(&suites[i]);
	w = WIRE(.base = gate.url, .card = "alice", .tls = 12,
		 .any_server = true,
		 .ciphers = "ADH:AECDH:eNULL:kRSA:DHE:ALL");
	cr_expect(wire_is_up(w) && contains(wire_cipher(w), "ECDHE-") &&
		  (contains(wire_cipher(w), "GCM") ||
		   contains(wire_cipher(w), "CHACHA20")), "%s",
		  wire_cipher(w));
	wire_close(w);
	gate_stop(&gate);
}

/* ---- which certificate */

#define ONLY_RSA "RSA-PSS+SHA256:RSA+SHA256"
#define ONLY_EC  "ECDSA+SHA256"

static const struct choice {
	bool is_second; /* listener */
	const char *name, *sigalgs;
	const char *shown; /* NULL: none */
} choices[] = {
	{ false, NAME, ONLY_EC, "/CN=ec" },
	{ false, NAME, ONLY_RSA, "/CN=rsa" },
	{ false, "GATEWAY.corp.example.COM", ONLY_RSA, "/CN=rsa" },
	{ false, "other.example.com", ONLY_EC, "/CN=other" },
	{ false, "other.example.com", NULL, "/CN=other" },
	{ false, "other.example.com", ONLY_RSA, NULL },
	{ false, "unknown.example.com", ONLY_EC, "/CN=ec" },
	{ false, "unknown.example.com", ONLY_RSA, "/CN=rsa" },
	{ true, "other.example.com", ONLY_EC, "/CN=other" },
	{ true, "", ONLY_EC, "/CN=other" },
	{ true, "", ONLY_RSA, NULL },
	{ true, NAME, ONLY_EC, NULL },
};

static void
check_shown(const struct choice *c, struct wire *w, const char *what)
{
	cr_expect_eq(wire_is_up(w), c->shown != NULL, "%s", what);
	if (c->shown != NULL)
		cr_expect_str_eq(wire_server(w), c->shown, "%s", what);
	cr_expect_eq(is_served(w), c->shown != NULL, "%s", what);
	wire_close(w);
}

/* All lead to the same judgement. What a client can verify is here what its
 * card can do, too. */
static void
check_choice(const struct choice *c, const char *url, int tls)
{
	bool is_rsa = c->sigalgs != NULL && contains(c->sigalgs, "RSA");
	struct wire_ask a = { .base = url, .tls = tls, .any_server = true,
			      .name = c->name, .sigalgs = c->sigalgs,
			      .card = is_rsa ? "alice-rsa" : "alice" };
	char *what = text("%s, %s, %s, 1.%d", c->name,
			  c->sigalgs != NULL ? c->sigalgs : "any", url,
			  tls - 10);

	check_shown(c, wire_open(a), what);
	if (c->shown == NULL || tls == 12)
		return;
	a.card = is_rsa ? "carol" : "bob";
	cr_expect(!is_served(wire_open(a)), "%s, %s", a.card, what);
}

Test(handshake, name_and_algorithm_choose)
{
	char *second;

	start_gate();
	second = url_of("second");
	for (size_t i = 0; i < GW_COUNT(choices); i++)
		for (int tls = 12; tls <= 13; tls++)
			check_choice(&choices[i],
				     choices[i].is_second ? second : gate.url,
				     tls);
	gate_stop(&gate);
}

/* ---- protocols */

static const struct alpn {
	const char *offered, *chosen; /* NULL: refused */
} alpns[] = {
	{ "\x08http/1.1", "http/1.1" },
	{ "\x02h2\x08http/1.1", "http/1.1" },
	{ "\x02h2", NULL },
	{ "\x02h2\x06spdy/3\x08http/1.0", NULL },
	{ NULL, "" },
};

Test(handshake, protocols)
{
	start_plain_gate(echo_address());
	for (size_t i = 0; i < 2 * GW_COUNT(alpns); i++) {
		const struct alpn *a = &alpns[i / 2];
		struct wire *w = WIRE(.base = gate.url, .card = "alice",
				      .tls = 12 + (int)(i % 2),
				      .alpn = a->offered);

		if (a->chosen == NULL)
			cr_expect(!wire_is_up(w) && wire_alert(w) ==
				  SSL_AD_NO_APPLICATION_PROTOCOL, "%zu: %s",
				  i, wire_alert_name(wire_alert(w)));
		else
			cr_expect(is_served(w) &&
				  strcmp(wire_protocol(w), a->chosen) == 0,
				  "%zu: %s", i, wire_protocol(w));
		wire_close(w);
	}
	gate_stop(&gate);
}

/* ---- what is never agreed to */

Test(handshake, no_renegotiation)
{
	struct wire *w;

	start_plain_gate(echo_address());
	w = WIRE(.base = gate.url, .card = "alice", .tls = 12);
	cr_assert(is_served(w));
	cr_expect(!wire_renegotiates(w), "a second handshake");
	cr_expect(!is_served(w), "it goes on");
	wire_close(w);
	gate_stop(&gate);
}

#define EARLY "GET /echo/early HTTP/1.1\r\nHost: g\r\n\r\n"

/* A ticket allows no data before the handshake; whoever sends some in spite
 * of that is let in, and they are not read. */
Test(handshake, no_early_data)
{
	struct back *back = back_relay(echo_address());
	struct wire *w;
	SSL_SESSION *s;
	char *got;

	start_plain_gate(back_address(back));
	w = WIRE(.base = gate.url, .card = "alice", .tls = 13);
	cr_assert(is_served(w));
	s = wire_session(w);
	wire_close(w);
	cr_expect(SSL_SESSION_has_ticket(s));
	cr_expect_eq(SSL_SESSION_get_max_early_data(s), 0);
	w = WIRE(.base = gate.url, .card = "alice", .tls = 13, .session = s,
		 .early = EARLY);
	cr_expect(wire_is_up(w) && wire_is_resumed(w));
	cr_expect(!wire_early_was_taken(w), "taken");
	(void)wire_say(w, "GET /echo/late HTTP/1.1\r\nHost: g\r\n\r\n");
	got = wire_read_until(w, "}", 60000);
	cr_expect(contains(got, "/echo/late"), "%s", got);
	cr_expect_not_null(back_heard_with(back, "/echo/late"));
	cr_expect_null(back_heard_with(back, "early"));
	wire_close(w);
	gate_stop(&gate);
}

/* ---- stapling: what the lab's CA says about the gateway's certificate */

static void
make_staple(const char *cert, const char *days, const char *file)
{
	const char *pki = text("%s/pki", lab("GWD_LAB_DIR"));
	struct output o = RUN(60000, "openssl", "ocsp", "-index",
			      text("%s/issuing/index.txt", pki), "-CA",
			      lab("ISSUING_CA_FILE"), "-rsigner",
			      text("%s/ocsp.pem", pki), "-rkey",
			      text("%s/ocsp.key", pki), "-issuer",
			      lab("ISSUING_CA_FILE"), "-cert", cert, "-ndays",
			      days, "-respout", file, "-noverify");

	cr_assert_eq(o.status, 0, "%s%s", o.out, o.err);
}

static bool
has_staple(struct wire *w, const char *file)
{
	unsigned char wanted[8192];
	size_t len;
	const unsigned char *p = wire_staple(w, &len);
	FILE *f = fopen(file, "re");
	bool is = f != NULL && len > 0 &&
		  fread(wanted, 1, sizeof(wanted), f) == len &&
		  memcmp(wanted, p, len) == 0;

	if (f != NULL)
		fclose(f);
	return is;
}

static bool
is_stapled(bool is_asked, int tls, const char *file)
{
	struct wire *w = WIRE(.base = gate.url, .card = "alice", .tls = tls,
			      .wants_staple = is_asked);
	size_t len;
	bool is = has_staple(w, file);

	cr_expect(is || wire_staple(w, &len) == NULL, "another response");
	cr_expect(is_served(w));
	wire_close(w);
	return is;
}

static void
start_stapling(const char *file)
{
	make_staple(conf_value("certificate"), "1", file);
	gate = gate_start(dir, conf_with(echo_address(), text(
		"\tstaple = \"%s\"\n", file)));
}

Test(handshake, staple)
{
	char *file;

	dir = scratch_dir();
	file = text("%s/staple.der", dir);
	start_stapling(file);
	for (int tls = 12; tls <= 13; tls++) {
		cr_expect(is_stapled(true, tls, file), "1.%d", tls - 10);
		cr_expect(!is_stapled(false, tls, file), "1.%d: nobody asked",
			  tls - 10);
	}
	gate_stop(&gate);
}

/* Whoever has a new one puts it in place and has it taken up; who is in stays
 * in. The workers take it up in turns of their own. */
struct shown {
	const char *file;
	int tls;
};

static bool
is_shown(void *arg)
{
	const struct shown *s = arg;
	struct wire *w = WIRE(.base = gate.url, .card = "alice", .tls = s->tls,
			      .wants_staple = true);
	bool is = has_staple(w, s->file);

	wire_close(w);
	return is;
}

Test(handshake, new_staple)
{
	struct wire *w;
	char *file, *fresh;
	struct output o;
	pid_t proxy;

	dir = scratch_dir();
	file = text("%s/staple.der", dir);
	fresh = text("%s/fresh.der", dir);
	start_stapling(file);
	proxy = gate_pid(gate.socket, "gwd-proxy");
	w = WIRE(.base = gate.url, .card = "alice");
	cr_assert(is_served(w));
	cr_assert(is_stapled(true, 13, file));
	make_staple(conf_value("certificate"), "2", fresh);
	cr_assert_eq(rename(fresh, file), 0);
	cr_expect(!is_shown(&(struct shown){ file, 13 }), "before the reload");
	o = GWCTL(gate.socket, "reload");
	cr_expect_eq(o.status, 0, "%s%s", o.out, o.err);
	for (int tls = 12; tls <= 13; tls++)
		cr_expect(await(60000, is_shown, &(struct shown){ file, tls }),
			  "1.%d: the old one", tls - 10);
	cr_expect(is_served(w), "who was in is not");
	cr_expect_eq(gate_pid(gate.socket, "gwd-proxy"), proxy);
	wire_close(w);
	gate_stop(&gate);
}

/* ---- keys of tickets */

#define ROTATION_S 3

static void *
ticket(int tls)
{
	struct wire *w = WIRE(.base = gate.url, .card = "alice", .tls = tls);
	void *s;

	cr_assert(is_served(w), "1.%d", tls - 10);
	s = wire_session(w);
	wire_close(w);
	return s;
}

/* Whoever is not resumed shakes hands in full, and is served as well. */
static bool
is_resumed(int tls, void *session)
{
	struct wire *w = WIRE(.base = gate.url, .card = "alice", .tls = tls,
			      .session = session);
	bool is = wire_is_resumed(w);

	cr_expect(is_served(w), "1.%d", tls - 10);
	wire_close(w);
	return is;
}

static bool
is_past(void *second)
{
	return time(NULL) > *(const time_t *)second;
}

static void
await_rotation(void)
{
	time_t second = time(NULL) + ROTATION_S - 1;

	cr_assert(await(1000 * ROTATION_S + 2000, is_past, &second));
}

/* One before the last key still opens, one older does not. */
Test(handshake, ticket_keys_are_rotated)
{
	void *s[2];

	dir = scratch_dir();
	gate = gate_start(dir, text("ticket_rotation = \"%ds\"\n%s",
				    ROTATION_S,
				    conf_text(dir, echo_address())));
	for (int i = 0; i < 2; i++)
		s[i] = ticket(12 + i);
	await_rotation();
	(void)ticket(13);
	for (int i = 0; i < 2; i++)
		cr_expect(is_resumed(12 + i, s[i]), "1.%d, one key on", i + 2);
	await_rotation();
	(void)ticket(13);
	for (int i = 0; i < 2; i++)
		cr_expect(!is_resumed(12 + i, s[i]), "1.%d, two keys on",
			  i + 2);
	gate_stop(&gate);
}
