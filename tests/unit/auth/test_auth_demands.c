/* What the section of a CA demands and gives up: each demand with what meets
 * it and what does not, and no section's leniency for another's paths. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "demands.h"
#include "gw/util.h"
#include "vectors.h"

struct demand {
	const char *policies[2], *ekus[2], *relax[2];
	int depth; /* -1: as by default */
	bool no_smartcard, ntauth;
	int64_t skew_ms;
};

static struct gw_conf_ca sections[4];
static char *words[4][3][2];

static struct gw_strlist
list(char *room[2], const char *const from[2])
{
	struct gw_strlist l = { .v = room };

	for (size_t i = 0; i < 2 && from[i] != NULL; i++)
		room[l.n++] = (char *)(uintptr_t)from[i];
	return l;
}

static void
demand(size_t n, const struct demand *d)
{
	struct gw_conf_ca *ca = &sections[n];

	*ca = (struct gw_conf_ca){
		.title = (char *)"t", .max_depth = d->depth < 0 ? 8 : d->depth,
		.require_smartcard_eku = !d->no_smartcard,
		.require_policy = list(words[n][0], d->policies),
		.require_eku = list(words[n][1], d->ekus),
		.relax = list(words[n][2], d->relax),
		.ntauth = d->ntauth, .validity_skew_ms = d->skew_ms,
	};
}

/* Each name is registered under its own section. The section found is
 * `*out_ca`. */
static enum gw_err
judge_at(const char *given[3], const char *registered[3],
	 const struct gw_demands *d, time_t now,
	 const struct gw_conf_ca **out_ca, struct gw_error *err)
{
	struct gw_trust *t = gw_trust_new();
	STACK_OF(X509) *certs = sk_X509_new_null();
	struct gw_path path = { .certs = NULL };
	enum gw_err rc;

	for (size_t i = 0; i < 3 && registered[i] != NULL; i++)
		cr_assert_eq(gw_trust_add_cert(t, vec(registered[i]),
					       &sections[i], err), GW_ERR_OK);
	for (size_t i = 0; i < 3 && given[i] != NULL; i++)
		sk_X509_push(certs, vec(given[i]));
	rc = gw_demands_verify(t, d, certs, now, &path, err);
	if (rc == GW_ERR_OK)
		rc = gw_demands_profile(d, &path, err);
	*out_ca = path.ca;
	gw_path_clear(&path);
	sk_X509_free(certs);
	gw_trust_free(t);
	return rc;
}

static enum gw_err
judge(const char *given[3], const char *registered[3], struct gw_error *err)
{
	static const struct gw_demands as_written;
	const struct gw_conf_ca *ca;

	return judge_at(given, registered, &as_written, NOW, &ca, err);
}

#define POLICY  "1.2.3.4.5"
#define CLIENT  "1.3.6.1.5.5.7.3.2"
#define CODE    "1.3.6.1.5.5.7.3.3"
#define CARD    "1.3.6.1.4.1.311.20.2.2"

static const struct {
	const char *what;
	const char *given[3], *registered[3];
	struct demand demands[2]; /* of the first two registered */
	enum gw_err want;
} cases[] = {
	{ "nothing special", { "good" }, { "issuing", "root" },
	  { { .depth = -1 }, { .depth = -1 } }, GW_ERR_OK },

	{ "a policy it lacks", { "good" }, { "issuing", "root" },
	  { { .depth = -1, .policies = { POLICY } }, { .depth = -1 } },
	  GW_ERR_CERT_POLICY },
	{ "a policy of another arc", { "with-policy" }, { "policy-ca" },
	  { { .depth = -1, .policies = { "1.2.3.4" } } },
	  GW_ERR_CERT_POLICY },
	{ "a policy that is no OID", { "with-policy" }, { "policy-ca" },
	  { { .depth = -1, .policies = { "x" } } }, GW_ERR_CERT_POLICY },
	{ "a policy it has", { "with-policy" }, { "policy-ca" },
	  { { .depth = -1, .policies = { POLICY } } }, GW_ERR_OK },
	{ "one of two policies", { "with-policy" }, { "policy-ca" },
	  { { .depth = -1, .policies = { "1.2.3.4", POLICY } } }, GW_ERR_OK },
	{ "another section's policy", { "good" }, { "issuing", "root" },
	  { { .depth = -1 }, { .depth = -1, .policies = { POLICY } } },
	  GW_ERR_OK },

	{ "deeper than allowed", { "good-lower", "lower", "middle" },
	  { "root" }, { { .depth = 1 } }, GW_ERR_CERT_CONSTRAINT },
	{ "as deep as allowed", { "good-lower", "lower", "middle" },
	  { "root" }, { { .depth = 2 } }, GW_ERR_OK },
	{ "no CA between", { "good" }, { "issuing" }, { { .depth = 0 } },
	  GW_ERR_OK },

	{ "a purpose it lacks", { "good" }, { "issuing" },
	  { { .depth = -1, .ekus = { CODE } } }, GW_ERR_CERT_EKU },
	{ "a purpose it has", { "good" }, { "issuing" },
	  { { .depth = -1, .ekus = { CLIENT, CARD } } }, GW_ERR_OK },
	{ "no smart card", { "client" }, { "issuing" }, { { .depth = -1 } },
	  GW_ERR_CERT_EKU },
	{ "no smart card wanted", { "client" }, { "issuing" },
	  { { .depth = -1, .no_smartcard = true } }, GW_ERR_OK },
	{ "any purpose", { "any-eku" }, { "issuing" }, { { .depth = -1 } },
	  GW_ERR_CERT_EKU },
	{ "any purpose will do", { "any-eku" }, { "issuing" },
	  { { .depth = -1, .relax = { "any-eku" } } }, GW_ERR_OK },
	{ "any will do, but it has none", { "no-eku" }, { "issuing" },
	  { { .depth = -1, .relax = { "any-eku" } } }, GW_ERR_CERT_EKU },

	{ "a CA for servers", { "by-server-ca" }, { "server-ca" },
	  { { .depth = -1 } }, GW_ERR_CERT_EKU },
	{ "a CA for servers, given up", { "by-server-ca" }, { "server-ca" },
	  { { .depth = -1, .relax = { "ca-eku" } } }, GW_ERR_OK },
	{ "a CA for clients, without cards", { "by-client-ca" },
	  { "client-ca" }, { { .depth = -1 } }, GW_ERR_CERT_EKU },
	{ "a CA for clients, no card wanted", { "by-client-ca" },
	  { "client-ca" }, { { .depth = -1, .no_smartcard = true } },
	  GW_ERR_OK },
	{ "a CA for clients, given up", { "by-client-ca" }, { "client-ca" },
	  { { .depth = -1, .relax = { "ca-eku" } } }, GW_ERR_OK },
	{ "given up by another", { "by-server-ca" }, { "server-ca", "root" },
	  { { .depth = -1 }, { .depth = -1, .relax = { "ca-eku" } } },
	  GW_ERR_CERT_EKU },

	{ "no key identifier", { "no-akid" }, { "issuing" },
	  { { .depth = -1 } }, GW_ERR_CERT_CONSTRAINT },
	{ "no key identifier, given up", { "no-akid" }, { "issuing" },
	  { { .depth = -1, .relax = { "lenient" } } }, GW_ERR_OK },
	{ "given up by the root alone", { "no-akid" }, { "issuing", "root" },
	  { { .depth = -1 }, { .depth = -1, .relax = { "lenient" } } },
	  GW_ERR_CERT_CONSTRAINT },
	{ "given up by the root alone, the CA sent",
	  { "no-akid", "issuing" }, { "issuing", "root" },
	  { { .depth = -1 }, { .depth = -1, .relax = { "lenient" } } },
	  GW_ERR_CERT_CONSTRAINT },
	{ "lenient, and over", { "expired" }, { "issuing" },
	  { { .depth = -1, .relax = { "lenient", "ca-eku" } } },
	  GW_ERR_CERT_EXPIRED },
	{ "lenient, and a stranger's", { "stranger" }, { "issuing" },
	  { { .depth = -1, .relax = { "lenient", "ca-eku" } } },
	  GW_ERR_CERT_UNTRUSTED },
};

Test(demands, table)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		const char *given[3], *registered[3];
		struct gw_error err = { .code = GW_ERR_OK };
		enum gw_err rc;

		memcpy(given, cases[i].given, sizeof(given));
		memcpy(registered, cases[i].registered, sizeof(registered));
		demand(0, &cases[i].demands[0]);
		demand(1, &cases[i].demands[1]);
		rc = judge(given, registered, &err);
		cr_expect_eq(rc, cases[i].want, "%s: %s: %s", cases[i].what,
			     gw_err_name(rc), err.detail);
	}
}

/* ---- of two paths the one that is accepted */

static struct gw_ntauth ntauth;

/* "good" under the one CA that has been certified twice, whose sections are
 * `demands`; the section found must be the second. */
static enum gw_err
judge_two(const struct demand demands[2], bool is_reversed,
	  const struct gw_demands *d, struct gw_error *err)
{
	const char *given[3] = { "good" };
	const char *registered[3] = { "issuing", "crossed" };
	const struct gw_conf_ca *ca;
	enum gw_err rc;

	if (is_reversed) {
		registered[0] = "crossed";
		registered[1] = "issuing";
	}
	demand(0, &demands[0]);
	demand(1, &demands[1]);
	rc = judge_at(given, registered, d, NOW, &ca, err);
	if (rc == GW_ERR_OK)
		cr_expect_eq(ca, &sections[1], "the other section's");
	return rc;
}

static void
expect_two(const char *what, const struct demand demands[2], enum gw_err want)
{
	const struct gw_demands d = { .ntauth = &ntauth };
	struct gw_error err = { .code = GW_ERR_OK };

	for (int i = 0; i < 2; i++) {
		enum gw_err rc = judge_two(demands, i == 1, &d, &err);

		cr_expect_eq(rc, want, "%s, %d: %s: %s", what, i,
			     gw_err_name(rc), err.detail);
	}
}

Test(demands, the_other_path)
{
	expect_two("none has the purpose", (struct demand[2]){
		{ .depth = -1, .ekus = { CODE } },
		{ .depth = -1, .ekus = { CODE } } }, GW_ERR_CERT_EKU);
	expect_two("one wants a purpose", (struct demand[2]){
		{ .depth = -1, .ekus = { CODE } }, { .depth = -1 } },
		GW_ERR_OK);
	expect_two("one wants a policy", (struct demand[2]){
		{ .depth = -1, .policies = { POLICY } }, { .depth = -1 } },
		GW_ERR_OK);
	expect_two("one wants NTAuth, which is not known", (struct demand[2]){
		{ .depth = -1, .ntauth = true }, { .depth = -1 } },
		GW_ERR_OK);
	expect_two("both want NTAuth, which is not known", (struct demand[2]){
		{ .depth = -1, .ntauth = true },
		{ .depth = -1, .ntauth = true } }, GW_ERR_KDC_UNAVAILABLE);
}

Test(demands, the_path_in_ntauth)
{
	const struct demand both[2] = { { .depth = -1, .ntauth = true },
					{ .depth = -1, .ntauth = true } };
	const struct gw_demands d = { .ntauth = &ntauth };
	struct gw_ntauth_msg m = { .count = 1 };
	struct gw_error err = { .code = GW_ERR_OK };

	gw_cert_sha256(vec("root"), m.sha256[0]);
	gw_ntauth_set(&ntauth, &m);
	cr_expect_eq(judge_two(both, false, &d, &err), GW_ERR_CERT_NTAUTH);
	gw_cert_sha256(vec("crossed"), m.sha256[0]);
	gw_ntauth_set(&ntauth, &m);
	cr_expect_eq(judge_two(both, false, &d, &err), GW_ERR_OK, "%s",
		     err.detail);
	gw_cert_sha256(vec("issuing"), m.sha256[0]);
	gw_ntauth_set(&ntauth, &m);
	cr_expect_eq(judge_two(both, true, &d, &err), GW_ERR_OK, "%s",
		     err.detail);
	gw_ntauth_clear(&ntauth);
}

/* ---- skew */

#define EXPIRED_END INT64_C(1609459200) /* 2021-01-01 */
#define NOT_YET     INT64_C(2366841600) /* 2045-01-01 */

static const struct {
	const char *what, *card, *registered[3];
	struct demand demands[2];
	int64_t at;
	enum gw_err want;
} skews[] = {
	{ "the last second", "expired", { "issuing", "root" },
	  { { .depth = -1 }, { .depth = -1 } }, EXPIRED_END, GW_ERR_OK },
	{ "one too many by default", "expired", { "issuing", "root" },
	  { { .depth = -1 }, { .depth = -1 } }, EXPIRED_END + 1,
	  GW_ERR_CERT_EXPIRED },
	{ "within", "expired", { "issuing", "root" },
	  { { .depth = -1, .skew_ms = 60000 }, { .depth = -1 } },
	  EXPIRED_END + 60, GW_ERR_OK },
	{ "beyond", "expired", { "issuing", "root" },
	  { { .depth = -1, .skew_ms = 60000 }, { .depth = -1 } },
	  EXPIRED_END + 61, GW_ERR_CERT_EXPIRED },
	{ "the root's alone", "expired", { "issuing", "root" },
	  { { .depth = -1 }, { .depth = -1, .skew_ms = 60000 } },
	  EXPIRED_END + 1, GW_ERR_CERT_EXPIRED },
	{ "the first second", "not-yet", { "issuing" }, { { .depth = -1 } },
	  NOT_YET, GW_ERR_OK },
	{ "a second before by default", "not-yet", { "issuing" },
	  { { .depth = -1 } }, NOT_YET - 1, GW_ERR_CERT_NOT_YET_VALID },
	{ "before, within", "not-yet", { "issuing" },
	  { { .depth = -1, .skew_ms = 60000 } }, NOT_YET - 60, GW_ERR_OK },
	{ "before, beyond", "not-yet", { "issuing" },
	  { { .depth = -1, .skew_ms = 60000 } }, NOT_YET - 61,
	  GW_ERR_CERT_NOT_YET_VALID },
	{ "within, and a stranger's", "stranger", { "issuing" },
	  { { .depth = -1, .skew_ms = 60000 } }, NOW, GW_ERR_CERT_UNTRUSTED },
};

Test(demands, skew)
{
	static const struct gw_demands as_written;

	for (size_t i = 0; i < GW_COUNT(skews); i++) {
		const char *given[3] = { skews[i].card }, *registered[3];
		struct gw_error err = { .code = GW_ERR_OK };
		const struct gw_conf_ca *ca;
		enum gw_err rc;

		memcpy(registered, skews[i].registered, sizeof(registered));
		demand(0, &skews[i].demands[0]);
		demand(1, &skews[i].demands[1]);
		rc = judge_at(given, registered, &as_written, skews[i].at,
			      &ca, &err);
		cr_expect_eq(rc, skews[i].want, "%s: %s: %s", skews[i].what,
			     gw_err_name(rc), err.detail);
	}
}

/* The end of a session follows: what lets in for a minute more lasts so. */
Test(demands, skew_moves_the_ends)
{
	static const struct gw_demands as_written;
	const struct demand minute = { .depth = -1, .skew_ms = 60000 };
	struct gw_trust *t = gw_trust_new();
	STACK_OF(X509) *certs = sk_X509_new_null();
	struct gw_path path;
	struct gw_error err;

	demand(0, &minute);
	cr_assert_eq(gw_trust_add_cert(t, vec("issuing"), &sections[0], &err),
		     GW_ERR_OK);
	sk_X509_push(certs, vec("expired"));
	cr_assert_eq(gw_demands_verify(t, &as_written, certs, EXPIRED_END - 5,
				       &path, &err), GW_ERR_OK);
	cr_expect_eq(path.not_after, EXPIRED_END + 60);
	cr_expect_eq(path.not_before, INT64_C(1577836800) - 60);
	gw_path_clear(&path);
	sk_X509_free(certs);
	gw_trust_free(t);
}
