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
	bool no_smartcard;
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
	};
}

/* Each name is registered under its own section. */
static enum gw_err
judge(const char *given[3], const char *registered[3], struct gw_error *err)
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
	rc = gw_demands_verify(t, certs, NOW, &path, err);
	if (rc == GW_ERR_OK)
		rc = gw_demands_profile(gw_path_leaf(&path), path.ca, err);
	gw_path_clear(&path);
	sk_X509_free(certs);
	gw_trust_free(t);
	return rc;
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
