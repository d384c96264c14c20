/* Revocation lists: every rule of RFC 5280, 5 and 6.3, kept and broken once,
 * by the lists of tests/vectors/lists; through both ways a list may come, a
 * file beside the certificate (gwctl test-cert --offline) and the store of
 * gwd-auth. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crls.h"
#include "demands.h"
#include "gw/util.h"
#include "revocation.h"
#include "vectors.h"

#define LISTS_MAX 4
#define CASES_MAX 256

/* A line of the file of cases, its fields cut out of it. */
static struct list_case {
	char line[512];
	const char *what, *card, *want, *detail;
	char *lists[LISTS_MAX], *cas[LISTS_MAX];
	size_t list_count, ca_count;
} cases[CASES_MAX];
static size_t case_count;

static size_t
split(char *s, char *out[LISTS_MAX])
{
	size_t n = 0;
	char *word;

	while ((word = strsep(&s, ",")) != NULL) {
		cr_assert_lt(n, LISTS_MAX);
		out[n++] = word;
	}
	return n;
}

static void
read_case(struct list_case *c)
{
	char *s = c->line;

	s[strcspn(s, "\n")] = '\0';
	c->what = strsep(&s, "\t");
	c->list_count = split(strsep(&s, "\t"), c->lists);
	c->card = strsep(&s, "\t");
	c->ca_count = split(strsep(&s, "\t"), c->cas);
	c->want = strsep(&s, "\t");
	c->detail = strsep(&s, "\t");
	cr_assert(c->detail != NULL && s == NULL, "%s", c->what);
}

static void
read_cases(void)
{
	FILE *f = fopen(VECTORS "/cases", "r");

	cr_assert_not_null(f);
	while (fgets(cases[case_count].line, sizeof(cases[0].line), f) != NULL)
		read_case(&cases[case_count++]);
	fclose(f);
	cr_assert_gt(case_count, 100);
}

static uint8_t *
read_list(const char *name, size_t *out_len)
{
	char path[512];
	FILE *f;
	uint8_t *p = gw_xcalloc(1, 65536);

	snprintf(path, sizeof(path), "%s/%s", VECTORS, name);
	f = fopen(path, "r");
	cr_assert_not_null(f, "%s", path);
	*out_len = fread(p, 1, 65536, f);
	fclose(f);
	return p;
}

static struct gw_path
path_of(const struct list_case *c, const struct gw_conf_ca *section)
{
	struct gw_path p = { .certs = sk_X509_new_null(), .ca = section };

	sk_X509_push(p.certs, vec(c->card));
	for (size_t i = 0; i < c->ca_count; i++)
		sk_X509_push(p.certs, vec(c->cas[i]));
	return p;
}

static void
expect(const struct list_case *c, const char *way, enum gw_err rc,
       const struct gw_error *err)
{
	const char *got = gw_err_name(rc);

	if (c->want[0] != '\0')
		cr_expect_str_eq(got, c->want, "%s, %s: %s: %s", c->what, way,
				 got, err->detail);
	else
		cr_expect(rc != GW_ERR_OK && rc != GW_ERR_CERT_REVOKED,
			  "%s, %s: %s", c->what, way, got);
	cr_expect_not_null(strstr(rc != GW_ERR_OK ? err->detail : c->detail,
				  c->detail), "%s, %s: %s", c->what, way,
			   err->detail);
}

/* ---- beside the certificate */

static void
judge_offline(const struct list_case *c)
{
	static const struct gw_conf_ca section = { .title = (char *)"t" };
	const struct gw_chain_rules rules = gw_chain_rules_of(&section);
	struct gw_path path = path_of(c, &section);
	struct gw_crls *lists = gw_crls_new();
	uint8_t *der[LISTS_MAX];
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_err rc;
	size_t len;

	for (size_t i = 0; i < c->list_count; i++) {
		der[i] = read_list(c->lists[i], &len);
		rc = gw_crls_add(lists, der[i], len, &err);
	}
	err.detail[0] = '\0';
	rc = gw_crls_check(lists, &path, NULL, &rules, NOW, &err);
	expect(c, "offline", rc, &err);
	gw_crls_free(lists);
	for (size_t i = 0; i < c->list_count; i++)
		free(der[i]);
	sk_X509_free(path.certs);
}

Test(crl, beside_the_certificate)
{
	read_cases();
	for (size_t i = 0; i < case_count; i++)
		judge_offline(&cases[i]);
}

/* ---- by the store: lists are files of the operator, deltas are fetched */

struct gw_fetch {
	struct gw_task task;
	gw_fetch_fn *fn;
	void *arg;
	uint64_t len; /* 0: there is none */
};

static struct gw_loop *loop;
static const struct list_case *present;
static struct gw_conf_revocation conf = {
	.timeout_ms = 2000, .total_timeout_ms = 10000, .skew_ms = 300000,
	.max_age_ms = INT64_C(7) * 86400000, .cache_max_ms = 1800000,
	.crl_timeout_ms = 60000, .crl_refresh_ms = 3600000, .crl_max = 8,
};

static bool
is_delta(const char *name)
{
	size_t len;
	uint8_t *der = read_list(name, &len);
	const uint8_t *p = der;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)len);
	bool is = crl != NULL &&
		  X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;

	X509_CRL_free(crl);
	free(der);
	return is;
}

static void
on_fetched(struct gw_task *t)
{
	struct gw_fetch *f = GW_CONTAINER(t, struct gw_fetch, task);

	f->fn(f->arg, &(struct gw_fetched){
		.len = f->len, .why = f->len == 0 ? "no delta" : NULL });
	free(f);
}

static struct gw_fetch *
get(void *ctx, const char *url, int fd, size_t max, uint64_t timeout_ms,
    gw_fetch_fn *fn, void *arg)
{
	struct gw_fetch *f = gw_xcalloc(1, sizeof(*f));
	size_t len = 0;

	(void)ctx;
	(void)max;
	(void)timeout_ms;
	*f = (struct gw_fetch){ .task.fn = on_fetched, .fn = fn, .arg = arg };
	for (size_t i = 1; i < present->list_count &&
			   strstr(url, "delta") != NULL; i++) {
		uint8_t *der = read_list(present->lists[i], &len);

		cr_assert_eq(write(fd, der, len), (ssize_t)len);
		free(der);
	}
	f->len = len;
	gw_loop_defer(loop, &f->task);
	return f;
}

static void
cancel(struct gw_fetch *f)
{
	f->fn = NULL;
	cr_assert(false, "cancelled");
}

static bool
no_directory(void *ctx, uint64_t id, const char *url, uint64_t timeout_ms)
{
	(void)ctx;
	(void)id;
	(void)url;
	(void)timeout_ms;
	return false;
}

static time_t
clock_now(void *ctx)
{
	(void)ctx;
	return NOW;
}

struct waiter {
	struct gw_revocation_wait wait;
	struct gw_revocation_result res;
};

static void
on_told(struct gw_revocation_wait *w, const struct gw_revocation_result *r)
{
	GW_CONTAINER(w, struct waiter, wait)->res = *r;
	gw_loop_stop(loop);
}

/* The leaf, then each CA but the last, until one does not stand. */
static struct gw_revocation_result
ask(struct gw_revocation *r, const struct list_case *c,
    const struct gw_conf_ca *section)
{
	struct gw_path path = path_of(c, section);
	struct gw_revocation_about about = { .path = &path };
	struct waiter w = { .wait.fn = on_told };

	for (size_t i = 0; i < c->ca_count; i++) {
		about.depth = (int)i;
		if (!gw_revocation_ask(r, &about, &w.wait, &w.res))
			gw_loop_run(loop);
		if (w.res.code != GW_ERR_OK)
			break;
	}
	sk_X509_free(path.certs);
	return w.res;
}

/* What is no list, or a weak one, is not taken in at all. */
static struct list_case
as_told_online(const struct list_case *c)
{
	struct list_case out = *c;

	if (strcmp(c->want, "revocation-malformed") == 0 ||
	    strcmp(c->detail, "weak") == 0)
		out.want = "revocation-unavailable";
	return out;
}

static void
judge_online(const struct list_case *c, const char *dir,
	     struct gw_offload *offload)
{
	static char *ocsp_no[] = { (char *)(uintptr_t)"crl" };
	const struct gw_transport t = { NULL, NULL, cancel, clock_now };
	const struct gw_crl_store_conf sc = {
		.loop = loop, .offload = offload, .conf = &conf, .dir = dir,
		.crl_dir = VECTORS,
		.transport = { NULL, get, cancel, no_directory, clock_now },
	};
	const struct list_case told = as_told_online(c);
	struct gw_crl_store *store = gw_crl_store_new(&sc);
	struct gw_revocation *r = gw_revocation_new(loop, &conf, &t, store,
						    NULL);
	struct gw_conf_ca section = { .title = (char *)"t",
				      .revocation = { ocsp_no, 1 } };
	char paths[LISTS_MAX][512], *places[LISTS_MAX], cmd[128];
	struct gw_revocation_result res;
	struct gw_error err;

	present = c;
	section.crl.v = places;
	for (size_t i = 0; i < c->list_count; i++) {
		if (i > 0 && is_delta(c->lists[i]))
			continue;
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", VECTORS,
			 c->lists[i]);
		places[section.crl.n++] = paths[i];
	}
	res = ask(r, c, &section);
	snprintf(err.detail, sizeof(err.detail), "%s", res.detail);
	expect(&told, "online", res.code, &err);
	gw_revocation_free(r);
	gw_crl_store_free(store);
	snprintf(cmd, sizeof(cmd), "rm -f %s/*", dir);
	cr_assert_eq(system(cmd), 0);
}

Test(crl, by_the_store, .timeout = 120)
{
	char dir[] = "/tmp/gwd-crl-XXXXXX";
	struct gw_offload *offload;

	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(gw_loop_new(&loop), GW_ERR_OK);
	offload = gw_offload_new(loop);
	read_cases();
	for (size_t i = 0; i < case_count; i++)
		judge_online(&cases[i], dir, offload);
	gw_offload_free(offload);
	gw_loop_free(loop);
	rmdir(dir);
}
