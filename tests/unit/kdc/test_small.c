/* The small pure pieces: filters, names, errors, pauses, time, DC names. */
#include "bucket.h"
#include "dcs.h"
#include "filter.h"
#include "krberr.h"
#include "ldapurl.h"
#include "names.h"
#include "probe.h"
#include "service.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* ---- URLs of revocation lists */

#define CDP  "CN=Corp%20CA,CN=ca1,CN=CDP,CN=Public%20Key%20Services"
#define LIST "?certificateRevocationList"

static const struct url_case {
	const char *what, *url;
	const char *dn; /* NULL: refused */
} urls[] = {
	{ "another host", "ldap://evil.example/" CDP LIST "?base", NULL },
	{ "a host by IP", "ldap://127.0.0.1/" CDP LIST, NULL },
	{ "another scheme", "ldaps:///" CDP LIST, NULL },
	{ "http", "http:///" CDP LIST, NULL },
	{ "no DN", "ldap:///" LIST "?base", NULL },
	{ "no slash", "ldap://", NULL },
	{ "no attribute", "ldap:///" CDP, NULL },
	{ "every attribute", "ldap:///" CDP "?*?base", NULL },
	{ "a password", "ldap:///" CDP "?unicodePwd?base", NULL },
	{ "two attributes", "ldap:///" CDP LIST ",unicodePwd?base", NULL },
	{ "longer name", "ldap:///" CDP LIST "X?base", NULL },
	{ "another option", "ldap:///" CDP LIST ";range=0-1", NULL },
	{ "subtree", "ldap:///" CDP LIST "?sub", NULL },
	{ "one level", "ldap:///" CDP LIST "?one", NULL },
	{ "extension", "ldap:///" CDP LIST "?base?(a=b)?!x", NULL },
	{ "empty extension", "ldap:///" CDP LIST "?base?(a=b)?", NULL },
	{ "NUL in the DN", "ldap:///CN=a%00b" LIST, NULL },
	{ "NUL in the filter", "ldap:///CN=a" LIST "?base?(a=%00)", NULL },
	{ "cut escape", "ldap:///CN=a%2" LIST, NULL },
	{ "cut escape at the end", "ldap:///CN=a" LIST "?base?(a=%4", NULL },
	{ "no escape", "ldap:///CN=a%zz" LIST, NULL },
	{ "a blank", "ldap:///CN=a b" LIST, NULL },
	{ "beyond ASCII", "ldap:///CN=\xc3\xa9" LIST, NULL },
	{ "as AD CS writes it",
	  "ldap:///" CDP LIST "?base?objectClass=cRLDistributionPoint",
	  "CN=Corp CA,CN=ca1,CN=CDP,CN=Public Key Services" },
	{ "delta", "ldap:///CN=a?deltaRevocationList?base?objectClass=x",
	  "CN=a" },
	{ "binary", "ldap:///CN=a" LIST ";binary", "CN=a" },
	{ "case", "LDAP:///CN=a?AUTHORITYREVOCATIONLIST;Binary?BASE?", "CN=a" },
	{ "empty scope", "ldap:///CN=a" LIST "?" "?(a=b)", "CN=a" },
	{ "escaped mark", "ldap:///CN=a%3fb" LIST, "CN=a?b" },
};

Test(ldapurl, table)
{
	for (size_t i = 0; i < GW_COUNT(urls); i++) {
		struct gw_ldap_url out;
		struct gw_error err;
		enum gw_err rc = gw_ldap_url_parse(urls[i].url, &out, &err);

		if (urls[i].dn == NULL) {
			cr_expect_eq(rc, GW_ERR_REVOCATION_UNAVAILABLE, "%s",
				     urls[i].what);
			continue;
		}
		cr_assert_eq(rc, GW_ERR_OK, "%s", urls[i].what);
		cr_expect_str_eq(out.dn, urls[i].dn, "%s", urls[i].what);
		cr_expect_not_null(strstr(out.attr, "RevocationList"));
		cr_expect_neq(out.filter[0], '\0', "%s", urls[i].what);
	}
}

Test(ldapurl, filter)
{
	struct gw_ldap_url out;
	struct gw_error err;

	cr_assert_eq(gw_ldap_url_parse(
		"ldap:///CN=a?certificateRevocationList?base?(a=%28b)", &out,
		&err), GW_ERR_OK);
	cr_expect_str_eq(out.filter, "(a=(b)");
	cr_expect_str_eq(out.attr, "certificateRevocationList");
	cr_assert_eq(gw_ldap_url_parse(
		"ldap:///CN=a?certificateRevocationList", &out, &err),
		GW_ERR_OK);
	cr_expect_str_eq(out.filter, "(objectClass=*)");
}

/* What does not fit is refused, at whatever length it begins not to. */
Test(ldapurl, long_ones)
{
	static char url[GW_LDAP_URL_MAX + 64] = "ldap:///";
	struct gw_ldap_url out;
	struct gw_error err;

	for (size_t n = 1; n < GW_LDAP_URL_MAX; n++) {
		size_t want = 8 + n + 26;
		enum gw_err rc;

		memset(url + 8, 'a', n);
		memcpy(url + 8 + n, "?certificateRevocationList", 27);
		rc = gw_ldap_url_parse(url, &out, &err);
		cr_expect_eq(rc == GW_ERR_OK, want < GW_LDAP_URL_MAX, "%zu",
			     n);
	}
}

/* ---- filters */

static const struct filter_case {
	const char *what, *value;
	size_t len;
	const char *want;
} filters[] = {
	{ "injection", "a*)(cn=*", 8, "(x=a\\2a\\29\\28cn\\3d\\2a)" },
	{ "NUL", "a\0b", 3, "(x=a\\00b)" },
	{ "backslash", "\\2a", 3, "(x=\\5c2a)" },
	{ "UTF-8", "\xc3\xa9", 2, "(x=\\c3\\a9)" },
	{ "empty", "", 0, "(x=)" },
	{ "plain", "alice@corp.example", 18, "(x=alice@corp.example)" },
	{ "SID", "S-1-5-21-1", 10, "(x=S-1-5-21-1)" },
};

Test(filter, table)
{
	for (size_t i = 0; i < GW_COUNT(filters); i++) {
		struct gw_filter f = { .text = NULL };

		gw_filter_equal(&f, "x", filters[i].value, filters[i].len);
		cr_expect_str_eq(gw_filter_text(&f), filters[i].want, "%s",
				 filters[i].what);
		gw_filter_clear(&f);
	}
}

/* Whatever the value, what stands between "(x=" and ")" holds no syntax. */
Test(filter, every_byte)
{
	for (int c = 0; c < 256; c++) {
		struct gw_filter f = { .text = NULL };
		char value = (char)c;
		const char *text;

		gw_filter_equal(&f, "x", &value, 1);
		text = gw_filter_text(&f);
		cr_expect_eq(strcspn(text + 3, "()*&|!="), strlen(text) - 4,
			     "byte %d: %s", c, text);
		gw_filter_clear(&f);
	}
}

Test(filter, too_long_is_bad_for_good)
{
	struct gw_filter f = { .text = NULL };
	static char big[GW_FILTER_MAX];

	gw_filter_equal(&f, "x", big, sizeof(big));
	gw_filter_raw(&f, ")");
	cr_expect_null(gw_filter_text(&f));
	gw_filter_clear(&f);
}

/* ---- names */

Test(names, expire_and_change)
{
	struct gw_names *n = gw_names_new();

	cr_expect_null(gw_names_get(n, "S-1", 0));
	gw_names_put(n, "S-1", "a", 0);
	gw_names_put(n, "S-2", "", 0);
	cr_expect_str_eq(gw_names_get(n, "S-1", 1), "a");
	cr_expect_str_eq(gw_names_get(n, "S-2", 1), "");
	cr_expect_null(gw_names_get(n, "S-1", GW_NAMES_TTL_MS));
	gw_names_put(n, "S-1", "b", 5);
	cr_expect_str_eq(gw_names_get(n, "S-1", 6), "b");
	gw_names_free(n);
}

Test(names, bounded)
{
	struct gw_names *n = gw_names_new();
	char sid[32];

	for (int i = 0; i < 3 * GW_NAMES_MAX; i++) {
		snprintf(sid, sizeof(sid), "S-1-%d", i);
		gw_names_put(n, sid, sid, 0);
		cr_assert_str_eq(gw_names_get(n, sid, 1), sid);
	}
	cr_expect_null(gw_names_get(n, "S-1-0", 1));
	gw_names_free(n);
}

/* ---- what KDCs say */

static const struct {
	enum gw_krb_phase phase;
	krb5_error_code code;
	enum gw_err want;
} meanings[] = {
	{ GW_PHASE_AS, KRB5KDC_ERR_PREAUTH_FAILED,
	  GW_ERR_SERVICE_KEYTAB_STALE },
	{ GW_PHASE_AS, KRB5KDC_ERR_CLIENT_REVOKED, GW_ERR_SERVICE_ACCOUNT },
	{ GW_PHASE_AS, KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN,
	  GW_ERR_SERVICE_ACCOUNT },
	{ GW_PHASE_SELF, KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN,
	  GW_ERR_ACCOUNT_UNKNOWN },
	{ GW_PHASE_SELF, KRB5KDC_ERR_CLIENT_REVOKED, GW_ERR_ACCOUNT_REVOKED },
	{ GW_PHASE_SELF, KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN,
	  GW_ERR_SERVICE_ACCOUNT },
	{ GW_PHASE_SELF, KRB5KDC_ERR_BADOPTION, GW_ERR_KDC_REFUSED },
	{ GW_PHASE_SELF, KRB5KDC_ERR_WRONG_REALM, GW_ERR_MAP_FOREIGN_REALM },
	{ GW_PHASE_PROXY, KRB5KDC_ERR_BADOPTION, GW_ERR_DELEGATION_MISSING },
	{ GW_PHASE_PROXY, KRB5KDC_ERR_KEY_EXP,
	  GW_ERR_ACCOUNT_PASSWORD_EXPIRED },
	{ GW_PHASE_PROXY, KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN,
	  GW_ERR_SERVICE_UNKNOWN },
	{ GW_PHASE_PROXY, KRB5KRB_AP_ERR_SKEW, GW_ERR_KDC_CLOCK_SKEW },
	{ GW_PHASE_PAC, KRB5_KT_KVNONOTFOUND, GW_ERR_SERVICE_KEYTAB_STALE },
	{ GW_PHASE_TGS, KRB5_KDC_UNREACH, GW_ERR_KDC_UNREACHABLE },
	{ GW_PHASE_TGS, KRB5KDC_ERR_SVC_UNAVAILABLE, GW_ERR_KDC_UNREACHABLE },
	{ GW_PHASE_TGS, KRB5KRB_ERR_GENERIC, GW_ERR_KDC_REFUSED },
};

Test(krberr, table)
{
	for (size_t i = 0; i < GW_COUNT(meanings); i++)
		cr_expect_eq(gw_krb_meaning(meanings[i].phase,
					    meanings[i].code),
			     meanings[i].want, "row %zu", i);
	cr_expect_eq(gw_krb_wire_code(KRB5KDC_ERR_BADOPTION), 13);
	cr_expect_eq(gw_krb_wire_code(KRB5_KDC_UNREACH), -1);
	cr_expect(gw_krb_wants_new_ticket(KRB5KRB_AP_ERR_TKT_EXPIRED));
	cr_expect_not(gw_krb_wants_new_ticket(KRB5KDC_ERR_BADOPTION));
}

/* AD's usual lockout is five or more wrong keys within 30 minutes. */
Test(service, pauses_stay_below_lockout)
{
	uint64_t at = 0;
	unsigned tries = 1;

	for (unsigned n = 1; at < 30 * 60 * 1000; n++) {
		at += gw_service_pause_ms(n);
		tries += at < 30 * 60 * 1000;
	}
	cr_expect_leq(tries, 4);
	cr_expect_eq(gw_service_pause_ms(0), 0);
	cr_expect_eq(gw_service_pause_ms(1000), 60 * 60 * 1000);
}

Test(bucket, fills_and_empties)
{
	struct gw_bucket b = gw_bucket_init(10, 2, 0);

	cr_expect(gw_bucket_take(&b, 0));
	cr_expect(gw_bucket_take(&b, 0));
	cr_expect_not(gw_bucket_take(&b, 0));
	cr_expect_not(gw_bucket_take(&b, 99));
	cr_expect(gw_bucket_take(&b, 100));
	cr_expect_not(gw_bucket_take(&b, 100));
	cr_expect(gw_bucket_take(&b, 1000000));
	cr_expect(gw_bucket_take(&b, 1000000));
	cr_expect_not(gw_bucket_take(&b, 1000000));
}

/* ---- domain controllers */

Test(probe, generalized_time)
{
	static const char *const bad[] = { "", "Z", "2026", "20261123025242",
					   "20261123025242.0",
					   "x0261123025242.0Z" };
	time_t t = 0;

	for (size_t i = 0; i < GW_COUNT(bad); i++)
		cr_expect_not(gw_generalized_time(bad[i], &t), "%s", bad[i]);
	cr_assert(gw_generalized_time("20261123025242.0Z", &t));
	cr_expect_eq(t, 1795402362);
}

Test(probe, realm)
{
	cr_expect_null(gw_service_name_realm("corp:dc1$"));
	cr_expect_null(gw_service_name_realm("corp:dc1$@"));
	cr_expect_str_eq(gw_service_name_realm("corp:dc1$@CORP"), "CORP");
}

static const struct dc_case {
	const char *text, *name;
	int family; /* -1: refused */
} dcs[] = {
	{ "",                   NULL, -1 },
	{ "@127.0.0.1",         NULL, -1 },
	{ "dc1",                NULL, -1 },
	{ "dc1.corp@",          NULL, -1 },
	{ "dc1.corp@nonsense",  NULL, -1 },
	{ "dc1/corp.example",   NULL, -1 },
	{ "dc1.corp\\x",        NULL, -1 },
	{ "DC1.Corp.example",   "dc1.corp.example", AF_UNSPEC },
	{ "dc1.corp.",          "dc1.corp", AF_UNSPEC },
	{ "dc1.corp@127.0.0.1", "dc1.corp", AF_INET },
	{ "dc1.corp@::1",       "dc1.corp", AF_INET6 },
};

Test(discover, parse)
{
	for (size_t i = 0; i < GW_COUNT(dcs); i++) {
		struct gw_found_dc d;
		enum gw_err rc = gw_dc_parse(dcs[i].text, &d, NULL);

		if (dcs[i].family < 0) {
			cr_expect_eq(rc, GW_ERR_CONF, "%s", dcs[i].text);
			continue;
		}
		cr_assert_eq(rc, GW_ERR_OK, "%s", dcs[i].text);
		cr_expect_str_eq(d.name, dcs[i].name);
		cr_expect_eq(d.addr.sa.sa_family, dcs[i].family);
	}
}

Test(dcs, spns)
{
	static char a[] = "cifs/dc1.corp", b[] = "LDAP/DC1.corp",
		    c[] = "ldap/dc1.corp/extra";
	char *without[] = { a, c, NULL }, *with[] = { a, b, NULL };

	cr_expect_not(gw_spns_have_ldap(NULL, "dc1.corp"));
	cr_expect_not(gw_spns_have_ldap(without, "dc1.corp"));
	cr_expect_not(gw_spns_have_ldap(with, "dc1"));
	cr_expect(gw_spns_have_ldap(with, "dc1.corp"));
}
