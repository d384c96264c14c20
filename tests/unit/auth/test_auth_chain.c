/* Paths: what must not lead to a registered CA does not, and each refusal has
 * its own name. Then the profile of a card. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "gw/util.h"
#include "profile.h"
#include "vectors.h"

static struct gw_conf_ca sections[8];
static char titles[8][32];

/* Each word of `names` is registered in a section of its own, whose title is
 * the word. */
static struct gw_trust *
trust_of(const char *names)
{
	struct gw_trust *t = gw_trust_new();
	char *copy = gw_xstrdup(names), *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save)) {
		char pem[8192];
		FILE *f = fopen(vec_path(w, ".pem"), "r");
		size_t len = fread(pem, 1, sizeof(pem), f);
		struct gw_error err;

		fclose(f);
		cr_assert(gw_copy(titles[n], sizeof(titles[n]), w));
		sections[n].title = titles[n];
		cr_assert_eq(gw_trust_add(t, (const uint8_t *)pem, len,
					  &sections[n], &err), GW_ERR_OK,
			     "%s: %s", w, err.detail);
		n++;
	}
	free(copy);
	return t;
}

static size_t
chain_of(const char *names, struct gw_der out[GW_CHAIN_MAX])
{
	char *copy = gw_xstrdup(names), *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save))
		out[n++] = vec_der(w);
	free(copy);
	return n;
}

static enum gw_err
judge(const char *given, const char *registered, time_t now,
      struct gw_path *path, struct gw_error *err)
{
	static const struct gw_chain_rules rules = {
		.max_depth = GW_CHAIN_DEPTH,
	};
	struct gw_trust *t = trust_of(registered);
	struct gw_der chain[GW_CHAIN_MAX];
	size_t n = chain_of(given, chain);
	STACK_OF(X509) *certs = NULL;
	enum gw_err rc = gw_certs_parse(chain, n, &certs, err);

	if (rc == GW_ERR_OK)
		rc = gw_chain_verify(t, &rules, certs, now, path, err);
	gw_certs_free(certs);
	gw_trust_free(t);
	return rc;
}

static const struct chain_case {
	const char *given, *registered;
	enum gw_err want;
	const char *detail; /* part of it */
} refusals[] = {
	{ "good", "other-root", GW_ERR_CERT_UNTRUSTED, "depth 0" },
	{ "good", "root", GW_ERR_CERT_UNTRUSTED, "depth 0, CN=good" },
	{ "good issuing root", "rsa-ca", GW_ERR_CERT_UNTRUSTED, "" },
	{ "good issuing root", "other-root", GW_ERR_CERT_UNTRUSTED, "" },
	/* the registered CA has the name of the issuer but not its key */
	{ "stranger other-issuing other-root", "root issuing",
	  GW_ERR_CERT_UNTRUSTED, "" },
	{ "stranger", "issuing", GW_ERR_CERT_UNTRUSTED, "" },
	/* a registered CA is not a card, self-signed or not */
	{ "root", "root", GW_ERR_CERT_UNTRUSTED, "nobody's card" },
	{ "issuing", "issuing", GW_ERR_CERT_UNTRUSTED, "nobody's card" },
	{ "card-root", "card-root", GW_ERR_CERT_UNTRUSTED, "nobody's card" },
	{ "card-ca", "card-ca", GW_ERR_CERT_UNTRUSTED, "nobody's card" },
	{ "expired", "root issuing", GW_ERR_CERT_EXPIRED, "CN=expired" },
	{ "not-yet", "root issuing", GW_ERR_CERT_NOT_YET_VALID, "depth 0" },
	/* the registered root above the registered CA counts */
	{ "of-old", "old-issuing old-root", GW_ERR_CERT_EXPIRED,
	  "CN=Old Root" },
	{ "of-old old-issuing", "old-root", GW_ERR_CERT_EXPIRED,
	  "CN=Old Root" },
	{ "critical", "root issuing", GW_ERR_CERT_CONSTRAINT, "critical" },
	/* RFC 5280, 4.2.1.1; X509_V_FLAG_X509_STRICT holds the CA to it */
	{ "no-akid", "root issuing", GW_ERR_CERT_CONSTRAINT,
	  "Authority Key Identifier" },
	{ "too-deep under-0 issuing", "root", GW_ERR_CERT_CONSTRAINT,
	  "path length" },
	{ "by-card good issuing", "root", GW_ERR_CERT_CONSTRAINT,
	  "depth 1" },
	{ "by-no-certsign no-certsign", "root", GW_ERR_CERT_CONSTRAINT,
	  "depth 1" },
	{ "by-server-ca server-ca", "root", GW_ERR_CERT_EKU,
	  "depth 1, CN=Server CA" },
	{ "outside names-ca", "root", GW_ERR_CERT_CONSTRAINT, "permitted" },
	{ "no-policy policy-ca", "root", GW_ERR_CERT_POLICY, "" },
	{ "weak-rsa", "root issuing", GW_ERR_CERT_WEAK_KEY, "depth 0" },
	{ "by-weak-ca weak-ca", "root", GW_ERR_CERT_WEAK_KEY, "depth 1" },
	{ "sha1", "root issuing", GW_ERR_CERT_WEAK_KEY, "" },
	{ "explicit-curve", "root issuing", GW_ERR_CERT_WEAK_KEY,
	  "explicit" },
	{ "dsa", "root issuing", GW_ERR_CERT_WEAK_KEY, "DSA" },
	/* nothing a client sends may break a limit, path or not */
	{ "good issuing dsa", "root", GW_ERR_CERT_WEAK_KEY,
	  "certificate 2" },
};

Test(chain, refusals)
{
	for (size_t i = 0; i < GW_COUNT(refusals); i++) {
		const struct chain_case *c = &refusals[i];
		struct gw_error err = { .code = GW_ERR_OK };
		struct gw_path path = { .certs = NULL };
		enum gw_err rc = judge(c->given, c->registered, NOW, &path,
				       &err);

		cr_expect_eq(rc, c->want, "%s | %s: %s: %s", c->given,
			     c->registered, gw_err_name(rc), err.detail);
		cr_expect_not_null(strstr(err.detail, c->detail), "%s: %s",
				   c->given, err.detail);
		cr_expect_null(path.certs);
	}
}

static const struct path_case {
	const char *given, *registered, *nearest;
	int length;
} passes[] = {
	{ "good", "root issuing", "issuing", 3 },
	{ "good", "issuing root", "issuing", 3 },
	{ "good issuing", "root", "root", 3 },
	{ "good issuing root", "root", "root", 3 },
	/* an intermediate alone is enough */
	{ "good", "issuing", "issuing", 2 },
	{ "good issuing", "issuing", "issuing", 2 },
	{ "good issuing root", "issuing", "issuing", 2 },
	{ "of-old old-issuing old-root", "old-issuing", "old-issuing", 2 },
	/* a stranger's namesakes change nothing */
	{ "good other-issuing other-root", "root issuing", "issuing", 3 },
	{ "good other-issuing issuing", "root", "root", 3 },
	{ "stranger", "issuing other-issuing", "other-issuing", 2 },
	{ "good-lower lower middle", "root", "root", 4 },
	{ "good-lower lower", "middle", "middle", 3 },
	{ "good-lower lower", "root middle", "middle", 4 },
	{ "good-rsa", "root issuing", "issuing", 3 },
	{ "good-ed25519", "root issuing", "issuing", 3 },
	{ "good-pss", "root rsa-ca", "rsa-ca", 3 },
	{ "inside names-ca", "root", "root", 3 },
	{ "with-policy policy-ca", "root", "root", 3 },
};

Test(chain, passes)
{
	for (size_t i = 0; i < GW_COUNT(passes); i++) {
		const struct path_case *c = &passes[i];
		struct gw_error err = { .code = GW_ERR_OK };
		struct gw_path path = { .certs = NULL };
		enum gw_err rc = judge(c->given, c->registered, NOW, &path,
				       &err);

		cr_expect_eq(rc, GW_ERR_OK, "%s | %s: %s: %s", c->given,
			     c->registered, gw_err_name(rc), err.detail);
		if (rc != GW_ERR_OK)
			continue;
		cr_expect_str_eq(path.ca->title, c->nearest, "%s", c->given);
		cr_expect_eq(sk_X509_num(path.certs), c->length, "%s",
			     c->given);
		gw_path_clear(&path);
	}
}

Test(chain, the_issuer_is_the_verified_one)
{
	struct gw_path path;
	struct gw_error err;

	cr_assert_eq(judge("good other-issuing", "root issuing", NOW, &path,
			   &err), GW_ERR_OK);
	cr_expect_eq(X509_cmp(gw_path_issuer(&path), vec("issuing")), 0);
	cr_expect_eq(X509_cmp(gw_path_leaf(&path), vec("good")), 0);
	gw_path_clear(&path);
}

Test(chain, time_is_a_parameter)
{
	struct gw_path path;
	struct gw_error err;

	cr_expect_eq(judge("expired", "root issuing", 1600000000, &path,
			   &err), GW_ERR_OK);
	cr_expect_eq(path.not_after, 1609459200, "the leaf ends first");
	gw_path_clear(&path);
	cr_expect_eq(judge("of-old", "old-root old-issuing", 1600000000,
			   &path, &err), GW_ERR_OK);
	cr_expect_eq(path.not_after, 1735689600, "the root ends first");
	gw_path_clear(&path);
	cr_expect_eq(judge("good", "root issuing", 1500000000, &path, &err),
		     GW_ERR_CERT_NOT_YET_VALID);
	cr_expect_eq(judge("good", "root issuing", 2600000000, &path, &err),
		     GW_ERR_CERT_EXPIRED);
}

/* A bit of the signature, of the key, of the name. */
Test(chain, damaged)
{
	static const struct gw_chain_rules rules = {
		.max_depth = GW_CHAIN_DEPTH,
	};
	struct gw_trust *t = trust_of("root issuing");
	struct gw_der good = vec_der("good");

	for (size_t at = 0; at < good.len; at++) {
		uint8_t *copy = gw_xcalloc(good.len, 1);
		struct gw_der d = { copy, good.len };
		STACK_OF(X509) *certs = NULL;
		struct gw_path path = { .certs = NULL };
		struct gw_error err;
		enum gw_err rc;

		memcpy(copy, good.p, good.len);
		copy[at] ^= 0x01;
		rc = gw_certs_parse(&d, 1, &certs, &err);
		if (rc == GW_ERR_OK)
			rc = gw_chain_verify(t, &rules, certs, NOW, &path,
					     &err);
		cr_expect_neq(rc, GW_ERR_OK, "byte %zu", at);
		gw_certs_free(certs);
		free(copy);
	}
	gw_trust_free(t);
}

Test(chain, bad_signature_has_its_name)
{
	struct gw_der good = vec_der("good");
	uint8_t copy[GW_CERT_MAX];
	struct gw_der d = { copy, good.len };
	struct gw_trust *t = trust_of("root issuing");
	STACK_OF(X509) *certs = NULL;
	struct gw_path path;
	struct gw_error err;

	memcpy(copy, good.p, good.len);
	copy[good.len - 1] ^= 0x01;
	cr_assert_eq(gw_certs_parse(&d, 1, &certs, &err), GW_ERR_OK);
	cr_expect_eq(gw_chain_verify(t, &(struct gw_chain_rules){
					.max_depth = 8 }, certs,
				     NOW, &path, &err),
		     GW_ERR_CERT_BAD_SIGNATURE, "%s", err.detail);
	gw_certs_free(certs);
	gw_trust_free(t);
}

Test(chain, depth)
{
	struct gw_trust *t = trust_of("root");
	struct gw_der chain[GW_CHAIN_MAX];
	size_t n = chain_of("good-lower lower middle", chain);
	STACK_OF(X509) *certs = NULL;
	struct gw_path path;
	struct gw_error err;

	cr_assert_eq(gw_certs_parse(chain, n, &certs, &err), GW_ERR_OK);
	cr_expect_eq(gw_chain_verify(t, &(struct gw_chain_rules){
					.max_depth = 2 }, certs,
				     NOW, &path, &err), GW_ERR_OK);
	gw_path_clear(&path);
	cr_expect_neq(gw_chain_verify(t, &(struct gw_chain_rules){
					.max_depth = 1 }, certs,
				      NOW, &path, &err), GW_ERR_OK);
	gw_certs_free(certs);
	gw_trust_free(t);
}

Test(chain, every_unlisted_error_is_untrusted)
{
	cr_expect_eq(gw_chain_reason(X509_V_ERR_UNSPECIFIED),
		     GW_ERR_CERT_UNTRUSTED);
	cr_expect_eq(gw_chain_reason(X509_V_ERR_INVALID_CALL),
		     GW_ERR_CERT_UNTRUSTED);
	cr_expect_eq(gw_chain_reason(X509_V_ERR_CERT_REJECTED),
		     GW_ERR_CERT_UNTRUSTED);
	for (int e = -5; e < 300; e++)
		cr_expect_neq(gw_chain_reason(e), GW_ERR_OK, "%d", e);
}

/* ---- limits */

static enum gw_err
parse_raw(const struct raw_ext *exts, size_t n, struct gw_error *err)
{
	X509 *x = vec_raw(exts, n), *out = NULL;
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);
	enum gw_err rc = gw_cert_parse((struct gw_der){ der, (size_t)len },
				       &out, err);

	X509_free(out);
	OPENSSL_free(der);
	X509_free(x);
	return rc;
}

Test(limits, names_and_constraints)
{
	static uint8_t many[4 + 3 * 300];
	struct raw_ext san = { "subjectAltName", many, 0 };
	struct raw_ext nc = { "nameConstraints", NULL, 0 };
	struct gw_error err;
	size_t n = 257, body = 3 * n;
	uint8_t deep[8], *wide;

	/* SEQUENCE OF [2] "a" */
	many[0] = 0x30;
	many[1] = 0x82;
	many[2] = (uint8_t)(body >> 8);
	many[3] = (uint8_t)body;
	for (size_t i = 0; i < n; i++)
		memcpy(many + 4 + 3 * i, "\x82\x01" "a", 3);
	san.len = 4 + body;
	cr_expect_eq(parse_raw(&san, 1, &err), GW_ERR_CERT_MALFORMED);
	cr_expect_not_null(strstr(err.detail, "257 alternative names"), "%s",
			   err.detail);
	/* SEQUENCE { [0] { SEQUENCE { [2] "a" } … } } */
	body = 5 * n;
	memcpy(deep, (uint8_t[]){ 0x30, 0x82, (uint8_t)((body + 4) >> 8),
				  (uint8_t)(body + 4), 0xa0, 0x82,
				  (uint8_t)(body >> 8), (uint8_t)body }, 8);
	wide = gw_xcalloc(8 + body, 1);
	memcpy(wide, deep, 8);
	for (size_t i = 0; i < n; i++)
		memcpy(wide + 8 + 5 * i, "\x30\x03\x82\x01" "a", 5);
	nc.p = wide;
	nc.len = 8 + body;
	cr_expect_eq(parse_raw(&nc, 1, &err), GW_ERR_CERT_MALFORMED);
	cr_expect_not_null(strstr(err.detail, "257 name constraints"), "%s",
			   err.detail);
	free(wide);
}

/* Few distribution points with many names: each is three bytes, and forty
 * times as many in memory. */
Test(limits, elements)
{
	static uint8_t der[16 + 3 * 1100];
	static const int counts[] = { GW_CERT_ELEMENTS_MAX - 8,
				      GW_CERT_ELEMENTS_MAX };

	for (size_t i = 0; i < GW_COUNT(counts); i++) {
		size_t n = 3 * (size_t)counts[i];
		struct raw_ext points = { "crlDistributionPoints", der,
					  16 + n };
		struct gw_error err = { .code = GW_ERR_OK };
		enum gw_err rc;

		for (size_t k = 0; k < 4; k++) {
			static const uint8_t tags[] = { 0x30, 0x30, 0xa0,
							0xa0 };
			size_t len = n + 4 * (3 - k);

			memcpy(der + 4 * k,
			       (uint8_t[]){ tags[k], 0x82,
					    (uint8_t)(len >> 8),
					    (uint8_t)len }, 4);
		}
		for (size_t k = 0; k < n; k += 3)
			memcpy(der + 16 + k, "\x86\x01" "a", 3);
		rc = parse_raw(&points, 1, &err);
		cr_expect_eq(rc, i == 0 ? GW_ERR_OK : GW_ERR_CERT_MALFORMED,
			     "%d: %s", counts[i], err.detail);
	}
}

Test(limits, extension_twice)
{
	const struct raw_ext twice[] = {
		{ "1.2.3.4.5", "\x05\x00", 2 }, { "1.2.3.9", "\x05\x00", 2 },
		{ "1.2.3.4.5", "\x05\x00", 2 },
	};
	struct gw_error err;

	cr_expect_eq(parse_raw(twice, 2, &err), GW_ERR_OK);
	cr_expect_eq(parse_raw(twice, 3, &err), GW_ERR_CERT_MALFORMED);
	cr_expect_not_null(strstr(err.detail, "1.2.3.4.5 twice"), "%s",
			   err.detail);
}

Test(limits, sizes)
{
	struct gw_der good = vec_der("good");
	struct gw_der chain[GW_CHAIN_MAX + 1];
	uint8_t longer[GW_CERT_MAX];
	STACK_OF(X509) *certs = NULL;
	struct gw_error err;
	X509 *x = NULL;

	for (size_t i = 0; i < GW_COUNT(chain); i++)
		chain[i] = good;
	cr_expect_eq(gw_certs_parse(chain, GW_COUNT(chain), &certs, &err),
		     GW_ERR_CERT_MALFORMED);
	cr_expect_eq(gw_certs_parse(chain, 0, &certs, &err),
		     GW_ERR_CERT_MALFORMED);
	memcpy(longer, good.p, good.len);
	longer[good.len] = 0;
	cr_expect_eq(gw_cert_parse((struct gw_der){ longer, good.len + 1 },
				   &x, &err), GW_ERR_CERT_MALFORMED);
	cr_expect_not_null(strstr(err.detail, "after"), "%s", err.detail);
	for (size_t len = 0; len < good.len; len++)
		cr_expect_eq(gw_cert_parse((struct gw_der){ good.p, len },
					   &x, &err), GW_ERR_CERT_MALFORMED);
}

/* ---- registration */

static const struct {
	const char *what, *pem;
} not_cas[] = {
	{ "empty", "" },
	{ "no PEM", "hello\n" },
	{ "cut off", "-----BEGIN CERTIFICATE-----\nMIIB\n" },
	{ "not base64", "-----BEGIN CERTIFICATE-----\n!!!\n"
			"-----END CERTIFICATE-----\n" },
};

Test(trust, refusals)
{
	struct gw_conf_ca ca = { .title = (char *)"t" };
	struct gw_trust *t = gw_trust_new();
	char pem[8192];
	struct gw_error err;
	size_t len;
	FILE *f;

	for (size_t i = 0; i < GW_COUNT(not_cas); i++)
		cr_expect_eq(gw_trust_add(t, (const uint8_t *)not_cas[i].pem,
					  strlen(not_cas[i].pem), &ca, &err),
			     GW_ERR_FILE, "%s", not_cas[i].what);
	f = fopen(vec_path("good", ".pem"), "r");
	len = fread(pem, 1, sizeof(pem), f);
	fclose(f);
	cr_expect_eq(gw_trust_add(t, (const uint8_t *)pem, len, &ca, &err),
		     GW_ERR_FILE);
	cr_expect_not_null(strstr(err.detail, "not a CA"), "%s", err.detail);
	cr_expect_eq(gw_trust_count(t), 0);
	gw_trust_free(t);
}

/* ---- profile */

static const struct {
	const char *name;
	bool wants_smartcard;
	enum gw_err want;
} profiles[] = {
	{ "server", true, GW_ERR_CERT_EKU },
	{ "server", false, GW_ERR_CERT_EKU },
	{ "any-eku", true, GW_ERR_CERT_EKU },
	{ "any-eku", false, GW_ERR_CERT_EKU },
	{ "no-eku", true, GW_ERR_CERT_EKU },
	{ "no-eku", false, GW_ERR_CERT_EKU },
	{ "logon-only", true, GW_ERR_CERT_EKU },
	{ "client", true, GW_ERR_CERT_EKU },
	{ "encipher", true, GW_ERR_CERT_CONSTRAINT },
	{ "client", false, GW_ERR_OK },
	{ "good", true, GW_ERR_OK },
	{ "no-ku", true, GW_ERR_OK },
};

Test(profile, table)
{
	for (size_t i = 0; i < GW_COUNT(profiles); i++) {
		const struct gw_purposes p =
			gw_profile_purposes(profiles[i].wants_smartcard);
		struct gw_error err = { .code = GW_ERR_OK };

		cr_expect_eq(gw_profile_check(vec(profiles[i].name), &p,
					      &err), profiles[i].want,
			     "%s: %s", profiles[i].name, err.detail);
	}
}
