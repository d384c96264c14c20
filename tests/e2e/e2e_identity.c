/* e2e_identity.c — what the upstream is told, and that nobody but the gateway
 * can tell it. */
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(identity, .timeout = 300);

/* ---- the certificate, read here without the gateway's code */

static X509 *
certificate(const char *card)
{
	FILE *f = fopen(lab_cert(card), "re");
	X509 *x = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (x == NULL)
		cr_assert_fail("%s: no certificate", lab_cert(card));
	fclose(f);
	return x;
}

/* The SID extension holds it as text at its end. */
static char *
sid_of(const char *card)
{
	X509 *x = certificate(card);
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.311.25.2", 1);
	int i = X509_get_ext_by_OBJ(x, oid, -1);
	const ASN1_OCTET_STRING *v = i < 0 ? NULL : X509_EXTENSION_get_data(
						     X509_get_ext(x, i));
	const char *p = v != NULL ? (const char *)ASN1_STRING_get0_data(v)
				  : "";
	size_t len = v != NULL ? (size_t)ASN1_STRING_length(v) : 0;
	const char *sid = memmem(p, len, "S-1-5-21-", 9);

	if (sid == NULL)
		cr_assert_fail("%s has no SID", card);
	return text("%.*s", (int)(len - (size_t)(sid - p)), sid);
}

/* RFC 9440: a byte sequence of RFC 8941. */
static char *
client_cert_of(const char *card)
{
	unsigned char *der = NULL;
	int len = i2d_X509(certificate(card), &der);
	char *b64 = gw_xcalloc(1, (size_t)len * 2 + 8);

	gw_assert(len > 0);
	(void)EVP_EncodeBlock((unsigned char *)b64, der, len);
	return text(":%s:", b64);
}

/* ---- what arrives */

static json_t *
echo_of(const char *card, const char *const *headers)
{
	struct answer a = FETCH(.card = card, .headers = headers);

	if (a.status != 200)
		cr_assert_fail("%s: status %ld %s %s", card, a.status,
			       a.error, a.body);
	return json_of(&a);
}

static void
expect_field(const json_t *echo, const char *name, const char *wanted)
{
	const char *got = field_value(echo, name);

	cr_expect(got != NULL && strcmp(got, wanted) == 0,
		  "%s: got %s, wanted %s", name, got != NULL ? got : "nothing",
		  wanted);
	cr_expect_eq(field_count(echo, name), 1, "%s: %zu times", name,
		     field_count(echo, name));
}

static void
expect_in_list(const json_t *echo, const char *name, const char *item)
{
	const char *got = field_value(echo, name);
	const char *p = got != NULL ? strstr(got, item) : NULL;
	size_t len = strlen(item);

	cr_expect(p != NULL && (p == got || p[-1] == ',' || p[-1] == ' ') &&
		  (p[len] == '\0' || p[len] == ','), "%s: '%s' is not in '%s'",
		  name, item, got != NULL ? got : "nothing");
}

/* The id of the login, which the log knows, and the request's number. */
static void
expect_login_id(const char *got, size_t mark)
{
	char *id = text("%.16s", got != NULL ? got : "");

	cr_expect(gw_login_id_is_valid(id), "X-Request-Id: %s",
		  got != NULL ? got : "nothing");
	cr_expect(log_line(mark, text("req=%s", id), "verdict=allow", NULL) !=
		  NULL, "the log does not allow login %s", id);
}

Test(identity, alice_is_told)
{
	size_t mark = log_mark();
	json_t *e = echo_of("alice", NULL);

	expect_field(e, "X-Remote-User", "alice");
	expect_field(e, "X-Remote-UPN", "alice@corp.example.com");
	expect_field(e, "X-Remote-SID", sid_of("alice"));
	expect_field(e, "X-Remote-Mapping", "sid");
	expect_field(e, "Client-Cert", client_cert_of("alice"));
	expect_in_list(e, "X-Remote-Groups", "Smartcard Users");
	expect_in_list(e, "X-Remote-Groups", "Engineers");
	expect_in_list(e, "X-Remote-Groups", "VDI Users"); /* nested */
	expect_field(e, "X-Forwarded-Proto", "https");
	expect_login_id(field_value(e, "X-Request-Id"), mark);
	cr_expect(contains(field_value(e, "X-Forwarded-For"), "127."),
		  "X-Forwarded-For: %s", field_value(e, "X-Forwarded-For"));
	cr_expect(contains(field_value(e, "Forwarded"), "proto=https"),
		  "Forwarded: %s", field_value(e, "Forwarded"));
}

/* Another card of hers, another user: nothing sticks from the one before. */
Test(identity, each_card_its_own)
{
	struct answer a;
	json_t *e = echo_of("alice-rsa", NULL);

	expect_field(e, "X-Remote-User", "alice");
	expect_field(e, "Client-Cert", client_cert_of("alice-rsa"));
	a = FETCH(.card = "grace", .base = lab("GATEWAY_ANY_URL"));
	cr_assert_eq(a.status, 200, "grace: %ld", a.status);
	e = json_of(&a);
	expect_field(e, "X-Remote-User", "grace");
	expect_field(e, "X-Remote-SID", sid_of("grace"));
	cr_expect(!contains(field_value(e, "X-Remote-Groups"),
			    "Smartcard Users"), "grace is in no such group");
}

/* ---- forgeries */

static const char *const forgeries[] = {
	"X-Remote-User: administrator",
	"x-remote-user: administrator",
	"X_Remote_User: administrator",
	"X-Remote_User: administrator",
	"X.Remote.User: administrator",
	"X-Remote-UPN: administrator@corp.example.com",
	"X-Remote-SID: S-1-5-21-1-2-3-500",
	"X-Remote-Groups: Domain Admins",
	"X_REMOTE_GROUPS: Domain Admins",
	"X-Remote-Mapping: forged",
	"X_Remote_UPN: administrator@corp.example.com",
	"X_Remote_SID: S-1-5-21-1-2-3-500",
	"X_Remote_Mapping: forged",
	"X_Request_Id: 00000000000000000000forged",
	"X-Request-Id: 00000000000000000000forged",
	"Client-Cert: :Zm9yZ2Vk:",
	"CLIENT-CERT: :Zm9yZ2Vk:",
	"Client_Cert: :Zm9yZ2Vk:",
	"Client-Cert-Chain: :Zm9yZ2Vk:",
	"Client_Cert_Chain: :Zm9yZ2Vk:",
	"Forwarded: for=203.0.113.66",
	"X-Forwarded-For: 203.0.113.66",
	"X_Forwarded_For: 203.0.113.66",
	"X-Forwarded-Host: forged.example",
	"X_Forwarded_Host: forged.example",
	"X-Forwarded-Proto: gopher",
	"X_Forwarded-Proto: gopher",
	"X-Forwarded-User: administrator",
};

static const char *const forged_words[] = {
	"administrator", "Domain Admins", "-3-500", "forged", "Zm9yZ2Vk",
	"203.0.113.66", "gopher",
};

static void
expect_no_forgery(const char *what, const char *body)
{
	for (size_t i = 0; i < GW_COUNT(forged_words); i++)
		cr_expect(!contains(body, forged_words[i]),
			  "%s: '%s' arrived: %s", what, forged_words[i],
			  body);
}

Test(identity, forgeries_one_by_one)
{
	CURL *h = handle_new();

	for (size_t i = 0; i < GW_COUNT(forgeries); i++) {
		const char *const headers[] = { forgeries[i], NULL };
		struct answer a = FETCH(.card = "alice", .handle = h,
					.headers = headers);

		cr_expect_eq(a.status, 200, "%s: status %ld", forgeries[i],
			     a.status);
		if (a.status != 200)
			continue;
		expect_no_forgery(forgeries[i], a.body);
		expect_field(json_of(&a), "X-Remote-User", "alice");
	}
	curl_easy_cleanup(h);
}

Test(identity, forgeries_at_once_and_twice)
{
	const char *headers[2 * GW_COUNT(forgeries) + 1];
	size_t n = 0;
	json_t *e;

	for (size_t i = 0; i < 2 * GW_COUNT(forgeries); i++)
		headers[n++] = forgeries[i % GW_COUNT(forgeries)];
	headers[n] = NULL;
	e = echo_of("alice", headers);
	expect_no_forgery("all of them", json_dumps(e, 0));
	expect_field(e, "X-Remote-User", "alice");
	expect_field(e, "X-Remote-SID", sid_of("alice"));
	expect_field(e, "Client-Cert", client_cert_of("alice"));
}

/* A field named in Connection is hop-by-hop: that must not remove ours. */
Test(identity, connection_cannot_remove_ours)
{
	const char *const headers[] = {
		"Connection: close, X-Remote-User, Client-Cert, X-Remote-SID",
		NULL
	};
	struct answer a = FETCH(.card = "alice", .headers = headers);

	if (a.status == 400)
		return; /* refusing is as good */
	cr_assert_eq(a.status, 200, "got %ld", a.status);
	expect_field(json_of(&a), "X-Remote-User", "alice");
	expect_field(json_of(&a), "X-Remote-SID", sid_of("alice"));
}

/* Other fields pass as they are. */
Test(identity, other_fields_pass)
{
	const char *const headers[] = { "X-Other: as it is",
					"X-Remote-Userland: yes",
					"Cookie: a=b; c=d", NULL };
	json_t *e = echo_of("alice", headers);

	expect_field(e, "X-Other", "as it is");
	expect_field(e, "X-Remote-Userland", "yes");
	expect_field(e, "Cookie", "a=b; c=d");
}

/* ---- an upstream of our own, that counts who comes */

static int
listen_somewhere(char **out_address)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	gw_assert(fd >= 0 && bind(fd, (void *)&sin, len) == 0 &&
		  listen(fd, 16) == 0 &&
		  getsockname(fd, (void *)&sin, &len) == 0);
	*out_address = text("127.0.0.1:%d", ntohs(sin.sin_port));
	return fd;
}

static bool
somebody_comes(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* The whole request, head and body, in one go: none of it may leave. */
static void
push(const char *url, const char *card, int tls)
{
	struct wire *w = WIRE(.base = url, .card = card, .tls = tls);

	(void)wire_say(w, "POST /secret HTTP/1.1\r\nHost: g\r\n"
			  "Content-Length: 5\r\n\r\nhelloGET /two HTTP/1.1\r\n"
			  "Host: g\r\n\r\n");
	(void)wire_is_over(w, 3000);
	wire_close(w);
}

Test(identity, denied_clients_reach_no_upstream)
{
	static const char *const cards[] = { NULL, "bob", "alice-revoked",
					     "alice-unknownca", "nobody",
					     "administrator" };
	char *address, *dir = scratch_dir();
	int fd = listen_somewhere(&address);
	struct gate g = gate_start(dir, conf_text(dir, address));

	for (size_t i = 0; i < GW_COUNT(cards); i++) {
		push(g.url, cards[i], 12 + (int)(i % 2));
		cr_expect(!somebody_comes(fd, 50), "%s reached the upstream",
			  cards[i] != NULL ? cards[i] : "no card");
	}
	push(g.url, "alice", 13);
	cr_expect(somebody_comes(fd, 60000), "alice does not reach it");
	close(fd);
	gate_stop(&g);
}
