/* constraints.c — see constraints.h. */
#include "constraints.h"
#include "names.h"

#include <string.h>
#include <strings.h>

/* ---- is the extension well written? */

static bool
is_dns(const ASN1_STRING *s)
{
	size_t len = (size_t)ASN1_STRING_length(s);

	return len == 0 ||
	       gw_name_is_host((const char *)ASN1_STRING_get0_data(s), len);
}

static bool
is_uri(const ASN1_STRING *s)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s);

	return len == 0 || gw_name_is_host_or_below(p, len);
}

/* Address and mask (RFC 4632: ones, then zeros). */
static bool
is_ip(const ASN1_STRING *s)
{
	const uint8_t *p = ASN1_STRING_get0_data(s);
	int len = ASN1_STRING_length(s);
	bool is_over = false;

	if (len != 8 && len != 32)
		return false;
	for (int bit = 0; bit < len * 4; bit++) {
		bool is_one = (p[len / 2 + bit / 8] >> (7 - bit % 8) & 1) != 0;

		if (is_one && is_over)
			return false;
		is_over |= !is_one;
	}
	return true;
}

static bool
is_well_formed(const GENERAL_SUBTREE *t)
{
	const GENERAL_NAME *g = t->base;

	switch (g->type) {
	case GEN_DNS:   return is_dns(g->d.dNSName);
	case GEN_EMAIL: return gw_name_is_mail(g->d.rfc822Name);
	case GEN_URI:   return is_uri(g->d.uniformResourceIdentifier);
	case GEN_IPADD: return is_ip(g->d.iPAddress);
	default:        return true; /* applied, or refused, elsewhere */
	}
}

static bool
are_well_formed(const STACK_OF(GENERAL_SUBTREE) *trees)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++)
		if (!is_well_formed(sk_GENERAL_SUBTREE_value(trees, i)))
			return false;
	return true;
}

/* There, and nothing in it: GeneralSubtrees has one at least. */
static bool
is_empty(const STACK_OF(GENERAL_SUBTREE) *trees)
{
	return trees != NULL && sk_GENERAL_SUBTREE_num(trees) == 0;
}

enum gw_err
gw_constraints_check(X509 *x, bool is_anchor, struct gw_error *err)
{
	gw_auto(NAME_CONSTRAINTS_free) NAME_CONSTRAINTS *nc = NULL;
	int critical;

	(void)is_anchor;
	nc = X509_get_ext_d2i(x, NID_name_constraints, &critical, NULL);
	if (nc == NULL)
		return critical == -1 ? GW_ERR_OK
				      : gw_fail(err, GW_ERR_CERT_MALFORMED,
						"name constraints are broken");
	if ((X509_get_extension_flags(x) & EXFLAG_CA) == 0)
		return gw_fail(err, GW_ERR_CERT_CONSTRAINT,
			       "name constraints, but no CA");
	if (is_empty(nc->permittedSubtrees) || is_empty(nc->excludedSubtrees) ||
	    (nc->permittedSubtrees == NULL && nc->excludedSubtrees == NULL))
		return gw_fail(err, GW_ERR_CERT_CONSTRAINT,
			       "name constraints without any");
	if (!are_well_formed(nc->permittedSubtrees) ||
	    !are_well_formed(nc->excludedSubtrees))
		return gw_fail(err, GW_ERR_CERT_CONSTRAINT,
			       "a name constraint is badly written");
	return GW_ERR_OK;
}

/* ---- the names that it is about */

enum gw_err
gw_constraints_check_names(X509 *x, struct gw_error *err)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
						NULL);
	bool is_good = true;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && is_good; i++)
		is_good = gw_name_is_plausible(
			sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return is_good ? GW_ERR_OK
		       : gw_fail(err, GW_ERR_CERT_CONSTRAINT,
				 "an alternative name is badly written, so "
				 "that no name constraint can hold it");
}

/* ---- wildcards */

/* Is `base` one of the names that "*.suffix" stands for, which have one label
 * more than the suffix? */
static bool
stands_for(const ASN1_STRING *name, const ASN1_STRING *base)
{
	const char *p = (const char *)ASN1_STRING_get0_data(name);
	const char *b = (const char *)ASN1_STRING_get0_data(base);
	size_t len = (size_t)ASN1_STRING_length(name);
	const char *dot = memchr(b, '.', (size_t)ASN1_STRING_length(base));

	if (len < 2 || p[0] != '*' || p[1] != '.' || dot == NULL)
		return false;
	return (size_t)(b + ASN1_STRING_length(base) - dot) == len - 1 &&
	       strncasecmp(p + 1, dot, len - 1) == 0;
}

static bool
is_excluded(const GENERAL_NAME *g, const STACK_OF(GENERAL_SUBTREE) *trees)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		const GENERAL_NAME *base =
			sk_GENERAL_SUBTREE_value(trees, i)->base;

		if (base->type == GEN_DNS &&
		    stands_for(g->d.dNSName, base->d.dNSName))
			return true;
	}
	return false;
}

enum gw_err
gw_constraints_check_wildcards(X509 *x, X509 *ca, struct gw_error *err)
{
	gw_auto(NAME_CONSTRAINTS_free) NAME_CONSTRAINTS *nc =
		X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL);
	GENERAL_NAMES *names = NULL;
	bool is_out = false;

	if (nc != NULL && nc->excludedSubtrees != NULL)
		names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !is_out; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		is_out = g->type == GEN_DNS &&
			 is_excluded(g, nc->excludedSubtrees);
	}
	GENERAL_NAMES_free(names);
	return is_out ? gw_fail(err, GW_ERR_CERT_CONSTRAINT,
				"a wildcard stands for an excluded name")
		      : GW_ERR_OK;
}

/* ---- user principal names */

static bool
is_upn(const GENERAL_NAME *g)
{
	return g->type == GEN_OTHERNAME &&
	       OBJ_obj2nid(g->d.otherName->type_id) == NID_ms_upn;
}

/* The text of a UPN; NULL when it is no UTF8String. */
static const ASN1_STRING *
upn_text(const GENERAL_NAME *g)
{
	const ASN1_TYPE *v = g->d.otherName->value;

	return v != NULL && v->type == V_ASN1_UTF8STRING ? v->value.utf8string
							 : NULL;
}

static bool
equals(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

bool
gw_constraints_upn_is_in(const char *upn, size_t len, const char *base,
			 size_t base_len)
{
	const char *at = memrchr(upn, '@', len);
	const char *suffix = at != NULL ? at + 1 : upn;
	size_t suffix_len = len - (size_t)(suffix - upn);

	if (base_len == 0)
		return true;
	if (base[0] == '.')
		return suffix_len > base_len &&
		       equals(suffix + suffix_len - base_len, base_len, base,
			      base_len);
	if (base[0] == '@')
		return equals(suffix, suffix_len, base + 1, base_len - 1);
	if (memchr(base, '@', base_len) != NULL)
		return equals(upn, len, base, base_len);
	return equals(suffix, suffix_len, base, base_len);
}

/* -1: some value is unreadable; 0: in none of them; 1: in one of them.
 * `*out_any`: there are such subtrees at all. */
static int
find_subtree(const GENERAL_NAME *g, const STACK_OF(GENERAL_SUBTREE) *trees,
	     bool *out_any)
{
	const ASN1_STRING *name = upn_text(g);
	int found = 0;

	*out_any = false;
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		const GENERAL_SUBTREE *t = sk_GENERAL_SUBTREE_value(trees, i);
		const ASN1_STRING *base;

		if (!is_upn(t->base))
			continue;
		*out_any = true;
		base = upn_text(t->base);
		if (name == NULL || base == NULL || gw_name_has_nul(name) ||
		    gw_name_has_nul(base) || t->maximum != NULL ||
		    (t->minimum != NULL && ASN1_INTEGER_get(t->minimum) != 0))
			return -1;
		if (gw_constraints_upn_is_in(
			    (const char *)ASN1_STRING_get0_data(name),
			    (size_t)ASN1_STRING_length(name),
			    (const char *)ASN1_STRING_get0_data(base),
			    (size_t)ASN1_STRING_length(base)))
			found = 1;
	}
	return found;
}

static int
check_upn(const GENERAL_NAME *g, const NAME_CONSTRAINTS *nc)
{
	bool any;
	int rc = find_subtree(g, nc->permittedSubtrees, &any);

	if (rc < 0)
		return X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX;
	if (any && rc == 0)
		return X509_V_ERR_PERMITTED_VIOLATION;
	rc = find_subtree(g, nc->excludedSubtrees, &any);
	if (rc < 0)
		return X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX;
	return rc > 0 ? X509_V_ERR_EXCLUDED_VIOLATION : X509_V_OK;
}

static int
check_upns(X509 *x, const NAME_CONSTRAINTS *nc)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
						NULL);
	int rc = X509_V_OK;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && rc == X509_V_OK;
	     i++)
		if (is_upn(sk_GENERAL_NAME_value(names, i)))
			rc = check_upn(sk_GENERAL_NAME_value(names, i), nc);
	GENERAL_NAMES_free(names);
	return rc;
}

/* ---- for libcrypto */

static void
drop_upns(STACK_OF(GENERAL_SUBTREE) *trees)
{
	for (int i = sk_GENERAL_SUBTREE_num(trees) - 1; i >= 0; i--)
		if (is_upn(sk_GENERAL_SUBTREE_value(trees, i)->base))
			GENERAL_SUBTREE_free(
				sk_GENERAL_SUBTREE_delete(trees, i));
}

/* UPNs by us, everything else by libcrypto. */
static int
check_both(X509 *x, X509 *ca)
{
	gw_auto(NAME_CONSTRAINTS_free) NAME_CONSTRAINTS *nc = NULL;
	int critical, rc;

	nc = X509_get_ext_d2i(ca, NID_name_constraints, &critical, NULL);
	if (nc == NULL && critical == -1) /* there are none */
		return X509_V_OK;
	if (nc == NULL)
		return X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX;
	rc = check_upns(x, nc);
	if (rc != X509_V_OK)
		return rc;
	drop_upns(nc->permittedSubtrees);
	drop_upns(nc->excludedSubtrees);
	return NAME_CONSTRAINTS_check(x, nc);
}

bool
gw_constraints_admit(X509 *x, X509 *ca)
{
	return check_both(x, ca) == X509_V_OK;
}

int
gw_constraints_callback(int ok, X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);
	X509 *x = X509_STORE_CTX_get_current_cert(ctx);
	int rc = X509_V_OK;

	if (ok == 1 || x == NULL ||
	    X509_STORE_CTX_get_error(ctx) !=
		    X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE)
		return ok;
	for (int i = depth + 1; i < sk_X509_num(chain) && rc == X509_V_OK; i++)
		rc = check_both(x, sk_X509_value(chain, i));
	X509_STORE_CTX_set_error(ctx, rc);
	return rc == X509_V_OK;
}
