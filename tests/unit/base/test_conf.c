/* The configuration's table: values that are refused, defaults that hold,
 * the wire form. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "gw/conf.h"
#include "gw/util.h"

static const struct gw_conf_section *
section(const char *name)
{
	for (size_t i = 0; i < gw_conf_section_count; i++)
		if (strcmp(gw_conf_sections[i].name, name) == 0)
			return &gw_conf_sections[i];
	cr_assert(false, "no section %s", name);
	abort();
}

static const struct gw_conf_key *
key(const char *sec, const char *name)
{
	const struct gw_conf_section *s = section(sec);

	for (size_t i = 0; i < s->key_count; i++)
		if (strcmp(s->keys[i].name, name) == 0)
			return &s->keys[i];
	cr_assert(false, "no key %s.%s", sec, name);
	abort();
}

static const struct set_case {
	const char *what, *section, *key, *text;
	bool want;
} sets[] = {
	{ "not a number", "directory", "threads", "many", false },
	{ "number with tail", "directory", "threads", "8x", false },
	{ "below", "directory", "threads", "0", false },
	{ "above", "directory", "threads", "257", false },
	{ "overflow", "directory", "threads", "99999999999999999999", false },
	{ "duration without unit", "session", "lifetime", "10", false },
	{ "unknown unit", "session", "lifetime", "10weeks", false },
	{ "negative duration", "session", "lifetime", "-1s", false },
	{ "duration above", "session", "lifetime", "8d", false },
	{ "duration huge", "session", "lifetime", "9999999999s", false },
	{ "neither yes nor no", "headers", "client_cert", "maybe", false },
	{ "no such choice", "mapping", "strong", "require", false },
	{ "choice prefix", "mapping", "strong", "off|", false },
	{ "empty choice", "mapping", "strong", "", false },
	{ "plain", "directory", "threads", "16", true },
	{ "hours", "session", "lifetime", "8h", true },
	{ "last choice", "mapping", "strong", "off", true },
	{ "word", "headers", "client_cert", "no", true },
};

Test(conf, values)
{
	for (size_t i = 0; i < GW_COUNT(sets); i++) {
		const struct set_case *c = &sets[i];
		struct gw_conf conf = { 0 };
		struct gw_error err = { 0 };
		void *in = gw_conf_instance(&conf, section(c->section));
		enum gw_err rc = gw_conf_set(in, key(c->section, c->key),
					     c->text, &err);

		cr_expect_eq(rc, c->want ? GW_ERR_OK : GW_ERR_CONF, "%s",
			     c->what);
		cr_expect(c->want || strstr(err.detail, c->key) != NULL,
			  "%s: the message names the key", c->what);
		gw_conf_clear(&conf);
	}
}

Test(conf, durations)
{
	int64_t ms = 0;

	cr_expect(gw_parse_duration("250ms", &ms) && ms == 250);
	cr_expect(gw_parse_duration("5min", &ms) && ms == 300000);
	cr_expect(gw_parse_duration("1d", &ms) && ms == 86400000);
	cr_expect_not(gw_parse_duration("", &ms));
	cr_expect_not(gw_parse_duration("s", &ms));
	cr_expect_not(gw_parse_duration("1 s", &ms));
}

/* Defaults abort when one of them does not pass its own key's check. */
Test(conf, defaults_pass_their_own_checks)
{
	struct gw_conf conf = { 0 };

	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];

		gw_conf_defaults(gw_conf_instance(&conf, s), s);
	}
	cr_expect_eq(conf.mapping.strong, GW_STRONG_REQUIRED);
	cr_expect_eq(conf.policy.privileged, GW_PRIVILEGED_DENY);
	cr_expect_eq(conf.listeners[0].admission, GW_ADMIT_DIRECTORY);
	cr_expect(conf.cas[0].require_smartcard_eku);
	cr_expect_eq(conf.revocation.cache_open_ms, 0);
	gw_conf_clear(&conf);
}

Test(conf, every_key_is_documented)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];

		cr_expect_gt(strlen(s->doc), 10, "%s", s->name);
		for (size_t j = 0; j < s->key_count; j++)
			cr_expect_gt(strlen(s->keys[j].doc), 10, "%s.%s",
				     s->name, s->keys[j].name);
	}
}

Test(conf, keys_are_unique)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];

		for (size_t j = 0; j < s->key_count; j++)
			for (size_t k = 0; k < j; k++)
				cr_expect_str_neq(s->keys[j].name,
						  s->keys[k].name);
	}
}

Test(conf, wire_round_trip)
{
	static uint8_t buf[GW_PAYLOAD_MAX];
	const struct gw_conf_section *s = section("route");
	struct gw_conf a = { 0 }, b = { 0 };
	struct gw_wr w = gw_wr_init(buf, sizeof(buf));
	struct gw_conf_route *route = gw_conf_instance(&a, s);
	struct gw_rd r;

	gw_conf_defaults(route, s);
	free(route->title);
	free(route->listener);
	route->title = gw_xstrdup("/echo");
	route->listener = gw_xstrdup("desktop");
	cr_assert_eq(gw_conf_set(route, key("route", "require_group"), "A",
				 NULL), GW_ERR_OK);
	cr_assert_eq(gw_conf_set(route, key("route", "require_group"), "B",
				 NULL), GW_ERR_OK);
	gw_conf_encode(&w, s, route);
	for (size_t n = 0; n < w.len; n++) {
		r = gw_rd_init(buf, n);
		cr_expect_neq(gw_conf_decode(&r, &b), GW_ERR_OK, "cut %zu", n);
		gw_conf_clear(&b);
	}
	r = gw_rd_init(buf, w.len);
	cr_assert_eq(gw_conf_decode(&r, &b), GW_ERR_OK);
	cr_expect_eq(b.route_count, 1);
	cr_expect_str_eq(b.routes[0].title, "/echo");
	cr_expect_str_eq(b.routes[0].listener, "desktop");
	cr_expect_eq(b.routes[0].require_group.n, 2);
	cr_expect_str_eq(b.routes[0].require_group.v[1], "B");
	gw_conf_clear(&a);
	gw_conf_clear(&b);
}

/* ---- from and to text */

/* Every key of every section: what it says is taken back as the same. */
Test(conf, text_round_trip)
{
	static const struct { const char *section, *key, *text; } given[] = {
		{ "ca", "grace", "90min" }, { "ca", "grace", "7d" },
		{ "ca", "grace", "0s" }, { "ca", "grace", "1500ms" },
		{ "ca", "max_depth", "3" }, { "ca", "ntauth", "yes" },
		{ "ca", "ocsp_mode", "override" }, { "ca", "relax", "lenient" },
		{ "ca", "ocsp_url", "http://x/" },
		{ "mapping", "strong", "prefer" },
	};

	for (size_t i = 0; i < GW_COUNT(given); i++) {
		const struct gw_conf_section *s = section(given[i].section);
		const struct gw_conf_key *k = key(s->name, given[i].key);
		struct gw_conf conf = { 0 };
		void *in = gw_conf_instance(&conf, s);
		char *text;

		gw_conf_defaults(in, s);
		cr_expect(gw_conf_is_default(in, k), "%s", k->name);
		cr_assert_eq(gw_conf_set(in, k, given[i].text, NULL),
			     GW_ERR_OK);
		cr_expect_not(gw_conf_is_default(in, k), "%s", k->name);
		text = gw_conf_text(in, k, 0);
		cr_expect_str_eq(text, given[i].text);
		cr_expect_null(gw_conf_text(in, k, 1), "%s", k->name);
		gw_conf_reset(in, k);
		cr_expect(gw_conf_is_default(in, k), "%s", k->name);
		free(text);
		gw_conf_clear(&conf);
	}
}

Test(conf, every_default_is_one)
{
	struct gw_conf conf = { 0 };

	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		void *in = gw_conf_instance(&conf, s);

		gw_conf_defaults(in, s);
		for (size_t j = 0; j < s->key_count; j++)
			cr_expect(gw_conf_is_default(in, &s->keys[j]),
				  "%s.%s", s->name, s->keys[j].name);
	}
	gw_conf_clear(&conf);
}

/* ---- a CA as a whole: `key` = `text`, and another */

#define CRL_DIR "/etc/gwd/crl"

static const struct ca_case {
	const char *key, *text, *other, *other_text, *words; /* NULL: good */
} ca_cases[] = {
	{ "revocation", "hope", NULL, NULL, "not one of ocsp|crl" },
	{ "revocation", "", NULL, NULL, "not one of" },
	{ "revocation", "ocsp|crl", NULL, NULL, "not one of" },
	{ "revocation", "crl", "revocation", "crl", "twice" },
	{ "revocation", "crl", "revocation", "ocsp", NULL },
	{ "relax", "everything", NULL, NULL, "not one of any-eku|" },
	{ "relax", "ca", NULL, NULL, "not one of" },
	{ "relax", "lenient", "relax", "lenient", "twice" },
	{ "relax", "lenient", "relax", "any-eku", NULL },
	{ "ocsp_url", "ftp://x/", NULL, NULL, "not an http:// URL" },
	{ "ocsp_url", "https://x/", NULL, NULL, "not an http:// URL" },
	{ "ocsp_url", "http://u@x/", NULL, NULL, "not an http:// URL" },
	{ "ocsp_url", "http://x/", "ocsp_mode", "override", NULL },
	{ "ocsp_mode", "override", NULL, NULL, "there is no ocsp_url" },
	{ "crl", "", NULL, NULL, "neither" },
	{ "crl", "file:///x", NULL, NULL, "neither" },
	{ "crl", "ldap://dc1/CN=x", NULL, NULL, "neither" },
	{ "crl", "ldap:///", NULL, NULL, "neither" },
	{ "crl", "ldap:///CN=a b", NULL, NULL, "neither" },
	{ "crl", "ldap:///CN=a\x1b[2J", NULL, NULL, "neither" },
	{ "crl", "x.crl", NULL, NULL, "neither" },
	{ "crl", CRL_DIR "/../x.crl", NULL, NULL, "without .." },
	{ "crl", CRL_DIR "/..", NULL, NULL, "without .." },
	{ "crl", CRL_DIR "/a\xff", NULL, NULL, "neither" },
	{ "crl", CRL_DIR, NULL, NULL, "not lie below" },
	{ "crl", CRL_DIR "/", NULL, NULL, "not lie below" },
	{ "crl", CRL_DIR "2/x.crl", NULL, NULL, "not lie below" },
	{ "crl", "/etc/shadow", NULL, NULL, "not lie below" },
	{ "crl", "http://x/a", "crl", "http://x/a", "twice" },
	{ "crl", CRL_DIR "/a/..b.crl", NULL, NULL, NULL },
	{ "crl", "http://x/a.crl", "crl", "LDAP:///CN=x?y", NULL },
	{ "require_eku", "1", NULL, NULL, "not an OID" },
	{ "require_eku", "1.", NULL, NULL, "not an OID" },
	{ "require_eku", ".1.2", NULL, NULL, "not an OID" },
	{ "require_eku", "3.1", NULL, NULL, "not an OID" },
	{ "require_eku", "1.40", NULL, NULL, "not an OID" },
	{ "require_eku", "1.100", NULL, NULL, "not an OID" },
	{ "require_eku", "1.2.03", NULL, NULL, "not an OID" },
	{ "require_eku", "1.2..3", NULL, NULL, "not an OID" },
	{ "require_eku", "1.2.3 ", NULL, NULL, "not an OID" },
	{ "require_eku", "1.2.1234567890123456789012345678901234567890",
	  NULL, NULL, "not an OID" },
	{ "require_eku", "2.999.0", "require_eku", "1.39", NULL },
	{ "require_policy", "anyPolicy", NULL, NULL, "not an OID" },
	{ "require_policy", "1.2.3", "require_policy", "1.2.3", "twice" },
	{ "require_policy", "1.2.3", NULL, NULL, NULL },
};

static struct gw_conf_ca *
new_ca(struct gw_conf *conf)
{
	struct gw_conf_ca *ca = gw_conf_instance(conf, section("ca"));

	gw_conf_defaults(ca, section("ca"));
	return ca;
}

Test(conf, ca_check)
{
	for (size_t i = 0; i < GW_COUNT(ca_cases); i++) {
		const struct ca_case *c = &ca_cases[i];
		struct gw_conf conf = { 0 };
		struct gw_error err = { 0 };
		struct gw_conf_ca *ca = new_ca(&conf);
		const char *wrong = "";
		enum gw_err rc;

		cr_assert_eq(gw_conf_set(ca, key("ca", c->key), c->text,
					 NULL), GW_ERR_OK);
		if (c->other != NULL)
			cr_assert_eq(gw_conf_set(ca, key("ca", c->other),
						 c->other_text, NULL),
				     GW_ERR_OK);
		rc = gw_conf_ca_check(ca, CRL_DIR, &wrong, &err);
		cr_expect_eq(rc, c->words == NULL ? GW_ERR_OK : GW_ERR_CONF,
			     "%s %s: %s", c->key, c->text, err.detail);
		if (c->words != NULL) {
			cr_expect_str_eq(wrong, c->key, "%s", c->text);
			cr_expect_eq(strncmp(err.detail, wrong,
					     strlen(wrong)), 0, "%s",
				     err.detail);
			cr_expect_not_null(strstr(err.detail, c->words),
					   "%s: %s", c->text, err.detail);
		}
		gw_conf_clear(&conf);
	}
}

/* What gwctl cannot know is not held against a value. */
Test(conf, ca_check_values)
{
	struct gw_conf conf = { 0 };
	struct gw_error err = { 0 };
	struct gw_conf_ca *ca = new_ca(&conf);
	const char *wrong;

	ca->ocsp_mode = GW_OCSP_OVERRIDE;
	cr_assert_eq(gw_conf_set(ca, key("ca", "crl"), "/x.crl", NULL),
		     GW_ERR_OK);
	cr_expect_eq(gw_conf_ca_check_values(ca, &wrong, &err), GW_ERR_OK);
	cr_expect_neq(gw_conf_ca_check(ca, CRL_DIR, &wrong, &err), GW_ERR_OK);
	ca->ocsp_mode = GW_OCSP_FAILOVER;
	cr_expect_neq(gw_conf_ca_check(ca, "", &wrong, &err), GW_ERR_OK);
	cr_expect_not_null(strstr(err.detail, "gwd.conf does not set"));
	gw_conf_clear(&conf);
}

/* More than is kept, and longer than is kept. */
Test(conf, ca_check_bounds)
{
	static const struct { const char *key, *start; size_t max; } lists[] = {
		{ "crl", "http://x/", GW_CA_CRLS_MAX },
		{ "require_eku", "1.2.", GW_CA_EKUS_MAX },
		{ "require_policy", "1.2.", GW_CA_POLICIES_MAX },
	};
	struct gw_conf conf = { 0 };
	struct gw_conf_ca *ca = new_ca(&conf);
	char url[GW_CA_PLACE_MAX + 2] = "http://x/";
	const char *wrong;

	for (size_t i = 0; i < GW_COUNT(lists); i++) {
		for (size_t j = 0; j <= lists[i].max; j++) {
			gw_auto(free) char *text =
				gw_xasprintf("%s%zu", lists[i].start, j);

			cr_expect_eq(gw_conf_ca_check(ca, "", &wrong, NULL),
				     GW_ERR_OK, "%s %zu", lists[i].key, j);
			cr_assert_eq(gw_conf_set(ca, key("ca", lists[i].key),
						 text, NULL), GW_ERR_OK);
		}
		cr_expect_eq(gw_conf_ca_check(ca, "", &wrong, NULL),
			     GW_ERR_CONF, "%s", lists[i].key);
		gw_conf_reset(ca, key("ca", lists[i].key));
	}
	memset(url + 9, 'a', sizeof(url) - 10);
	cr_assert_eq(gw_conf_set(ca, key("ca", "crl"), url, NULL), GW_ERR_OK);
	cr_expect_eq(gw_conf_ca_check(ca, "", &wrong, NULL), GW_ERR_CONF);
	gw_conf_clear(&conf);
}
