/* e2e_mapping.c — how a certificate leads to an account, by each setting of
 * `mapping`, and listeners where it leads to none: gateways of our own between
 * the lab's responder, dc1 and echo. */
#include "gate.h"
#include "http.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(mapping, .timeout = 300);
TestSuite(certificate_only, .timeout = 300);

static char *
replaced(const char *s, const char *find, const char *put)
{
	const char *at = strstr(s, find);

	cr_assert_not_null(at, "no %s in %s", find, s);
	return text("%.*s%s%s", (int)(at - s), s, put, at + strlen(find));
}

/* Of one DC, so that nothing waits for replication. `mapping` is what stands
 * in that section. */
static struct gate
start_with(const char *mapping)
{
	char *dir = scratch_dir();
	const char *conf = conf_text(dir, lab("ECHO_URL") + 7);

	conf = replaced(conf, text(", \"%s@%s\"", lab("DC2_NAME"),
				   lab("DC2_ADDR")), "");
	return gate_start(dir, text("%smapping { %s }\n", conf, mapping));
}

static bool
is_up(void *arg)
{
	struct gate *g = arg;

	return !contains(FETCH(.base = g->url, .card = "alice",
			       .accept = "application/json").body,
			 "kdc-un");
}

struct want {
	const char *card;
	const char *user;   /* NULL: refused */
	const char *reason; /* how it was mapped, or why not */
};

static void
expect(struct gate *g, const struct want *w)
{
	struct answer a = FETCH(.base = g->url, .card = w->card,
				.accept = "application/json");
	json_t *e;

	if (w->user == NULL) {
		cr_expect_str_eq(reason_of(&a), w->reason, "%s", w->card);
		return;
	}
	cr_expect_eq(a.status, 200, "%s: got %ld: %s", w->card, a.status,
		     a.body);
	if (a.status != 200)
		return;
	e = json_of(&a);
	cr_expect_str_eq(field_value(e, "X-Remote-User"), w->user);
	cr_expect_str_eq(field_value(e, "X-Remote-Mapping"), w->reason, "%s",
			 w->card);
}

static void
expect_all(const char *mapping, const struct want *wants)
{
	struct gate g = start_with(mapping);

	cr_assert(await(60000, is_up, &g), "no DC: %s", slurp(g.log));
	for (; wants->card != NULL; wants++)
		expect(&g, wants);
	gate_stop(&g);
}

Test(mapping, strong_is_required)
{
	expect_all("upn_suffixes = {\"mil\"}", (const struct want[]){
		{ "alice", "alice", "sid" },
		{ "alice-sidonly", "alice", "sid" },
		{ "oscar", "oscar", "sid" },
		{ "oscar-serial", "oscar", "altsecid" },
		{ "oscar-ski", "oscar", "altsecid" },
		{ "oscar-sha1", "oscar", "altsecid" },
		{ "oscar-weak", NULL, "map-weak" },
		{ "alice-nosid", NULL, "map-weak" },
		{ "alice-before", NULL, "map-weak" },
		{ "alice-noupn", NULL, "map-no-upn" },
		{ "alice-othersid", NULL, "map-sid-mismatch" },
		{ NULL, NULL, NULL } });
}

/* Without enforcement; what names two accounts is refused all the same. */
#define WEAK_WILL_DO \
	{ "oscar", "oscar", "sid" }, \
	{ "oscar-serial", "oscar", "altsecid" }, \
	{ "oscar-weak", "oscar", "altsecid-weak" }, \
	{ "alice-nosid", "alice", "upn" }, \
	{ "alice-noupn", NULL, "map-no-upn" }, \
	{ "nobody", NULL, "map-no-account" }, \
	{ "alice-othersid", NULL, "map-sid-mismatch" }, \
	{ "nobody-sid", NULL, "map-no-account" }

Test(mapping, strong_is_preferred)
{
	expect_all("strong = prefer upn_suffixes = {\"mil\"}",
		   (const struct want[]){
			   WEAK_WILL_DO,
			   { "alice-before", NULL, "map-weak" },
			   { NULL, NULL, NULL } });
}

Test(mapping, strong_is_off)
{
	expect_all("strong = off upn_suffixes = {\"mil\"}",
		   (const struct want[]){
			   WEAK_WILL_DO,
			   { "alice-before", "alice", "upn" },
			   { NULL, NULL, NULL } });
}

/* Neither the domain's nor the forest's, and nobody has named it. */
Test(mapping, suffix_of_nobody)
{
	expect_all("strong = off", (const struct want[]){
		{ "oscar", NULL, "map-foreign-realm" },
		{ "foreign", NULL, "map-foreign-realm" },
		{ "oscar-serial", "oscar", "altsecid" },
		{ NULL, NULL, NULL } });
}

/* ---- no account at all */

/* Without a section directory: a site that has none. */
static struct gate
start_without_accounts(void)
{
	char *dir = scratch_dir();
	const char *conf = conf_text(dir, lab("ECHO_URL") + 7);
	const char *from = strstr(conf, "directory {");
	const char *to = strstr(conf, "ca \"issuing\"");

	conf = text("%.*s%s", (int)(from - conf), conf, to);
	conf = replaced(conf, "listener \"door\" {",
			"listener \"door\" { admission = certificate");
	return gate_start(dir, conf);
}

static void
expect_no_name(const json_t *echo)
{
	static const char *const names[] = {
		"X-Remote-User", "X-Remote-UPN", "X-Remote-SID",
		"X-Remote-Groups", "X-Remote-Mapping",
	};

	for (size_t i = 0; i < GW_COUNT(names); i++)
		cr_expect_null(field_value(echo, names[i]), "%s: %s",
			       names[i], field_value(echo, names[i]));
}

/* Bob's account is disabled, which nobody looks at; his name goes nowhere, nor
 * does one that a client makes up. */
Test(certificate_only, the_upstream_learns_no_name)
{
	static const char *const forged[] = { "X-Remote-User: root",
					      "X-Remote-Mapping: sid", NULL };
	static const char *const cards[] = { "alice", "bob", "alice-noupn" };
	struct gate g = start_without_accounts();

	for (size_t i = 0; i < GW_COUNT(cards); i++) {
		struct answer a = FETCH(.base = g.url, .card = cards[i],
					.headers = forged);
		json_t *e;

		cr_assert_eq(a.status, 200, "%s: got %ld: %s", cards[i],
			     a.status, a.body);
		e = json_of(&a);
		expect_no_name(e);
		cr_expect_not_null(field_value(e, "Client-Cert"));
	}
	gate_stop(&g);
}

Test(certificate_only, everything_else_is_asked)
{
	static const struct want wants[] = {
		{ "alice-revoked", NULL, "cert-revoked" },
		{ "alice-expired", NULL, "cert-expired" },
		{ "alice-eku", NULL, "cert-eku" },
		{ "alice-unknownca", NULL, "cert-untrusted" },
	};
	struct gate g = start_without_accounts();

	for (size_t i = 0; i < GW_COUNT(wants); i++)
		expect(&g, &wants[i]);
	gate_stop(&g);
}

/* Where nobody can miss it: among what is wrong, above the tables. */
Test(certificate_only, status_says_so)
{
	struct gate g = start_without_accounts();
	struct output o = GWCTL(g.socket, "status");
	const char *words = strstr(o.out, "admits by certificate alone");
	const char *table = strstr(o.out, "Listeners");

	cr_assert_not_null(words, "%s", o.out);
	cr_expect(table != NULL && words < table, "%s", o.out);
	cr_expect(contains(o.out, "no account is looked up"), "%s", o.out);
	cr_expect(contains(GWCTL(g.socket, "status", "--json").out,
			   "\"admission\": \"certificate\""));
	gate_stop(&g);
}
