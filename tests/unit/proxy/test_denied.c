/* test_denied.c — what a client is told that is refused: a page, or
 * an alert. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(denied, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

static const struct refusal {
	const char *what;
	enum gw_err reason;
	int flags;
	const char *accept, *holds;
} refusals[] = {
	{ "revoked", GW_ERR_CERT_REVOKED, 0, "*/*", "<!DOCTYPE html>" },
	{ "revoked, 1.2", GW_ERR_CERT_REVOKED, RIG_TLS12, "text/html",
	  "cert-revoked" },
	{ "as JSON", GW_ERR_ACCOUNT_DISABLED, 0, "application/json",
	  "{\"reason\":\"account-disabled\",\"status\":403," },
	{ "JSON worth less", GW_ERR_POLICY_DENIED, 0,
	  "application/json;q=0.5, text/html", "<!DOCTYPE html>" },
	{ "for now", GW_ERR_KDC_UNREACHABLE, 0, "*/*", "kdc-unreachable" },
	{ "no card", GW_ERR_TLS_NO_CERTIFICATE, RIG_NO_CARD, "*/*",
	  "tls-no-certificate" },
	{ "no card, 1.2", GW_ERR_TLS_NO_CERTIFICATE, RIG_NO_CARD | RIG_TLS12,
	  "*/*", "tls-no-certificate" },
};

static void
check_refusal(struct rig *r, const struct refusal *x)
{
	struct rig_client c;
	char request[256], *head, *body;
	int status;

	rig_answer(r, &(struct rig_answer){ .reason = x->reason });
	cr_assert(rig_connect(r, &c, x->flags), "%s: handshake", x->what);
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: h\r\n"
		 "Accept: %s\r\n\r\n", x->accept);
	rig_send(&c, request);
	status = rig_response(&c, &head, &body, NULL);
	cr_assert_eq(status, gw_err_http_status(x->reason), "%s: %d", x->what,
		     status);
	cr_assert(strstr(body, x->holds) != NULL, "%s: %s", x->what, body);
	cr_assert(strstr(head, gw_err_name(x->reason)) != NULL, "%s", head);
	cr_assert(strstr(head, "no-store") != NULL);
	cr_assert(strstr(head, "Connection: close") != NULL);
	cr_assert_eq(strstr(head, "Retry-After") != NULL, status == 503);
	cr_assert(rig_is_closed(&c), "%s: stays open", x->what);
	free(head);
	free(body);
	rig_close(&c);
}

Test(denied, denied_page)
{
	struct rig *r = rig_start(NULL);

	for (size_t i = 0; i < GW_COUNT(refusals); i++)
		check_refusal(r, &refusals[i]);
	cr_assert_eq(rig_leaves(r, 0), 0);
	rig_stop(r);
}

Test(denied, denied_never_reaches_upstream)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *status;

	rig_answer(r, &(struct rig_answer){ .reason = GW_ERR_CERT_EKU });
	cr_assert(rig_connect(r, &c, 0));
	/* no HTTP at all: still the page, once enough has come */
	for (int i = 0; i < 9000; i++)
		rig_send(&c, "x");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 403);
	rig_close(&c);
	status = rig_status(r);
	cr_assert(strstr(status, "\"requests\":0,\"tunnels\":0") != NULL, "%s",
		  status);
	cr_assert(strstr(status, "\"denied\":1") != NULL, "%s", status);
	free(status);
	rig_stop(r);
}

static const struct alert {
	enum gw_err reason;
	int flags;
	const char *name;
} alerts[] = {
	{ GW_ERR_CERT_REVOKED, 0, "certificate revoked" },
	{ GW_ERR_CERT_REVOKED, RIG_TLS12, "certificate revoked" },
	{ GW_ERR_CERT_EXPIRED, 0, "certificate expired" },
	{ GW_ERR_CERT_EXPIRED, RIG_TLS12, "certificate expired" },
	{ GW_ERR_CERT_UNTRUSTED, 0, "unknown ca" },
	{ GW_ERR_CERT_NOT_YET_VALID, 0, "certificate expired" },
	{ GW_ERR_CERT_MALFORMED, 0, "bad certificate" },
	{ GW_ERR_CERT_WEAK_KEY, 0, "bad certificate" },
	{ GW_ERR_CERT_BAD_SIGNATURE, 0, "bad certificate" },
	{ GW_ERR_CERT_EKU, 0, "unsupported certificate" },
	{ GW_ERR_ACCOUNT_DISABLED, 0, "access denied" },
	{ GW_ERR_POLICY_GROUP, RIG_TLS12, "access denied" },
	{ GW_ERR_KDC_UNREACHABLE, 0, "internal error" },
	{ GW_ERR_KDC_UNREACHABLE, RIG_TLS12, "internal error" },
	{ GW_ERR_TLS_NO_CERTIFICATE, RIG_NO_CARD, "certificate required" },
	{ GW_ERR_TLS_NO_CERTIFICATE, RIG_NO_CARD | RIG_TLS12,
	  "handshake failure" },
};

Test(denied, denied_alert)
{
	static const struct rig_key keys[] = {
		{ "listener", "denied", "alert" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	char byte;

	for (size_t i = 0; i < GW_COUNT(alerts); i++) {
		rig_answer(r, &(struct rig_answer){
			.reason = alerts[i].reason });
		/* in 1.3 the client learns of it at its first read */
		if (rig_connect(r, &c, alerts[i].flags))
			cr_assert(rig_recv(&c, &byte, 1) < 0, "%zu", i);
		cr_assert(strstr(c.alert, alerts[i].name) != NULL, "%s: %s",
			  gw_err_name(alerts[i].reason), c.alert);
		rig_close(&c);
	}
	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/10", NULL, NULL), 200);
	rig_close(&c);
	rig_stop(r);
}
