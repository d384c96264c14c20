/* testcert_args.c — the command line of gwd-testcert. Options that take files
 * take every word up to the next option; the last word is the certificate
 * unless one was named before. */
#include "testcert.h"
#include "gw/moment.h"
#include "gw/settings.h"
#include "gw/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum kind { FLAG, ONE, MANY };

static bool
misused(const char *what, const char *word)
{
	fprintf(stderr, "gwctl test-cert: %s%s\n", what, word);
	return false;
}

static void
push(struct gw_words *w, const char *word)
{
	w->v = gw_xrealloc(w->v, w->n + 1, sizeof(*w->v));
	w->v[w->n++] = word;
}

/* ---- values */

static bool
set_at(struct gw_test_args *a, const char *word)
{
	int64_t at;

	if (!gw_parse_moment(word, &at))
		return misused("--at: neither seconds nor RFC 3339: ", word);
	a->at = (time_t)at;
	return true;
}

/* Names and numbers. */
static bool
set_eku(struct gw_test_args *a, const char *word)
{
	ASN1_OBJECT *oid;

	if (strcmp(word, "none") == 0) {
		a->wants_profile = false;
		return true;
	}
	oid = OBJ_txt2obj(word, 0);
	if (oid == NULL)
		return misused("--eku: no such purpose: ", word);
	if (a->purposes.n >= GW_PURPOSES_MAX)
		return misused("--eku: too many", "");
	a->purposes.v[a->purposes.n++] = oid;
	a->has_purposes = true;
	return true;
}

static bool
set_depth(struct gw_test_args *a, const char *word)
{
	char *end;
	long n = strtol(word, &end, 10);

	if (*word == '\0' || *end != '\0' || n < 0)
		return misused("--max-depth: 0 or more, not ", word);
	n = GW_MIN(n, GW_TESTCERT_DEPTH);
	a->rules.max_depth = (int)n;
	a->section->max_depth = n; /* beyond what a section may say, too */
	return true;
}

static bool
set_policy(struct gw_test_args *a, const char *word)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(word, 0);

	if (oid == NULL)
		return misused("--policy: not an OID: ", word);
	if (a->rules.policies == NULL)
		a->rules.policies = sk_ASN1_OBJECT_new_null();
	return a->rules.policies != NULL &&
	       sk_ASN1_OBJECT_push(a->rules.policies, oid) > 0;
}

static bool
set_ocsp(struct gw_test_args *a, const char *word)
{
	a->ocsp = word;
	return true;
}

static bool
add_ca(struct gw_test_args *a, const char *word)
{
	push(&a->cas, word);
	return true;
}

static bool
add_crl(struct gw_test_args *a, const char *word)
{
	push(&a->crls, word);
	return true;
}

static bool
add_intermediate(struct gw_test_args *a, const char *word)
{
	push(&a->intermediates, word);
	return true;
}

/* A key of section `ca`, as it stands in the configuration. */
static bool
set_key(struct gw_test_args *a, const char *key, const char *word)
{
	struct gw_error why;

	if (gw_conf_set(a->section, gw_setting_key(key), word, &why) ==
	    GW_ERR_OK)
		return true;
	return misused(why.detail, "");
}

static bool
set_require_policy(struct gw_test_args *a, const char *word)
{
	return set_key(a, "require_policy", word);
}

static bool
set_require_eku(struct gw_test_args *a, const char *word)
{
	return set_key(a, "require_eku", word);
}

static bool
set_require_smartcard(struct gw_test_args *a, const char *word)
{
	return set_key(a, "require_smartcard_eku", word);
}

static bool
set_relax(struct gw_test_args *a, const char *word)
{
	return set_key(a, "relax", word);
}

static bool
set_validity_skew(struct gw_test_args *a, const char *word)
{
	return set_key(a, "validity_skew", word);
}

static bool
set_json(struct gw_test_args *a, const char *word)
{
	(void)word;
	a->json = true;
	return true;
}

static bool
set_lenient(struct gw_test_args *a, const char *word)
{
	(void)word;
	a->rules.is_lenient = true;
	return true;
}

static bool
set_explicit(struct gw_test_args *a, const char *word)
{
	(void)word;
	a->rules.policy_flags |= X509_V_FLAG_EXPLICIT_POLICY;
	return true;
}

static bool
set_inhibit_any(struct gw_test_args *a, const char *word)
{
	(void)word;
	a->rules.policy_flags |= X509_V_FLAG_INHIBIT_ANY;
	return true;
}

static bool
set_inhibit_mapping(struct gw_test_args *a, const char *word)
{
	(void)word;
	a->rules.policy_flags |= X509_V_FLAG_INHIBIT_MAP;
	return true;
}

static const struct option {
	const char *name;
	enum kind kind;
	bool (*fn)(struct gw_test_args *a, const char *word);
} options[] = {
	{ "--ca", MANY, add_ca },
	{ "--crl", MANY, add_crl },
	{ "--intermediate", MANY, add_intermediate },
	{ "--ocsp-response", ONE, set_ocsp },
	{ "--at", ONE, set_at },
	{ "--eku", ONE, set_eku },
	{ "--max-depth", ONE, set_depth },
	{ "--policy", MANY, set_policy },
	{ "--explicit-policy", FLAG, set_explicit },
	{ "--inhibit-any", FLAG, set_inhibit_any },
	{ "--inhibit-mapping", FLAG, set_inhibit_mapping },
	{ "--lenient", FLAG, set_lenient },
	{ "--require-policy", MANY, set_require_policy },
	{ "--require-eku", MANY, set_require_eku },
	{ "--require-smartcard-eku", ONE, set_require_smartcard },
	{ "--relax", MANY, set_relax },
	{ "--validity-skew", ONE, set_validity_skew },
	{ "--json", FLAG, set_json },
	{ "--offline", FLAG, NULL },
};

static const struct option *
find_option(const char *word)
{
	for (size_t i = 0; i < GW_COUNT(options); i++)
		if (strcmp(options[i].name, word) == 0)
			return &options[i];
	return NULL;
}

/* ---- the line */

static bool
take_leaf(struct gw_test_args *a, const char *word)
{
	if (a->leaf != NULL)
		return misused("more than one certificate: ", word);
	a->leaf = word;
	return true;
}

/* The words of one option; `*i` is moved to the last of them. `end`: how far
 * they may reach. */
static bool
take_values(struct gw_test_args *a, const struct option *o, char **argv,
	    int end, int *i)
{
	int first = *i + 1;

	while (*i + 1 < end && strncmp(argv[*i + 1], "--", 2) != 0) {
		if (o->kind == ONE && *i + 1 > first)
			break;
		if (!o->fn(a, argv[++*i]))
			return false;
	}
	return *i >= first || misused(o->name, ": a value is missing");
}

static bool
take(struct gw_test_args *a, char **argv, int end, int *i)
{
	const struct option *o = find_option(argv[*i]);

	if (o == NULL)
		return strncmp(argv[*i], "--", 2) == 0
			       ? misused("no such option: ", argv[*i])
			       : take_leaf(a, argv[*i]);
	if (o->kind != FLAG)
		return take_values(a, o, argv, end, i);
	return o->fn == NULL || o->fn(a, NULL);
}

/* Where the words end: before the last one that is no flag when that can be
 * the certificate, for the option before it would swallow it. */
static int
last_word(int argc, char **argv)
{
	const struct option *o;
	int i = argc - 1;

	while (i > 0 && (o = find_option(argv[i])) != NULL && o->kind == FLAG)
		i--;
	return i;
}

static bool
is_value_of_one(char **argv, int at)
{
	const struct option *o = at > 1 ? find_option(argv[at - 1]) : NULL;

	return o != NULL;
}

/* The section stands as the configuration's defaults have it. */
static void
init(struct gw_test_args *a)
{
	const struct gw_conf_section *ca = gw_conf_section("ca");

	*a = (struct gw_test_args){ .at = time(NULL), .wants_profile = true,
				    .rules.max_depth = GW_CHAIN_DEPTH };
	a->section = gw_conf_instance(&a->conf, ca);
	gw_conf_defaults(a->section, ca);
	free(a->section->title);
	a->section->title = gw_xstrdup("offline");
}

static bool
take_all(struct gw_test_args *a, int argc, char **argv)
{
	int last = last_word(argc, argv);
	bool is_leaf = last > 0 && strncmp(argv[last], "--", 2) != 0 &&
		       !is_value_of_one(argv, last);

	for (int i = 1; i < argc; i++) {
		bool is_here = is_leaf && i == last && a->leaf == NULL;

		if (strcmp(argv[i], "--") == 0)
			continue;
		if (is_here ? !take_leaf(a, argv[i])
			    : !take(a, argv,
				    is_leaf && a->leaf == NULL ? last : argc,
				    &i))
			return false;
	}
	return true;
}

bool
gw_test_args_read(int argc, char **argv, struct gw_test_args *out)
{
	const char *key;
	struct gw_error why;

	init(out);
	if (!take_all(out, argc, argv))
		return false;
	if (out->leaf == NULL)
		return misused("no certificate; name it last", "");
	if (out->cas.n == 0)
		return misused("--ca is missing", "");
	if (gw_conf_ca_check_values(out->section, &key, &why) != GW_ERR_OK)
		return misused(why.detail, "");
	return true;
}

void
gw_test_args_clear(struct gw_test_args *a)
{
	for (size_t i = 0; i < a->purposes.n; i++)
		ASN1_OBJECT_free(
			(ASN1_OBJECT *)(uintptr_t)a->purposes.v[i]);
	sk_ASN1_OBJECT_pop_free(a->rules.policies, ASN1_OBJECT_free);
	free(a->cas.v);
	free(a->crls.v);
	free(a->intermediates.v);
	gw_conf_clear(&a->conf);
}
