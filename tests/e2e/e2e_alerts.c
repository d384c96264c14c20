/* e2e_alerts.c — a listener that says no by TLS alert: each class of refusal
 * has its own, over both versions of TLS. */
#include "http.h"
#include "wire.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>

TestSuite(alerts, .timeout = 300);

static const struct alert_case {
	const char *card;
	int tls12, tls13; /* SSL_AD_…; 0: admitted */
} cases[] = {
	{ NULL,              SSL_AD_HANDSHAKE_FAILURE,
	  SSL_AD_CERTIFICATE_REQUIRED },
	{ "alice-unknownca", SSL_AD_UNKNOWN_CA, SSL_AD_UNKNOWN_CA },
	{ "alice-expired",   SSL_AD_CERTIFICATE_EXPIRED,
	  SSL_AD_CERTIFICATE_EXPIRED },
	{ "alice-notyet",    SSL_AD_CERTIFICATE_EXPIRED,
	  SSL_AD_CERTIFICATE_EXPIRED },
	{ "alice-eku",       SSL_AD_UNSUPPORTED_CERTIFICATE,
	  SSL_AD_UNSUPPORTED_CERTIFICATE },
	{ "alice-revoked",   SSL_AD_CERTIFICATE_REVOKED,
	  SSL_AD_CERTIFICATE_REVOKED },
	{ "bob",             SSL_AD_ACCESS_DENIED, SSL_AD_ACCESS_DENIED },
	{ "nobody",          SSL_AD_ACCESS_DENIED, SSL_AD_ACCESS_DENIED },
	{ "alice",           0, 0 },
};

/* The alert a client with this card gets, 0 when it is admitted. Its first
 * read tells, not its handshake. */
static int
alert_for(const char *card, int tls, bool *is_admitted)
{
	struct wire *w = WIRE(.base = lab("GATEWAY_ALERT_URL"), .card = card,
			      .tls = tls);
	int alert;

	*is_admitted = false;
	if (wire_is_up(w)) {
		(void)wire_say(w, "GET /echo/ HTTP/1.1\r\nHost: g\r\n"
				  "Connection: close\r\n\r\n");
		*is_admitted = contains(wire_read_until(w, "\r\n\r\n", 60000),
					" 200 ");
	}
	alert = wire_alert(w);
	wire_close(w);
	return alert;
}

static void
check(const struct alert_case *c, int tls)
{
	int wanted = tls == 12 ? c->tls12 : c->tls13;
	bool is_admitted;
	int got = alert_for(c->card, tls, &is_admitted);

	cr_expect_eq(got, wanted, "%s, TLS 1.%d: got alert %d (%s), wanted %d "
		     "(%s)", c->card != NULL ? c->card : "no card", tls - 10,
		     got, wire_alert_name(got), wanted,
		     wire_alert_name(wanted));
	cr_expect_eq(is_admitted, wanted == 0, "%s, TLS 1.%d: admitted: %d",
		     c->card != NULL ? c->card : "no card", tls - 10,
		     is_admitted);
}

Test(alerts, tls12)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++)
		check(&cases[i], 12);
}

Test(alerts, tls13)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++)
		check(&cases[i], 13);
}

/* The reason is lost to the client, not to the operator. */
Test(alerts, reason_is_logged)
{
	size_t mark = log_mark();
	bool is_admitted;

	(void)alert_for("alice-revoked", 13, &is_admitted);
	cr_expect(log_line(mark, "cert-revoked", "req=", NULL) != NULL,
		  "no line with cert-revoked");
}

/* Only TLS 1.2 and 1.3 are spoken. */
Test(alerts, old_versions_are_refused)
{
	struct output o = RUN(60000, "openssl", "s_client", "-connect",
			      text("%s:443", lab("GATEWAY_ADDR")), "-tls1_1",
			      "-cipher", "ALL:@SECLEVEL=0");

	cr_expect_neq(o.status, 0, "TLS 1.1 was spoken:\n%s", o.out);
}
