/* testcert.c — see testcert.h. */
#include "testcert.h"
#include "claims.h"
#include "demands.h"
#include "ocsp.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define OCSP_SKEW_S    300
#define OCSP_MAX_AGE_S (7 * 86400) /* the defaults of gwd.conf(5) */

enum { CHAIN, PROFILE, REVOCATION, MAPPING, STAGES };

struct test {
	struct gw_test_args args;
	struct gw_trust *trust;
	struct gw_error unregistered; /* the first CA that cannot be one */
	STACK_OF(X509) *given;        /* leaf first */
	size_t blocks;
	bool has_leaf;
	struct gw_error malformed;    /* the first that is given but broken */
	struct gw_crls *crls;
	struct gw_blob *lists; /* what the CRLs lie in */
	size_t list_count;
	struct gw_blob ocsp;
	struct gw_path path;
	struct gw_test_stage stages[STAGES];
};

/* ---- input */

static const char *const cert_types[] = { "CERTIFICATE", "X509 CERTIFICATE",
					  "TRUSTED CERTIFICATE", NULL };
static const char *const crl_types[] = { "X509 CRL", NULL };

/* A CA that cannot be registered is as good as absent; what then fails tells
 * about it. */
static void
on_ca(void *arg, struct gw_der der)
{
	struct test *t = arg;
	gw_auto(X509_free) X509 *x = NULL;
	struct gw_error why;
	enum gw_err rc = gw_cert_parse(der, &x, &why);

	if (rc == GW_ERR_OK)
		rc = gw_trust_add_cert(t->trust, x, t->args.section, &why);
	if (rc != GW_ERR_OK && t->unregistered.code == GW_ERR_OK)
		t->unregistered = why;
}

/* The certificate comes first. One that only might have led up from it is, if
 * broken, as good as absent. */
static void
on_given(void *arg, struct gw_der der)
{
	struct test *t = arg;
	gw_auto(X509_free) X509 *x = NULL;
	struct gw_error why;

	bool is_leaf = t->blocks++ == 0;

	if (sk_X509_num(t->given) > GW_TESTCERT_GIVEN)
		return;
	if (gw_cert_parse(der, &x, &why) == GW_ERR_OK &&
	    (is_leaf || t->has_leaf)) {
		t->has_leaf = true;
		gw_assert(sk_X509_push(t->given, gw_steal(&x)) > 0);
	} else if (t->malformed.code == GW_ERR_OK)
		t->malformed = why;
}

static void
on_crl(void *arg, struct gw_der der)
{
	struct test *t = arg;
	struct gw_blob *b;
	struct gw_error why;

	t->lists = gw_xrealloc(t->lists, t->list_count + 1,
			       sizeof(*t->lists));
	b = &t->lists[t->list_count++];
	*b = (struct gw_blob){ gw_xcalloc(der.len + 1, 1), der.len };
	memcpy(b->p, der.p, der.len);
	if (gw_crls_add(t->crls, b->p, b->len, &why) != GW_ERR_OK)
		return; /* remembered there */
}

static void
on_answer(void *arg, struct gw_der der)
{
	struct test *t = arg;

	if (t->ocsp.p != NULL)
		return; /* the first of several */
	t->ocsp = (struct gw_blob){ gw_xcalloc(der.len + 1, 1), der.len };
	memcpy(t->ocsp.p, der.p, der.len);
}

/* What a responder has said may be anything, nothing, too: that is for the
 * judgement to refuse. Unusable is only a file that cannot be read. */
static bool
read_answer(struct test *t)
{
	static const char *const types[] = { "OCSP RESPONSE", NULL };
	struct gw_blob b;

	if (!gw_test_read(t->args.ocsp, &b))
		return false;
	if (!gw_test_blocks(t->args.ocsp, &b, types, on_answer, t))
		on_answer(t, (struct gw_der){ b.p, b.len });
	gw_blob_clear(&b);
	return true;
}

static bool
each_file(struct test *t, const struct gw_words *files,
	  const char *const *types, gw_test_block_fn *fn)
{
	for (size_t i = 0; i < files->n; i++) {
		struct gw_blob b;
		bool is_good;

		if (!gw_test_read(files->v[i], &b))
			return false;
		is_good = gw_test_blocks(files->v[i], &b, types, fn, t);
		gw_blob_clear(&b);
		if (!is_good)
			return false;
	}
	return true;
}

/* A file with the certificate first may bring its intermediates along. */
static bool
read_input(struct test *t)
{
	const struct gw_test_args *a = &t->args;
	const struct gw_words leaf = { (const char **)(uintptr_t)&a->leaf, 1 };

	return each_file(t, &leaf, cert_types, on_given) &&
	       each_file(t, &a->intermediates, cert_types, on_given) &&
	       each_file(t, &a->cas, cert_types, on_ca) &&
	       each_file(t, &a->crls, crl_types, on_crl) &&
	       (a->ocsp == NULL || read_answer(t));
}

/* ---- stages */

static void
describe_path(const struct gw_path *p, struct gw_error *out)
{
	int n = sk_X509_num(p->certs);
	char end[96], leaf[80];

	gw_cert_subject(gw_path_leaf(p), leaf, sizeof(leaf));
	gw_cert_subject(sk_X509_value(p->certs, n - 1), end, sizeof(end));
	gw_fail(out, GW_ERR_OK, "%s, up to %s, %d certificates", leaf, end, n);
}

static struct gw_demands
demands_of(const struct gw_test_args *a)
{
	static const struct gw_purposes none = { .n = 0 };

	return (struct gw_demands){
		.rules = &a->rules,
		.purposes = !a->wants_profile ? &none
			    : a->has_purposes ? &a->purposes : NULL,
	};
}

static void
do_chain(struct test *t, struct gw_error *out)
{
	const struct gw_demands d = demands_of(&t->args);
	struct gw_error why = { .code = GW_ERR_OK };
	enum gw_err rc;

	if (!t->has_leaf) {
		*out = t->malformed;
		return;
	}
	rc = gw_demands_verify(t->trust, &d, t->given, t->args.at, &t->path,
			       &why);
	if (rc == GW_ERR_OK)
		describe_path(&t->path, out);
	else if (t->malformed.code != GW_ERR_OK)
		*out = t->malformed;
	else if (t->unregistered.code != GW_ERR_OK)
		gw_fail(out, rc, "%.100s; not registered: %.70s", why.detail,
			t->unregistered.detail);
	else
		*out = why;
}

static void
do_profile(struct test *t, struct gw_error *out)
{
	const struct gw_demands d = demands_of(&t->args);

	if (!t->args.wants_profile)
		gw_fail(out, GW_ERR_OK, "not asked (--eku none)");
	else if (gw_demands_profile(&d, &t->path, out) == GW_ERR_OK)
		gw_fail(out, GW_ERR_OK, "extended key usages, key usage, "
			"no CA");
}

/* Whether the responder itself still stands is for the lists to say. */
static enum gw_err
check_responder(struct test *t, X509 *responder, struct gw_error *out)
{
	struct gw_path path = { .certs = sk_X509_dup(t->path.certs),
				.ca = t->path.ca };
	struct gw_error why = { .code = GW_ERR_OK };
	enum gw_err rc;

	gw_assert(path.certs != NULL &&
		  sk_X509_set(path.certs, 0, responder) != NULL);
	rc = gw_crls_check_at(t->crls, &path, 0, t->given, &t->args.rules,
			      t->args.at, &why);
	sk_X509_free(path.certs);
	return rc == GW_ERR_OK
		       ? rc
		       : gw_fail(out, GW_ERR_REVOCATION_SIGNER,
				 "the responder's own certificate (no "
				 "ocsp-nocheck): %.100s", why.detail);
}

static enum gw_err
ask_ocsp(struct test *t, struct gw_error *out)
{
	const struct gw_ocsp_rules rules = { OCSP_SKEW_S, OCSP_MAX_AGE_S };
	const struct gw_ocsp_question no_nonce = { .nonce_len = 0 };
	struct gw_ocsp_status status = { .responder = NULL };
	enum gw_err rc = gw_ocsp_judge(
		gw_path_leaf(&t->path), gw_path_issuer(&t->path), t->ocsp.p,
		t->ocsp.len, &no_nonce, &rules, t->args.at, &status, out);

	if (rc == GW_ERR_OK && status.responder != NULL)
		rc = check_responder(t, status.responder, out);
	if (rc == GW_ERR_OK)
		gw_fail(out, rc, "good by OCSP");
	X509_free(status.responder);
	return rc;
}

/* OCSP first; what it leaves open the lists answer. Revoked is revoked. */
static void
do_revocation(struct test *t, struct gw_error *out)
{
	enum gw_err rc = GW_ERR_REVOCATION_UNAVAILABLE;
	struct gw_chain_rules rules = t->args.rules;
	const struct gw_chain_rules own = gw_chain_rules_of(t->args.section);

	rules.is_lenient |= own.is_lenient;
	rules.skew_s = own.skew_s;
	if (t->args.ocsp == NULL && t->args.crls.n == 0) {
		gw_fail(out, GW_ERR_OK, "not asked (no --crl, no "
			"--ocsp-response)");
		return;
	}
	if (t->args.ocsp != NULL)
		rc = ask_ocsp(t, out);
	if (rc == GW_ERR_OK || rc == GW_ERR_CERT_REVOKED ||
	    t->args.crls.n == 0)
		return;
	if (gw_crls_check(t->crls, &t->path, t->given, &rules, t->args.at,
			  out) == GW_ERR_OK)
		gw_fail(out, GW_ERR_OK, "on none of %zu CRLs, nor its CAs",
			gw_crls_count(t->crls));
}

/* Which account it is, only a directory can tell. */
static void
do_mapping(struct test *t, struct gw_error *out)
{
	struct gw_claims c;

	if (gw_claims_read(gw_path_leaf(&t->path), &c, out) != GW_ERR_OK)
		return;
	if (c.upn[0] == '\0' && c.sid[0] == '\0')
		gw_fail(out, GW_ERR_OK, "neither UPN nor SID: only "
			"altSecurityIdentities could map it; no directory "
			"asked");
	else
		gw_fail(out, GW_ERR_OK, "UPN %.80s, SID %.60s; no directory "
			"asked", c.upn[0] != '\0' ? c.upn : "-",
			c.sid[0] != '\0' ? c.sid : "-");
	gw_claims_clear(&c);
}

static const struct {
	const char *name;
	void (*fn)(struct test *t, struct gw_error *out);
} table[STAGES] = {
	[CHAIN] = { "chain", do_chain },
	[PROFILE] = { "profile", do_profile },
	[REVOCATION] = { "revocation", do_revocation },
	[MAPPING] = { "mapping", do_mapping },
};

static bool
run(struct test *t)
{
	bool is_good = true;

	for (size_t i = 0; i < STAGES; i++) {
		struct gw_test_stage *s = &t->stages[i];
		uint64_t start = gw_mono_us();

		/* fail closed: a stage that says nothing has not passed. */
		*s = (struct gw_test_stage){ .name = table[i].name,
					     .is_reached = is_good,
					     .why.code = GW_ERR_INTERNAL };
		if (!is_good)
			continue;
		table[i].fn(t, &s->why);
		s->us = gw_mono_us() - start;
		is_good = s->why.code == GW_ERR_OK;
	}
	ERR_clear_error();
	return is_good;
}

/* Memory is given back so that leak checkers have nothing to say. */
static void
clear(struct test *t)
{
	gw_path_clear(&t->path);
	gw_crls_free(t->crls);
	for (size_t i = 0; i < t->list_count; i++)
		gw_blob_clear(&t->lists[i]);
	free(t->lists);
	gw_blob_clear(&t->ocsp);
	gw_certs_free(t->given);
	gw_trust_free(t->trust);
	gw_test_args_clear(&t->args);
}

int
main(int argc, char **argv)
{
	struct test t = { .list_count = 0 };
	bool is_good;

	if (!gw_test_args_read(argc, argv, &t.args)) {
		gw_test_args_clear(&t.args);
		return GW_TESTCERT_UNUSABLE;
	}
	if (!t.args.wants_profile || t.args.has_purposes)
		t.args.rules.purposes = &t.args.purposes;
	t.args.rules.needs_common_purpose = !t.args.wants_profile;
	t.trust = gw_trust_new();
	t.given = sk_X509_new_null();
	t.crls = gw_crls_new();
	if (!read_input(&t)) {
		clear(&t);
		return GW_TESTCERT_UNUSABLE;
	}
	is_good = run(&t);
	gw_test_say(t.stages, STAGES, t.args.json);
	clear(&t);
	if (fflush(stdout) != 0)
		return GW_TESTCERT_UNUSABLE;
	return is_good ? GW_TESTCERT_ACCEPTED : GW_TESTCERT_REFUSED;
}
