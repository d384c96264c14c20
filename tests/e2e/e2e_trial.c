/* e2e_trial.c — gwctl test-cert: a login tried out without the key, against
 * the lab's gateway. */
#include <criterion/criterion.h>
#include <string.h>

#include "gate.h"
#include "http.h"

static json_t *
report_of(const struct output *o)
{
	json_t *r = json_loads(o->out, 0, NULL);

	cr_assert_not_null(r, "no report: %s%s", o->out, o->err);
	return r;
}

static bool
has_keys(const json_t *o, const char *const *keys, size_t n)
{
	bool ok = json_object_size(o) == n;

	for (size_t i = 0; i < n; i++)
		ok = ok && json_object_get(o, keys[i]) != NULL;
	return ok;
}

/* The form that --offline has. */
static void
check_form(const json_t *report)
{
	static const char *const all[] = { "accepted", "reason", "detail",
					   "stages" };
	static const char *const each[] = { "stage", "ok", "reason", "detail",
					    "us" };
	const json_t *rows = json_object_get(report, "stages"), *row;
	size_t i;

	cr_expect(has_keys(report, all, GW_COUNT(all)));
	json_array_foreach(rows, i, row)
		cr_expect(has_keys(row, each, GW_COUNT(each)));
}

static const char *
state_of(const json_t *report, const char *stage)
{
	const json_t *rows = json_object_get(report, "stages"), *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(json_text(row, "stage"), stage) == 0)
			return json_is_true(json_object_get(row, "ok"))
				       ? "passed" : json_text(row, "reason");
	return "not reached";
}

static const struct {
	const char *card, *reason, *refused_at, *not_reached;
} refusals[] = {
	{ "alice-unknownca", "cert-untrusted", "chain", "profile" },
	{ "alice-expired", "cert-expired", "chain", "profile" },
	{ "alice-eku", "cert-eku", "profile", "revocation" },
	{ "alice-revoked", "cert-revoked", "revocation", "mapping" },
	{ "alice-othersid", "map-sid-mismatch", "directory", "policy" },
	{ "nobody", "map-no-account", "directory", "policy" },
	{ "bob", "account-disabled", "directory", "policy" },
	{ "grace", "policy-group", "policy", "session" },
};

Test(trial, refusals)
{
	for (size_t i = 0; i < GW_COUNT(refusals); i++) {
		struct output o = GWCTL(NULL, "test-cert", "--json",
					lab_cert(refusals[i].card));
		json_t *r = report_of(&o);

		check_form(r);
		cr_expect_eq(o.status, 1, "%s", refusals[i].card);
		cr_expect_str_eq(json_text(r, "reason"), refusals[i].reason);
		cr_expect_str_eq(state_of(r, refusals[i].refused_at),
				 refusals[i].reason, "%s", refusals[i].card);
		cr_expect_str_eq(state_of(r, refusals[i].not_reached),
				 "not reached", "%s", refusals[i].card);
	}
}

static json_int_t
logins(void)
{
	const json_t *l = json_object_get(gate_status(NULL), "logins");

	return json_integer_value(json_object_get(l, "allowed"));
}

static json_int_t
sessions(void)
{
	const json_t *a = json_object_get(gate_status(NULL), "auth");

	return json_integer_value(json_object_get(a, "sessions"));
}

/* Every stage passes, and nobody is in. */
Test(trial, accepted)
{
	static const char *const stages[] = { "chain", "profile", "revocation",
					      "mapping", "directory", "policy",
					      "session" };
	json_int_t before = logins(), there = sessions();
	struct output o = GWCTL(NULL, "test-cert", "--json",
				lab_cert("alice"));
	json_t *r = report_of(&o);

	check_form(r);
	cr_expect_eq(o.status, 0, "%s", o.out);
	cr_expect_str_eq(json_text(r, "reason"), "ok");
	for (size_t i = 0; i < GW_COUNT(stages); i++)
		cr_expect_str_eq(state_of(r, stages[i]), "passed", "%s",
				 stages[i]);
	cr_expect_eq(logins(), before);
	cr_expect_leq(sessions(), there);
}

Test(trial, another_time)
{
	struct output o = GWCTL(NULL, "test-cert", "--at", "2049-01-01",
				lab_cert("alice"));

	cr_expect_eq(o.status, 1);
	cr_expect(contains(o.out, "refused: cert-expired"), "%s", o.out);
	cr_expect(contains(o.out, "not reached"), "%s", o.out);
	cr_expect(contains(o.out, "Renew the card's"), "no cure: %s", o.out);
}

/* The rules are those of the listener. */
Test(trial, another_listener)
{
	struct output o = GWCTL(NULL, "test-cert", "--listener", "any",
				lab_cert("grace"));

	cr_expect_eq(o.status, 0, "%s", o.out);
	cr_expect(contains(o.out, "at listener any"), "%s", o.out);
}

Test(trial, unusable)
{
	struct output o = GWCTL(NULL, "test-cert", "--listener", "no-such",
				lab_cert("alice"));

	cr_expect_eq(o.status, 2);
	cr_expect(contains(o.err, "no such listener"), "%s", o.err);
	o = GWCTL(NULL, "test-cert", lab("SIDS"));
	cr_expect_eq(o.status, 2);
	cr_expect(contains(o.err, "no certificate"), "%s", o.err);
	o = GWCTL(NULL, "test-cert", "--at", "soon", lab_cert("alice"));
	cr_expect_eq(o.status, 2);
	o = GWCTL(NULL, "test-cert");
	cr_expect_eq(o.status, 2);
	o = GWCTL(NULL, "test-cert", lab_cert("alice"), lab_cert("bob"));
	cr_expect_eq(o.status, 2);
}
