/* Which account do the claims name? KB5014754's rules, and contradictions. */
#include "mapping.h"

#include <criterion/criterion.h>
#include <string.h>

#define ALICE "S-1-5-21-1-2-3-1104"
#define BOB   "S-1-5-21-1-2-3-1105"
#define THEN  1000000 /* when accounts and certificates were made */

enum { SID = 1, UPN = 2, STRONG = 4, WEAK = 8, KDC = 16 };

static const struct mapping_case {
	const char *what;
	bool has_sid, has_upn;
	enum gw_strong strong;
	unsigned c[3]; /* what each candidate matches; 0: none */
	enum gw_err want;
	size_t which;
	enum gw_mapping how;
} cases[] = {
	/* with a SID in the certificate */
	{ "SID of nobody", true, false, GW_STRONG_REQUIRED, { 0 },
	  GW_ERR_MAP_NO_ACCOUNT, 0, 0 },
	{ "SID of nobody, UPN of somebody", true, true, GW_STRONG_REQUIRED,
	  { UPN }, GW_ERR_MAP_SID_MISMATCH, 0, 0 },
	{ "the same without enforcement", true, true, GW_STRONG_OFF,
	  { UPN }, GW_ERR_MAP_SID_MISMATCH, 0, 0 },
	{ "SID of nobody, altsec of somebody", true, false,
	  GW_STRONG_REQUIRED, { STRONG }, GW_ERR_MAP_SID_MISMATCH, 0, 0 },
	{ "SID and UPN of two", true, true, GW_STRONG_REQUIRED,
	  { SID, UPN }, GW_ERR_MAP_SID_MISMATCH, 0, 0 },
	{ "UPN of nobody", true, true, GW_STRONG_PREFER, { SID },
	  GW_ERR_MAP_SID_MISMATCH, 0, 0 },
	{ "SID and altsec of two", true, false, GW_STRONG_REQUIRED,
	  { SID, STRONG }, GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "two with one SID", true, false, GW_STRONG_REQUIRED,
	  { SID, SID }, GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "SID", true, false, GW_STRONG_REQUIRED, { SID },
	  GW_ERR_OK, 0, GW_MAPPED_SID },
	{ "SID and UPN", true, true, GW_STRONG_REQUIRED, { SID | UPN },
	  GW_ERR_OK, 0, GW_MAPPED_SID },
	{ "all of one", true, true, GW_STRONG_OFF,
	  { SID | UPN | STRONG | WEAK }, GW_ERR_OK, 0, GW_MAPPED_SID },
	/* without */
	{ "nobody, not even a name", false, false, GW_STRONG_OFF, { 0 },
	  GW_ERR_MAP_NO_UPN, 0, 0 },
	{ "nobody", false, true, GW_STRONG_OFF, { 0 },
	  GW_ERR_MAP_NO_ACCOUNT, 0, 0 },
	{ "two by altsec", false, false, GW_STRONG_REQUIRED,
	  { STRONG, STRONG }, GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "altsec and UPN of two", false, true, GW_STRONG_REQUIRED,
	  { UPN, STRONG }, GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "altsec, second entry", false, false, GW_STRONG_REQUIRED,
	  { WEAK, STRONG }, GW_ERR_OK, 1, GW_MAPPED_ALTSEC },
	{ "UPN only, strong wanted", false, true, GW_STRONG_REQUIRED,
	  { UPN }, GW_ERR_MAP_WEAK, 0, 0 },
	{ "weak altsec only, strong wanted", false, false,
	  GW_STRONG_REQUIRED, { WEAK }, GW_ERR_MAP_WEAK, 0, 0 },
	{ "two by UPN", false, true, GW_STRONG_PREFER, { UPN, UPN },
	  GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "two by UPN, strong wanted", false, true, GW_STRONG_REQUIRED,
	  { UPN, UPN }, GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "UPN and weak altsec of two", false, true, GW_STRONG_OFF,
	  { UPN, WEAK }, GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "UPN", false, true, GW_STRONG_PREFER, { UPN },
	  GW_ERR_OK, 0, GW_MAPPED_UPN },
	{ "weak altsec", false, false, GW_STRONG_OFF, { WEAK },
	  GW_ERR_OK, 0, GW_MAPPED_ALTSEC_WEAK },
	{ "two by weak altsec", false, false, GW_STRONG_OFF, { WEAK, WEAK },
	  GW_ERR_MAP_AMBIGUOUS, 0, 0 },
};

static size_t
candidates(const struct mapping_case *c, struct gw_candidate out[3])
{
	size_t n = 0;

	memset(out, 0, 3 * sizeof(*out));
	for (; n < 3 && c->c[n] != 0; n++) {
		out[n].by_sid = (c->c[n] & SID) != 0;
		out[n].by_upn = (c->c[n] & UPN) != 0;
		out[n].by_strong = (c->c[n] & STRONG) != 0;
		out[n].by_weak = (c->c[n] & WEAK) != 0;
		out[n].by_kdc = (c->c[n] & KDC) != 0;
		out[n].account.created = THEN;
	}
	return n;
}

/* `kdc_sid` NULL: decided without the KDC. */
static void
check(const struct mapping_case *c, const char *kdc_sid)
{
	static struct gw_candidate k[3];
	static struct gw_claims claims;
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_mapping how = GW_MAPPED_NOT;
	size_t which = 99, n = candidates(c, k);
	enum gw_err rc;

	memset(&claims, 0, sizeof(claims));
	claims.not_before = THEN;
	if (c->has_sid)
		memcpy(claims.sid, ALICE, sizeof(ALICE));
	if (c->has_upn)
		memcpy(claims.upn, "a@b", 4);
	rc = kdc_sid != NULL
		? gw_mapping_confirm(&claims, c->strong, kdc_sid, k, n,
				     &which, &how, &err)
		: gw_mapping_decide(&claims, c->strong, k, n, &which, &how,
				    &err);
	cr_expect_eq(rc, c->want, "%s: %s", c->what, gw_err_name(err.code));
	if (c->want != GW_ERR_OK)
		return;
	cr_expect_eq(which, c->which, "%s", c->what);
	cr_expect_eq(how, c->how, "%s", c->what);
}

Test(mapping, table)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++)
		check(&cases[i], NULL);
}

/* When the KDC has named ALICE; with has_sid the certificate does, too. */
static const struct mapping_case confirmations[] = {
	{ "nobody has the SID", false, true, GW_STRONG_OFF, { 0 },
	  GW_ERR_MAP_NO_ACCOUNT, 0, 0 },
	{ "only another is found", false, true, GW_STRONG_OFF, { UPN },
	  GW_ERR_MAP_NO_ACCOUNT, 0, 0 },
	{ "two have it", true, false, GW_STRONG_OFF,
	  { KDC | SID, KDC | SID }, GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "UPN of another", false, true, GW_STRONG_OFF, { KDC, UPN },
	  GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "SID, and UPN of another", true, true, GW_STRONG_OFF,
	  { KDC | SID, UPN }, GW_ERR_MAP_SID_MISMATCH, 0, 0 },
	{ "SID, and UPN of nobody", true, true, GW_STRONG_OFF,
	  { KDC | SID }, GW_ERR_MAP_SID_MISMATCH, 0, 0 },
	{ "altsec of another", true, false, GW_STRONG_OFF,
	  { KDC | SID, STRONG }, GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "weak altsec of another", false, false, GW_STRONG_OFF,
	  { KDC, WEAK }, GW_ERR_MAP_AMBIGUOUS, 0, 0 },
	{ "the KDC's word alone, strong wanted", false, false,
	  GW_STRONG_REQUIRED, { KDC }, GW_ERR_MAP_WEAK, 0, 0 },
	{ "UPN, strong wanted", false, true, GW_STRONG_REQUIRED,
	  { KDC | UPN }, GW_ERR_MAP_WEAK, 0, 0 },
	{ "weak altsec, strong wanted", false, false, GW_STRONG_REQUIRED,
	  { KDC | WEAK }, GW_ERR_MAP_WEAK, 0, 0 },
	{ "SID", true, true, GW_STRONG_REQUIRED, { KDC | SID | UPN },
	  GW_ERR_OK, 0, GW_MAPPED_SID },
	{ "altsec", false, true, GW_STRONG_REQUIRED, { KDC | STRONG },
	  GW_ERR_OK, 0, GW_MAPPED_ALTSEC },
	{ "UPN", false, true, GW_STRONG_PREFER, { KDC | UPN }, GW_ERR_OK, 0,
	  GW_MAPPED_UPN },
	{ "weak altsec", false, false, GW_STRONG_OFF, { KDC | WEAK },
	  GW_ERR_OK, 0, GW_MAPPED_ALTSEC_WEAK },
	{ "the KDC's word alone", false, true, GW_STRONG_PREFER, { KDC },
	  GW_ERR_OK, 0, GW_MAPPED_KDC },
};

Test(mapping, confirm)
{
	for (size_t i = 0; i < GW_COUNT(confirmations); i++)
		check(&confirmations[i], ALICE);
}

/* KB5014754: a name may have been another's when the certificate was made. */
static const struct {
	const char *what;
	enum gw_strong strong;
	unsigned match;
	int64_t not_before, created;
	enum gw_err want;
} ages[] = {
	{ "younger", GW_STRONG_PREFER, UPN, THEN, THEN - 1, GW_ERR_OK },
	{ "ten minutes older", GW_STRONG_PREFER, UPN, THEN, THEN + 600,
	  GW_ERR_OK },
	{ "older", GW_STRONG_PREFER, UPN, THEN, THEN + 601,
	  GW_ERR_MAP_WEAK },
	{ "older, weak altsec", GW_STRONG_PREFER, WEAK, THEN, THEN + 601,
	  GW_ERR_MAP_WEAK },
	{ "age of the account not known", GW_STRONG_PREFER, UPN, THEN, 0,
	  GW_ERR_MAP_WEAK },
	{ "age of the certificate not known", GW_STRONG_PREFER, UPN, 0, THEN,
	  GW_ERR_MAP_WEAK },
	{ "older, nobody minds", GW_STRONG_OFF, UPN, THEN, THEN + 601,
	  GW_ERR_OK },
	{ "not known, nobody minds", GW_STRONG_OFF, UPN, 0, 0, GW_ERR_OK },
	{ "older, but strong", GW_STRONG_PREFER, STRONG, THEN, THEN + 601,
	  GW_ERR_OK },
	{ "younger, strong wanted", GW_STRONG_REQUIRED, UPN, THEN, THEN - 1,
	  GW_ERR_MAP_WEAK },
};

Test(mapping, ages)
{
	for (size_t i = 0; i < GW_COUNT(ages); i++) {
		const struct mapping_case c = { .c = { ages[i].match | KDC } };
		static struct gw_candidate k[3];
		static struct gw_claims claims = { .upn = "a@b" };
		struct gw_error err = { .code = GW_ERR_OK };
		enum gw_mapping how;
		size_t which, n = candidates(&c, k);

		k[0].account.created = ages[i].created;
		claims.not_before = ages[i].not_before;
		cr_expect_eq(gw_mapping_decide(&claims, ages[i].strong, k, n,
					       &which, &how, &err),
			     ages[i].want, "%s: %s", ages[i].what, err.detail);
		cr_expect_eq(gw_mapping_confirm(&claims, ages[i].strong, "",
						k, n, &which, &how, &err),
			     ages[i].want, "KDC, %s: %s", ages[i].what,
			     err.detail);
	}
}

/* The certificate's own SID is the first thing to agree. */
Test(mapping, kdc_names_another_than_the_certificate)
{
	static struct gw_candidate k = { .by_kdc = true, .by_upn = true };
	static struct gw_claims claims = { .sid = BOB, .upn = "a@b" };
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_mapping how = GW_MAPPED_NOT;
	size_t which = 99;

	cr_expect_eq(gw_mapping_confirm(&claims, GW_STRONG_OFF, ALICE, &k, 1,
					&which, &how, &err),
		     GW_ERR_MAP_SID_MISMATCH);
	cr_expect_eq(which, 99);
}

Test(mapping, claims)
{
	static struct gw_claims c;
	static char form[] = "X509:<SKI>00", junk[] = "junk";
	struct gw_error err;

	cr_expect_eq(gw_claims_check(&c, &err), GW_ERR_MAP_NO_UPN);
	memcpy(c.sid, "S-1-5-x", 8);
	cr_expect_eq(gw_claims_check(&c, &err), GW_ERR_MAP_MALFORMED);
	memcpy(c.sid, BOB, sizeof(BOB));
	cr_expect_eq(gw_claims_check(&c, &err), GW_ERR_OK);
	memcpy(c.upn, "a@b@c", 6);
	cr_expect_eq(gw_claims_check(&c, &err), GW_ERR_MAP_MALFORMED);
	c.sid[0] = c.upn[0] = '\0';
	c.altsec_count = 1;
	c.altsec[0].value = junk;
	cr_expect_eq(gw_claims_check(&c, &err), GW_ERR_MAP_MALFORMED);
	c.altsec[0].value = form;
	cr_expect_eq(gw_claims_check(&c, &err), GW_ERR_OK);
}

Test(mapping, suffix)
{
	cr_expect_str_eq(gw_upn_suffix("a@b.c"), "b.c");
	cr_expect_str_eq(gw_upn_suffix("a"), "");
}
