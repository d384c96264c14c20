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
