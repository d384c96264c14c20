/* test_view.c — gwctl's page, letter by letter. */
#include "view.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

static char *
render(const char *doc_text, bool colour, int width)
{
	json_t *doc = json_loads(doc_text, 0, NULL);
	char *p = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&p, &len);

	cr_assert_not_null(doc);
	gw_view_status(f, doc, (struct gw_style){ .colour = colour,
						  .width = width });
	fclose(f);
	json_decref(doc);
	return p;
}

static const char full[] =
	"{\"version\":\"0.1.0\",\"time\":1700000000,\"uptime\":11520,"
	"\"health\":\"degraded\",\"problems\":[{\"severity\":\"warning\","
	"\"what\":\"OCSP responder http://ocsp.example.com/ is failing: no "
	"answer within 2 s, and this text is long enough to be wrapped\","
	"\"cure\":\"Bring the OCSP responder back.\"},{\"severity\":\"note\","
	"\"what\":\"a note\",\"cure\":\"nothing\"}],"
	"\"processes\":[{\"name\":\"gwd-proxy\",\"state\":\"up\",\"pid\":101,"
	"\"restarts\":0,\"uptime\":11520,\"last_end\":\"\"},{\"name\":"
	"\"gwd-auth\",\"state\":\"up\",\"pid\":222,\"restarts\":1,"
	"\"uptime\":61,\"last_end\":\"killed by SIGSEGV\"}],"
	"\"listeners\":[{\"title\":\"main\",\"address\":\"0.0.0.0:443\","
	"\"admission\":\"directory\",\"connections\":12,\"handshakes\":345,"
	"\"handshakes_failed\":2,\"denied\":1,"
	"\"certificate_expires\":1800000000,\"staple_until\":1700010800}],"
	"\"logins\":{\"allowed\":30,\"denied\":2,\"pending\":1},"
	"\"reasons\":[{\"reason\":\"cert-revoked\",\"count\":2},"
	"{\"reason\":\"made-up\",\"count\":1}],"
	"\"auth\":{\"sessions\":2,\"sessions_max\":10000},"
	"\"sessions\":[{\"id\":\"00112233445566778899aabbccddeeff\","
	"\"account\":\"alice\",\"listener\":\"main\",\"since\":1699999000,"
	"\"until\":1700030000,\"connections\":2,\"peer\":\"192.0.2.7:50000\","
	"\"mapping\":\"sid\"}],"
	"\"dcs\":[{\"name\":\"dc1.corp.example.com\",\"state\":\"ok\","
	"\"latency_us\":4300,\"delegated\":\"yes\",\"skew_ms\":-120,"
	"\"logins\":30,\"failures\":0,\"last_error\":\"\"}],"
	"\"service\":{\"principal\":\"svc-gwd@CORP.EXAMPLE.COM\","
	"\"ticket_state\":\"ok\",\"ticket_end\":1700036000,"
	"\"keytab_kvno\":3,\"any_protocol\":\"yes\",\"ntauth\":4},"
	"\"cas\":[{\"title\":\"corp\",\"subject\":\"CN=Corp Issuing CA\","
	"\"expires\":1800000000,\"state\":\"ok\",\"ocsp_url\":\"\"}],"
	"\"responders\":[{\"url\":\"http://ocsp.example.com/\",\"state\":"
	"\"failing\",\"latency_us\":0,\"asked\":9,\"failed\":3,"
	"\"success_percent\":66,"
	"\"last_ok\":1699999990,\"last_error\":\"timeout\"}],"
	"\"upstreams\":[{\"title\":\"broker\",\"server\":\"127.0.0.1:8080\","
	"\"state\":\"up\",\"connections\":1,\"idle\":1,\"requests\":77,"
	"\"errors\":0,\"last_error\":\"\"}]}";

/* Every letter, so that a change of the page is seen in review. */
static const char page[] =
	"gwd 0.1.0 is DEGRADED: it works, but something is wrong (up 3 h 12 min)\n"
	"\n"
	"! OCSP responder http://ocsp.example.com/ is failing: no answer within 2 s, and\n"
	"  this text is long enough to be wrapped\n"
	"  > Bring the OCSP responder back.\n"
	"\n"
	"i a note\n"
	"  > nothing\n"
	"\n"
	"Processes\n"
	"  NAME       STATE  PID  RESTARTS  UP          LAST END\n"
	"  gwd-proxy  up     101         0  3 h 12 min  -\n"
	"  gwd-auth   up     222         1  1 min 1 s   killed by SIGSEGV\n"
	"\n"
	"Listeners\n"
	"  NAME  ADDRESS      ADMITS BY  OPEN  HANDSHAKES  FAILED  DENIED  CERTIFICATE UNTIL  STAPLE\n"
	"  main  0.0.0.0:443  directory    12         345       2       1  2027-01-15         3 h 0 min\n"
	"\n"
	"Logins: 30 allowed, 2 denied, 1 in progress\n"
	"  COUNT  REASON        MEANS\n"
	"      2  cert-revoked  The responder or CRL says the certificate, or a CA above\xe2\x80\xa6\n"
	"      1  made-up       -\n"
	"\n"
	"Sessions: 2\n"
	"  ID            ACCOUNT  LISTENER  PEER             SINCE        LEFT        CONN  MAPPED BY\n"
	"  001122334455  alice    main      192.0.2.7:50000  16 min 40 s  8 h 20 min     2  sid\n"
	"  \xe2\x80\xa6 all of them: gwctl sessions\n"
	"\n"
	"Domain controllers\n"
	"  NAME                  STATE  LATENCY  DELEGATED    SKEW  LOGINS  FAILED  LAST ERROR\n"
	"  dc1.corp.example.com  ok      4.3 ms  yes        -0.1 s      30       0  -\n"
	"\n"
	"Service account\n"
	"  PRINCIPAL                 TICKET  ENDS IN     KEYTAB KVNO  ANY PROTOCOL  NTAUTH CAS\n"
	"  svc-gwd@CORP.EXAMPLE.COM  ok      10 h 0 min            3  yes                    4\n"
	"\n"
	"Certificate authorities\n"
	"  NAME  SUBJECT             UNTIL       STATE  RELAXED  OCSP URL\n"
	"  corp  CN=Corp Issuing CA  2027-01-15  ok     -        -\n"
	"\n"
	"OCSP responders\n"
	"  URL                       STATE    LATENCY  ASKED  FAILED  SUCCESS  LAST OK   LAST ERROR\n"
	"  http://ocsp.example.com/  failing        -      9       3     66 %  10 s ago  timeout\n"
	"\n"
	"Upstreams\n"
	"  NAME    SERVER          STATE  OPEN  IDLE  REQUESTS  ERRORS  LAST ERROR\n"
	"  broker  127.0.0.1:8080  up        1     1        77       0  -\n";

Test(view, golden)
{
	char *p = render(full, false, 80);

	cr_expect_str_eq(p, page, "%s", p);
	free(p);
}

/* What a taken-over child puts into its rows must not steer a terminal. */
Test(view, hostile_rows)
{
	char *p = render("{\"version\":\"\\u001b[2J\",\"health\":\"fine\","
			 "\"problems\":[{\"severity\":\"\\u001b\",\"what\":"
			 "\"a\\u001b]0;x\\u0007 b\\nc\",\"cure\":7}],"
			 "\"dcs\":[{\"name\":\"\\u009b31m\\u202e\","
			 "\"state\":\"\\r\\n\",\"latency_us\":\"x\","
			 "\"logins\":[1],\"skew_ms\":{}}],\"logins\":[],"
			 "\"sessions\":[null,7,\"x\"],\"service\":[1],"
			 "\"processes\":{\"a\":1}}", false, 100);

	for (const char *c = p; *c != '\0'; c++)
		cr_expect((unsigned char)*c >= 0x20 || *c == '\n',
			  "control character %d", *c);
	cr_expect_null(strstr(p, "\xc2\x9b"));
	cr_expect_null(strstr(p, "\xe2\x80\xae"));
	cr_expect_not_null(strstr(p, "gave no verdict"));
	free(p);
}

Test(view, nothing_at_all)
{
	char *p = render("{}", false, 100);

	cr_expect_not_null(strstr(p, "gave no verdict about itself"));
	free(p);
}

Test(view, colour_marks_what_is_wrong)
{
	char *p = render(full, true, 80);

	cr_expect_not_null(strstr(p, "\033[1;33mgwd 0.1.0 is DEGRADED"));
	cr_expect_not_null(strstr(p, "\033[1;31mfailing\033[0m"));
	free(p);
}

Test(view, no_sessions)
{
	json_t *none = json_array();
	char *p = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&p, &len);

	gw_view_sessions(f, none, 0, (struct gw_style){ .width = 80 });
	fclose(f);
	cr_expect_str_eq(p, "no sessions\n");
	free(p);
	json_decref(none);
}

/* ---- the registry */

/* longer than any cell */
#define TEN "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN \
	TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const char cas_doc[] =
	"[{\"id\":\"c-135189db96\",\"state\":\"Registered\",\"title\":"
	"\"corp\",\"expires\":1800000000,\"source\":\"configuration file\","
	"\"file\":\"/etc/gwd/ca.pem\",\"subject\":\"CN=Corp Issuing CA\"},"
	"{\"id\":\"c-0123456789\",\"state\":\"RegisterFailed\","
	"\"reason\":\"gwd-auth ended meanwhile\",\"since\":1699999990,"
	"\"registered\":1699999990,\"expires\":1700000000,"
	"\"days_left\":12,\"source\":\"registered\","
	"\"live\":3,\"settings\":{\"ocsp_url\":\"http://ocsp/\","
	"\"crl\":[\"/a\\u001b[2J\",\"/" LONG "\"],\"relax\":[\"ca-eku\","
	"\"lenient\\n\"],\"validity_skew\":\"5min\"},"
	"\"subject\":\"CN=\\u001bX\"}]";

static const char cas_page[] =
	"  ID            STATE           UNTIL       LIVE  RELAXED                             SOURCE              SUBJECT\n"
	"  c-135189db96  Registered      2027-01-15     -  -                                   configuration file  CN=Corp Issuing CA\n"
	"  c-0123456789  RegisterFailed  2023-11-14     3  ca-eku lenient? validity-skew=5min  registered          CN=?X\n"
	"\n"
	"  c-0123456789  ocsp_url = http://ocsp/\n"
	"                crl = /a?[2J\n"
	"                crl = /" LONG "\n";

static const char ca_page[] =
	"RELAXED: ca-eku lenient? validity-skew=5min\n"
	"Id           c-0123456789\n"
	"State        RegisterFailed\n"
	"Reason       gwd-auth ended meanwhile\n"
	"Sessions     3\n"
	"Source       registered\n"
	"File         -\n"
	"Registered   2023-11-14\n"
	"State since  10 s ago\n"
	"Subject      CN=?X\n"
	"Issuer       -\n"
	"Serial       -\n"
	"Ends         2023-11-14\n"
	"Days left    12\n"
	"Key          -\n"
	"Signed by    -\n"
	"SHA-256      -\n"
	"Settings     ocsp_url = http://ocsp/\n"
	"             crl = /a?[2J\n"
	"             crl = /" LONG "\n";

static char *
render_cas(const json_t *cas, bool one)
{
	const struct gw_style style = { .width = 100 };
	char *p = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&p, &len);

	if (one)
		gw_view_ca(f, json_array_get(cas, 1), 1700000000, style);
	else
		gw_view_cas(f, cas, 1700000000, style);
	fclose(f);
	return p;
}

Test(view, registry)
{
	json_t *cas = json_loads(cas_doc, 0, NULL), *none = json_array();
	char *list = render_cas(cas, false), *one = render_cas(cas, true);
	char *empty = render_cas(none, false);

	cr_expect_str_eq(list, cas_page, "%s", list);
	cr_expect_str_eq(one, ca_page, "%s", one);
	cr_expect_str_eq(empty, "no CA is registered\n");
	free(list);
	free(one);
	free(empty);
	json_decref(cas);
	json_decref(none);
}
