/* test_health.c — the verdict and its reasons from rows. */
#include "health.h"
#include "gw/error.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOW "1700000000"
#define UP(name) "{\"name\":\"" name "\",\"state\":\"up\",\"answered\":true}"

/* Rows are added to a document in which all three processes are up. */
static const struct health_case {
	const char *what, *rows;
	enum gw_health verdict;
	const char *problem; /* in the first one's text; NULL: none */
	enum gw_err cure;    /* whose cure; OK: not looked at */
} cases[] = {
	/* down */
	{ "no DC", "\"dcs\":[{\"name\":\"a\",\"state\":\"down\"},"
	  "{\"name\":\"b\",\"state\":\"failing\"}]", GW_DOWN,
	  "no domain controller can be used", GW_ERR_KDC_UNREACHABLE },
	{ "service account refused",
	  "\"service\":{\"ticket_state\":\"service-keytab-stale\"}", GW_DOWN,
	  "no ticket: service-keytab-stale", GW_ERR_SERVICE_KEYTAB_STALE },
	{ "reason with detail",
	  "\"service\":{\"ticket_state\":\"kdc-clock-skew: 400 s\"}", GW_DOWN,
	  "no ticket", GW_ERR_KDC_CLOCK_SKEW },
	{ "not any protocol", "\"service\":{\"ticket_state\":\"ok\","
	  "\"any_protocol\":\"no\"}", GW_DOWN, "any authentication protocol",
	  GW_ERR_SERVICE_NOT_TRUSTED },
	{ "not any protocol, as boolean",
	  "\"service\":{\"any_protocol\":false}", GW_DOWN,
	  "any authentication protocol", GW_ERR_SERVICE_NOT_TRUSTED },
	{ "ticket refused", "\"service\":{\"ticket_state\":\"refused\","
	  "\"ticket_error\":\"pre-authentication failed\","
	  "\"check\":\"service-keytab-stale\"}", GW_DOWN,
	  "no ticket: refused: pre-authentication failed",
	  GW_ERR_SERVICE_KEYTAB_STALE },
	{ "sensitive", "\"service\":{\"sensitive\":true}", GW_DOWN,
	  "marked sensitive", GW_ERR_OK },
	{ "no SPN", "\"service\":{\"has_spn\":false}", GW_DOWN, "no SPN",
	  GW_ERR_SERVICE_ACCOUNT },
	{ "no DC delegated", "\"dcs\":[{\"name\":\"a\",\"state\":\"up\","
	  "\"delegated\":false}]", GW_DOWN, "not one domain controller",
	  GW_ERR_DELEGATION_MISSING },
	{ "every CA over", "\"cas\":[{\"title\":\"c\",\"days_left\":-1}]",
	  GW_DOWN, "every registered CA has expired", GW_ERR_OK },
	{ "every responder", "\"responders\":[{\"url\":\"u\","
	  "\"state\":\"failing\"}]", GW_DOWN, "no OCSP responder answers",
	  GW_ERR_REVOCATION_UNAVAILABLE },
	{ "every upstream", "\"upstreams\":[{\"title\":\"b\","
	  "\"server\":\"s\",\"state\":\"down\"}]", GW_DOWN,
	  "no server of any upstream", GW_ERR_UPSTREAM_UNREACHABLE },
	{ "clock far off",
	  "\"dcs\":[{\"name\":\"a\",\"state\":\"ok\",\"skew_ms\":-290000}]",
	  GW_DOWN, "differs by 290 s", GW_ERR_KDC_CLOCK_SKEW },
	{ "own certificate over", "\"listeners\":[{\"title\":\"m\","
	  "\"certificate_days_left\":-3}]", GW_DOWN,
	  "has expired 3 days ago", GW_ERR_OK },
	/* degraded */
	{ "one DC of two", "\"dcs\":[{\"name\":\"a\",\"state\":\"ok\"},"
	  "{\"name\":\"b\",\"state\":\"down\",\"last_error\":"
	  "\"ldap-unreachable: timeout\"}]", GW_DEGRADED,
	  "domain controller b is down: ldap-unreachable: timeout",
	  GW_ERR_LDAP_UNREACHABLE },
	{ "DC suspect", "\"dcs\":[{\"name\":\"a\","
	  "\"state\":\"suspect\"}]", GW_DEGRADED, "a is suspect",
	  GW_ERR_OK },
	{ "RC4 only", "\"service\":{\"enctypes\":4}", GW_DEGRADED,
	  "not allowed AES", GW_ERR_ETYPE_MISMATCH },
	{ "discovery", "\"service\":{\"discovery_error\":\"NXDOMAIN\"}",
	  GW_DEGRADED, "failed: NXDOMAIN", GW_ERR_OK },
	{ "resolver's files", "\"service\":{\"names_error\":\"/a leads to "
	  "/b, which gwd-kdc may not read\"}", GW_DEGRADED, "leads to /b",
	  GW_ERR_OK },
	{ "own name", "\"service\":{\"hostname_slow\":true,"
	  "\"hostname_us\":500123}", GW_DEGRADED, "takes 500 ms",
	  GW_ERR_OK },
	{ "DC not delegated", "\"dcs\":[{\"name\":\"a\",\"state\":\"ok\","
	  "\"delegated\":false},{\"name\":\"b\",\"state\":\"ok\"}]",
	  GW_DEGRADED, "ldap/a is not in",
	  GW_ERR_DELEGATION_MISSING },
	{ "clock", "\"dcs\":[{\"name\":\"a\",\"state\":\"ok\","
	  "\"skew_ms\":61000}]", GW_DEGRADED, "differs by 61 s",
	  GW_ERR_KDC_CLOCK_SKEW },
	{ "ticket ends", "\"service\":{\"ticket_state\":\"ok\","
	  "\"ticket_end\":1700000600}", GW_DEGRADED, "less than 15 min",
	  GW_ERR_OK },
	{ "queue", "\"kdc\":{\"queue\":80,\"queue_max\":100}", GW_DEGRADED,
	  "80 of 100 places", GW_ERR_BUSY },
	{ "CA soon", "\"cas\":[{\"title\":\"c\",\"subject\":\"CN=x\","
	  "\"days_left\":29}]", GW_DEGRADED, "CA c (CN=x) expires in 29",
	  GW_ERR_OK },
	{ "one responder of two", "\"responders\":[{\"url\":\"u\","
	  "\"state\":\"failing\",\"last_error\":\"timeout\"},"
	  "{\"url\":\"v\",\"state\":\"ok\"}]", GW_DEGRADED,
	  "OCSP responder u is failing: timeout",
	  GW_ERR_REVOCATION_UNAVAILABLE },
	{ "one server of two", "\"upstreams\":[{\"title\":\"b\","
	  "\"server\":\"s\",\"state\":\"down\"},{\"title\":\"b\","
	  "\"server\":\"t\",\"state\":\"up\"}]", GW_DEGRADED,
	  "upstream b: server s is down", GW_ERR_OK },
	{ "own certificate soon", "\"listeners\":[{\"title\":\"m\","
	  "\"certificate_days_left\":13}]", GW_DEGRADED, "expires in 13",
	  GW_ERR_OK },
	{ "staple over", "\"listeners\":[{\"title\":\"m\","
	  "\"staple_until\":1699999400}]", GW_DEGRADED,
	  "stapled at listener m has ended 10 min ago", GW_ERR_OK },
	{ "staple ends", "\"listeners\":[{\"title\":\"m\","
	  "\"staple_until\":1700003500}]", GW_DEGRADED, "ends in 58 min",
	  GW_ERR_OK },
	{ "switched off", "\"auth\":{\"client_auth\":\"Disabled\"}",
	  GW_DEGRADED, "every client is refused",
	  GW_ERR_POLICY_CLIENT_AUTH_DISABLED },
	{ "sessions", "\"auth\":{\"sessions\":90,\"sessions_max\":100}",
	  GW_DEGRADED, "90 of 100 sessions", GW_ERR_SESSION_LIMIT },
	/* healthy */
	{ "nothing known", "\"dcs\":[]", GW_HEALTHY, NULL, GW_ERR_OK },
	{ "all is well", "\"dcs\":[{\"name\":\"a\",\"state\":\"ok\","
	  "\"delegated\":\"yes\",\"skew_ms\":-100}],\"service\":{"
	  "\"ticket_state\":\"ok\",\"ticket_end\":1700030000,"
	  "\"any_protocol\":true},\"cas\":[{\"days_left\":30}]", GW_HEALTHY,
	  NULL, GW_ERR_OK },
	{ "just started", "\"dcs\":[{\"name\":\"a\",\"state\":\"new\","
	  "\"delegated\":null,\"skew_ms\":null}],\"service\":{"
	  "\"ticket_state\":\"none\",\"ticket_error\":\"\",\"check\":"
	  "\"ok\",\"any_protocol\":null,\"sensitive\":null,\"has_spn\":"
	  "null,\"enctypes\":null,\"hostname_slow\":false}", GW_HEALTHY,
	  NULL, GW_ERR_OK },
	{ "not known yet", "\"responders\":[{\"url\":\"u\","
	  "\"state\":\"unknown\"}],\"upstreams\":[{\"state\":\"unknown\"}]",
	  GW_HEALTHY, NULL, GW_ERR_OK },
	{ "staple", "\"listeners\":[{\"title\":\"m\","
	  "\"staple_until\":1700003700},{\"title\":\"n\","
	  "\"staple_until\":0}]", GW_HEALTHY, NULL, GW_ERR_OK },
	{ "certificate only is a note", "\"listeners\":[{\"title\":\"m\","
	  "\"admission\":\"certificate\",\"certificate_days_left\":99}]",
	  GW_HEALTHY, "admits by certificate alone", GW_ERR_OK },
	/* rows that make no sense do no harm */
	{ "wrong types", "\"dcs\":{\"name\":7},\"cas\":[7,null,\"x\"],"
	  "\"service\":[],\"kdc\":\"x\",\"upstreams\":[{\"state\":5}],"
	  "\"responders\":7,\"auth\":null,\"listeners\":{}", GW_HEALTHY,
	  NULL, GW_ERR_OK },
};

static json_t *
document(const char *processes, const char *rows)
{
	gw_auto(free) char *text = gw_xasprintf(
		"{\"time\":" NOW ",\"processes\":[%s],%s}", processes, rows);
	json_t *doc = json_loads(text, 0, NULL);

	cr_assert_not_null(doc, "%s", text);
	return doc;
}

static const char *
get(const json_t *problems, size_t i, const char *key)
{
	const char *s = json_string_value(
		json_object_get(json_array_get(problems, i), key));

	return s != NULL ? s : "";
}

#define ALL_UP UP("gwd-proxy") "," UP("gwd-auth") "," UP("gwd-kdc")

Test(health, table)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		const struct health_case *k = &cases[i];
		json_t *doc = document(ALL_UP, k->rows);
		json_t *problems = json_array();
		enum gw_health h = gw_health_judge(doc, problems);

		cr_expect_eq(h, k->verdict, "%s: %s", k->what,
			     gw_health_name(h));
		cr_expect_eq(json_array_size(problems) == 0,
			     k->problem == NULL, "%s", k->what);
		if (k->problem != NULL)
			cr_expect_not_null(strstr(get(problems, 0, "what"),
						  k->problem), "%s: %s",
					   k->what, get(problems, 0, "what"));
		if (k->cure != GW_ERR_OK)
			cr_expect_str_eq(get(problems, 0, "cure"),
					 gw_err_cure(k->cure), "%s", k->what);
		json_decref(problems);
		json_decref(doc);
	}
}

static const struct {
	const char *what, *processes;
	enum gw_health verdict;
	const char *severity, *problem;
} process_cases[] = {
	{ "dead", UP("gwd-proxy") ",{\"name\":\"gwd-auth\",\"state\":"
	  "\"waiting to be restarted\",\"last_end\":\"killed by SIGSEGV\"}",
	  GW_DOWN, "critical",
	  "gwd-auth is not running (waiting to be restarted, killed by "
	  "SIGSEGV)" },
	{ "mute", "{\"name\":\"gwd-kdc\",\"state\":\"up\","
	  "\"answered\":false}", GW_DEGRADED, "warning",
	  "gwd-kdc did not answer in time" },
	{ "not needed", "{\"name\":\"gwd-kdc\",\"state\":\"off\","
	  "\"answered\":false}", GW_HEALTHY, "", "" },
};

Test(health, processes)
{
	for (size_t i = 0; i < GW_COUNT(process_cases); i++) {
		json_t *doc = document(process_cases[i].processes,
				       "\"x\":0");
		json_t *p = json_array();

		cr_expect_eq(gw_health_judge(doc, p),
			     process_cases[i].verdict, "%s",
			     process_cases[i].what);
		cr_expect_str_eq(get(p, 0, "severity"),
				 process_cases[i].severity);
		cr_expect_not_null(strstr(get(p, 0, "what"),
					  process_cases[i].problem), "%s",
				   get(p, 0, "what"));
		json_decref(p);
		json_decref(doc);
	}
}

/* The worst is told first, whatever the order of the sections. */
Test(health, worst_first)
{
	json_t *doc = document(ALL_UP,
		"\"kdc\":{\"queue\":9,\"queue_max\":9},\"upstreams\":"
		"[{\"state\":\"down\"}],\"listeners\":[{\"title\":\"m\","
		"\"admission\":\"certificate\"}]");
	json_t *p = json_array();

	cr_expect_eq(gw_health_judge(doc, p), GW_DOWN);
	cr_expect_str_eq(get(p, 0, "severity"), "critical");
	cr_expect_str_eq(get(p, 1, "severity"), "warning");
	cr_expect_str_eq(get(p, json_array_size(p) - 1, "severity"), "note");
	json_decref(p);
	json_decref(doc);
}

/* A text too long is cut between letters: nothing gets lost. */
Test(health, long_text_is_kept)
{
	char name[1201];
	json_t *doc = document(ALL_UP, "\"dcs\":[]"), *p;

	for (size_t shift = 0; shift < 2; shift++) {
		p = json_array();
		memset(name, 'x', sizeof(name));
		for (size_t i = shift; i + 2 < sizeof(name); i += 2)
			memcpy(name + i, "\xc3\xa4", 2);
		name[1198 + shift] = '\0';
		json_object_set_new(doc, "dcs",
				    json_pack("[{s:s, s:s}]", "name", name,
					      "state", "down"));
		cr_expect_eq(gw_health_judge(doc, p), GW_DOWN);
		cr_expect_eq(json_array_size(p), 2, "shift %zu", shift);
		json_decref(p);
	}
	json_decref(doc);
}
