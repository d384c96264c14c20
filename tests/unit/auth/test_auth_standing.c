/* Who is asked about: all of a path but what the operator registered, however
 * long it is; and what is kept to ask again. */
#include <criterion/criterion.h>

#include "chain.h"
#include "recheck.h"
#include "standing.h"

static struct gw_conf_ca section = { .check_intermediates = true };

/* Keys differ by serial number; nobody verifies anything here. */
static X509 *
make(long number, EVP_PKEY *key)
{
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), number);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	cr_assert_gt(X509_sign(x, key, EVP_sha256()), 0);
	return x;
}

static struct gw_path
path_of(int n)
{
	struct gw_path p = { .certs = sk_X509_new_null(), .ca = &section };
	EVP_PKEY *key = EVP_EC_gen("P-256");

	for (int i = 0; i < n; i++)
		cr_assert_gt(sk_X509_push(p.certs, make(i + 1, key)), 0);
	EVP_PKEY_free(key);
	return p;
}

static const struct {
	int n;
	size_t asked_about;
} lengths[] = {
	{ 1, 0 }, { GW_PATH_MAX + 1, 0 }, { 2, 1 }, { 3, 2 },
	{ GW_PATH_MAX, GW_PATH_MAX - 1 },
};

Test(standing, whole_paths)
{
	struct gw_trust *trust = gw_trust_new();
	struct gw_standing_keys keys;

	for (size_t i = 0; i < GW_COUNT(lengths); i++) {
		struct gw_path p = path_of(lengths[i].n);

		gw_standing_keys_of(trust, &p, &keys);
		cr_expect_eq(keys.n, lengths[i].asked_about, "%d: %zu",
			     lengths[i].n, keys.n);
		gw_path_clear(&p);
	}
	gw_trust_free(trust);
}

/* What is longer than any path is not cut, and does not stand. */
Test(standing, none_is_cut)
{
	struct gw_trust *trust = gw_trust_new();
	struct gw_path p = path_of(GW_PATH_MAX + 1);
	struct gw_standing s = { .count = 0 };
	const struct gw_standing_ask ask = { .trust = trust, .path = &p };

	cr_expect(gw_standing_ask(NULL, &ask, &s));
	cr_expect_eq(s.result.code, GW_ERR_INTERNAL);
	gw_path_clear(&p);
	gw_trust_free(trust);
}

/* ---- what a session keeps of what its client sent */

/* With as many bytes of nothing in its subject, and some. */
static X509 *
junk(long number, int bytes, EVP_PKEY *key)
{
	X509 *x = make(number, key);
	unsigned char text[60];

	memset(text, 'x', sizeof(text));
	for (; bytes > 0; bytes -= (int)sizeof(text))
		cr_assert_eq(X509_NAME_add_entry_by_txt(
			X509_get_subject_name(x), "CN", MBSTRING_ASC, text,
			sizeof(text), -1, 0), 1);
	cr_assert_gt(X509_sign(x, key, EVP_sha256()), 0);
	return x;
}

/* What the path needs stays, of the rest as much as is spared for it. */
Test(standing, junk_is_not_kept)
{
	struct gw_path p = path_of(3);
	STACK_OF(X509) *given = sk_X509_new_null(), *kept;
	EVP_PKEY *key = EVP_EC_gen("P-256");

	sk_X509_push(given, sk_X509_value(p.certs, 0));
	for (int i = 0; i < 6; i++)
		sk_X509_push(given, junk(100 + i, 8500, key));
	sk_X509_push(given, sk_X509_value(p.certs, 1));
	for (int i = 0; i < 3; i++)
		sk_X509_push(given, junk(200 + i, 4500, key));
	kept = gw_recheck_keep(&p, given);
	cr_assert_eq(sk_X509_num(kept), 3, "%d", sk_X509_num(kept));
	cr_expect_eq(sk_X509_value(kept, 0), sk_X509_value(p.certs, 0));
	cr_expect_eq(sk_X509_value(kept, 1), sk_X509_value(p.certs, 1));
	cr_expect_eq(sk_X509_value(kept, 2), sk_X509_value(given, 8));
	gw_certs_free(kept);
	for (int i = 0; i < 2; i++)
		X509_up_ref(sk_X509_value(p.certs, i));
	sk_X509_pop_free(given, X509_free);
	gw_path_clear(&p);
	EVP_PKEY_free(key);
}
