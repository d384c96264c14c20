/* test_identity.c — what the upstream is told of the client. */
#include "rig.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(identity, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

Test(identity, identity_fields)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *h;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET /head HTTP/1.1\r\nHost: vdi.example.com:8443\r\n"
		     "X-Remote-User: r-o-o-t\r\nx_remote_user: r-o-o-t\r\n"
		     "X-Remote-SID: S-1-5-18\r\nX-Forwarded-For: 6.6.6.6\r\n"
		     "Forwarded: for=6.6.6.6\r\nClient-Cert: :AAAA:\r\n"
		     "X-Request-Id: m-i-n-e\r\nX-Keep: yes\r\n"
		     "X-Hop: no\r\nConnection: X-Hop\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, &h, NULL), 200);
	cr_assert(strstr(h, "X-Remote-User: alice\r\n") != NULL, "%s", h);
	cr_assert(strstr(h, "X-Remote-UPN: alice@example.com\r\n") != NULL);
	cr_assert(strstr(h, "X-Remote-SID: S-1-5-21-1-2-3-1104\r\n") != NULL);
	cr_assert(strstr(h, "X-Remote-Groups: Domain Users,") != NULL);
	cr_assert(strstr(h, "X-Remote-Mapping: sid\r\n") != NULL);
	cr_assert(strstr(h, "X-Forwarded-For: 127.0.0.1\r\n") != NULL);
	cr_assert(strstr(h, "X-Forwarded-Proto: https\r\n") != NULL);
	cr_assert(strstr(h, "Forwarded: for=127.0.0.1;proto=https;"
			    "host=\"vdi.example.com:8443\"\r\n") != NULL);
	cr_assert(strstr(h, "Client-Cert: :MII") != NULL);
	cr_assert(strstr(h, "X-Keep: yes\r\n") != NULL);
	cr_assert(strstr(h, "\r\nVia: 1.1 gwd\r\n") != NULL, "%s", h);
	cr_assert(strstr(h, "r-o-o-t") == NULL &&
		  strstr(h, "6.6.6.6") == NULL &&
		  strstr(h, ":AAAA:") == NULL && strstr(h, "m-i-n-e") == NULL &&
		  strcasestr(h, "x-hop") == NULL, "%s", h);
	free(h);
	rig_close(&c);
	rig_stop(r);
}

Test(identity, no_account_no_name)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *h;

	rig_answer(r, &(struct rig_answer){ .no_account = true });
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET /head HTTP/1.1\r\nHost: h\r\n"
		     "X-Remote-User: r-o-o-t\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, &h, NULL), 200);
	cr_assert(strcasestr(h, "x-remote-") == NULL, "%s", h);
	cr_assert(strstr(h, "Client-Cert: :MII") != NULL, "%s", h);
	free(h);
	rig_close(&c);
	rig_stop(r);
}
