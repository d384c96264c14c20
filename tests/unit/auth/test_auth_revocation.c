/* The ladder of responders, the cache and single flight, with a transport
 * that answers when the test says so. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "answers.h"
#include "gw/util.h"
#include "revocation.h"

struct gw_fetch {
	char url[GW_URL_MAX];
	uint64_t timeout_ms;
	gw_fetch_fn *fn;
	void *arg;
};

static struct gw_fetch *asked[64];
static size_t asked_count, cancelled;
static time_t now = NOW;
static struct gw_loop *loop;
static struct gw_revocation *rev;
static struct gw_conf_revocation conf;
static struct gw_conf_ca ca;

static struct gw_fetch *
start(void *ctx, const char *url, struct gw_der body, uint64_t timeout_ms,
      gw_fetch_fn *fn, void *arg)
{
	struct gw_fetch *f = gw_xcalloc(1, sizeof(*f));

	(void)ctx;
	cr_expect_gt(body.len, 0);
	*f = (struct gw_fetch){ .timeout_ms = timeout_ms, .fn = fn,
				.arg = arg };
	cr_assert(gw_copy(f->url, sizeof(f->url), url));
	asked[asked_count++] = f;
	return f;
}

static void
cancel(struct gw_fetch *f)
{
	cancelled++;
	free(f);
}

static time_t
clock_now(void *ctx)
{
	(void)ctx;
	return now;
}

static void
setup(void)
{
	static const struct gw_transport t = { NULL, start, cancel,
					       clock_now };

	conf = (struct gw_conf_revocation){
		.timeout_ms = 2000, .total_timeout_ms = 5000,
		.skew_ms = 300000, .max_age_ms = INT64_C(7) * 86400000,
		.cache_max_ms = 1800000, .cache_open_ms = 0,
	};
	ca = (struct gw_conf_ca){ .title = (char *)"t",
				  .ocsp_url = (char *)"http://r/" };
	cr_assert_eq(gw_loop_new(&loop), GW_ERR_OK);
	rev = gw_revocation_new(loop, &conf, &t);
}

static void
teardown(void)
{
	gw_revocation_free(rev);
	gw_loop_free(loop);
}

TestSuite(revocation, .init = setup, .fini = teardown);

struct waiter {
	struct gw_revocation_wait wait;
	struct gw_revocation_result res;
	unsigned told;
};

static void
on_told(struct gw_revocation_wait *w, const struct gw_revocation_result *r)
{
	struct waiter *x = GW_CONTAINER(w, struct waiter, wait);

	x->told++;
	x->res = *r;
}

static bool
ask(const char *leaf, struct waiter *w)
{
	memset(w, 0, sizeof(*w));
	w->wait.fn = on_told;
	return gw_revocation_ask(rev, vec(leaf), vec("issuing"), &ca, &w->wait,
				 &w->res);
}

/* The i-th question is answered. */
static void
give(size_t i, const struct answer *a)
{
	struct gw_fetch *f = asked[i];
	size_t len;
	uint8_t *der = answer_make(a, &len);

	f->fn(f->arg, &(struct gw_fetched){ .body = { der, len },
					    .took_us = 1234 });
	OPENSSL_free(der);
	free(f);
	asked[i] = NULL;
}

static void
break_off(size_t i, const char *why)
{
	struct gw_fetch *f = asked[i];

	f->fn(f->arg, &(struct gw_fetched){ .why = why });
	free(f);
	asked[i] = NULL;
}

#define ANSWER(...) (&(struct answer){ .n = 1, .v = { { __VA_ARGS__ } } })
#define FINE     ANSWER(.this = -10, .next = 3600)
#define OPEN     ANSWER(.this = -10, .has_no_next = true)
#define REVOKED  ANSWER(.status = V_OCSP_CERTSTATUS_REVOKED, .reason = 1, \
			.this = -10, .next = 3600)
#define UNKNOWN  ANSWER(.status = V_OCSP_CERTSTATUS_UNKNOWN, .this = -10, \
			.next = 3600)
#define OLD      ANSWER(.this = -7200, .next = -3600)
#define FOREIGN  (&(struct answer){ .signer = "ocsp-by-other" })

Test(revocation, nobody_to_ask)
{
	struct waiter w;

	ca.ocsp_url = (char *)"";
	cr_expect(ask("good", &w));
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_eq(asked_count, 0);
}

Test(revocation, hard_fail)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	break_off(0, "connect: Connection refused");
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_str_eq(w.res.detail, "http://r/: connect: Connection refused");
	cr_expect_not(ask("good", &w), "a failure is not kept");
	break_off(1, "x");
}

Test(revocation, revoked_is_final)
{
	struct waiter w;
	struct gw_conf_ca two = { .title = (char *)"t",
				  .ocsp_url = (char *)"http://r/" };

	memset(&w, 0, sizeof(w));
	w.wait.fn = on_told;
	cr_expect_not(gw_revocation_ask(rev, vec("aia"), vec("issuing"), &two,
					&w.wait, &w.res));
	give(0, ANSWER(.leaf = "aia", .status = V_OCSP_CERTSTATUS_REVOKED,
		       .reason = 1, .this = -10, .next = 3600));
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect_not_null(strstr(w.res.detail, "keyCompromise"));
	cr_expect_str_eq(w.res.source, "http://one.example/a");
	cr_expect_eq(asked_count, 1, "nobody else is asked");
}

Test(revocation, each_url_in_turn)
{
	static const char *const urls[] = { "http://one.example/a",
					    "http://two.example:81/b?c",
					    "http://r/" };
	struct waiter w;

	cr_expect_not(ask("aia", &w));
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(asked_count, i + 1);
		cr_expect_str_eq(asked[i]->url, urls[i]);
		cr_expect_eq(asked[i]->timeout_ms, 2000);
		if (i < 2)
			break_off(i, "no");
	}
	give(2, ANSWER(.leaf = "aia", .this = -10, .next = 3600));
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_str_eq(w.res.source, "http://r/");
}

static const struct {
	enum gw_err first, second, want;
} telling[] = {
	{ GW_ERR_REVOCATION_SIGNER, GW_ERR_REVOCATION_UNAVAILABLE,
	  GW_ERR_REVOCATION_SIGNER },
	{ GW_ERR_REVOCATION_UNAVAILABLE, GW_ERR_REVOCATION_STALE,
	  GW_ERR_REVOCATION_STALE },
	{ GW_ERR_REVOCATION_UNKNOWN, GW_ERR_REVOCATION_SIGNER,
	  GW_ERR_REVOCATION_UNKNOWN },
	{ GW_ERR_REVOCATION_SIGNER, GW_ERR_CERT_REVOKED,
	  GW_ERR_CERT_REVOKED },
	{ GW_ERR_REVOCATION_STALE, GW_ERR_OK, GW_ERR_OK },
};

static void
give_kind(size_t i, enum gw_err kind)
{
	struct answer a = { .n = 1 };

	a.v[0] = (struct single_answer){ .leaf = "aia", .this = -10,
					 .next = 3600, .reason = -1 };
	if (kind == GW_ERR_REVOCATION_UNAVAILABLE) {
		break_off(i, "away");
		return;
	}
	if (kind == GW_ERR_REVOCATION_SIGNER)
		a.signer = "ocsp-by-other";
	if (kind == GW_ERR_REVOCATION_STALE)
		a.v[0].this = a.v[0].next = -7200;
	if (kind == GW_ERR_REVOCATION_UNKNOWN)
		a.v[0].status = V_OCSP_CERTSTATUS_UNKNOWN;
	if (kind == GW_ERR_CERT_REVOKED)
		a.v[0].status = V_OCSP_CERTSTATUS_REVOKED;
	give(i, &a);
}

Test(revocation, the_most_telling_reason)
{
	ca.ocsp_url = (char *)"";
	for (size_t i = 0; i < GW_COUNT(telling); i++) {
		struct waiter w;

		asked_count = 0;
		cr_assert_not(ask("aia", &w), "case %zu", i);
		give_kind(0, telling[i].first);
		cr_assert_eq(asked_count, 2, "case %zu", i);
		give_kind(1, telling[i].second);
		cr_expect_eq(w.told, 1);
		cr_expect_eq(w.res.code, telling[i].want, "case %zu: %s", i,
			     gw_err_name(w.res.code));
	}
}

Test(revocation, cache)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect(ask("good", &w));
	cr_expect_str_eq(w.res.source, "cached");
	cr_expect_eq(w.res.code, GW_ERR_OK);
	now = NOW + 1799;
	cr_expect(ask("good", &w));
	now = NOW + 1800;
	cr_expect_not(ask("good", &w), "cache_max is over");
	give(1, &(struct answer){ .produced = 1750, .n = 1,
		.v = { { .this = 1700, .next = 1900 } } });
	cr_expect_eq(w.res.code, GW_ERR_OK);
	now = NOW + 1899;
	cr_expect(ask("good", &w));
	now = NOW + 1900;
	cr_expect_not(ask("good", &w), "nextUpdate is over");
	break_off(2, "x");
	cr_expect_not(ask("second", &w), "another certificate");
	break_off(3, "x");
	now = NOW;
}

Test(revocation, no_next_update)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, OPEN);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_not(ask("good", &w), "not kept by default");
	give(1, OPEN);
	conf.cache_open_ms = 60000;
	cr_expect_not(ask("good", &w));
	give(2, OPEN);
	cr_expect(ask("good", &w));
	now = NOW + 60;
	cr_expect_not(ask("good", &w));
	break_off(3, "x");
	now = NOW;
}

Test(revocation, bad_answers_are_not_kept)
{
	const struct answer *bad[] = { REVOKED, UNKNOWN, OLD, FOREIGN };
	struct waiter w;

	for (size_t i = 0; i < GW_COUNT(bad); i++) {
		asked_count = 0;
		cr_expect_not(ask("good", &w));
		give(0, bad[i]);
		cr_expect_neq(w.res.code, GW_ERR_OK);
	}
	cr_expect_eq(gw_revocation_count(rev).answers, 0);
}

Test(revocation, single_flight)
{
	struct waiter w[5];

	for (size_t i = 0; i < 5; i++)
		cr_expect_not(ask("good", &w[i]));
	cr_expect_eq(asked_count, 1);
	cr_expect_eq(gw_revocation_count(rev).flights, 1);
	gw_revocation_forget(&w[2].wait);
	gw_revocation_forget(&w[2].wait);
	give(0, FINE);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(w[i].told, i == 2 ? 0 : 1, "%zu", i);
	cr_expect_eq(gw_revocation_count(rev).flights, 0);
	cr_expect_eq(gw_revocation_count(rev).answers, 1);
}

Test(revocation, nobody_waits_any_more)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	gw_revocation_forget(&w.wait);
	give(0, FINE);
	cr_expect_eq(w.told, 0);
	cr_expect(ask("good", &w), "the answer was kept all the same");
}

Test(revocation, under_way_at_the_end)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	gw_revocation_free(rev);
	rev = NULL;
	cr_expect_eq(cancelled, 1);
	cr_expect_eq(w.told, 0);
}

Test(revocation, statistics)
{
	const struct gw_responder *r;
	struct waiter w;

	gw_revocation_announce(rev, "http://r/");
	gw_revocation_announce(rev, "");
	r = gw_revocation_responder(rev, 0);
	cr_assert_not_null(r);
	cr_expect_eq(r->asked, 0);
	cr_expect_null(gw_revocation_responder(rev, 1));
	cr_expect_not(ask("good", &w));
	break_off(0, "away");
	r = gw_revocation_responder(rev, 0);
	cr_expect(r->is_failing);
	cr_expect_str_eq(r->last_error, "revocation-unavailable: away");
	cr_expect_not(ask("good", &w));
	give(1, REVOKED);
	r = gw_revocation_responder(rev, 0);
	cr_expect_not(r->is_failing, "`revoked` is an answer");
	cr_expect_eq(r->asked, 2);
	cr_expect_eq(r->failed, 1);
	cr_expect_eq(r->latency_us, 1234);
	cr_expect_eq(r->last_ok, NOW);
}

Test(revocation, keys)
{
	uint8_t a[GW_HASH], b[GW_HASH];

	gw_revocation_key(vec("good"), vec("issuing"), a);
	gw_revocation_key(vec("second"), vec("issuing"), b);
	cr_expect_neq(memcmp(a, b, sizeof(a)), 0, "serial");
	gw_revocation_key(vec("good"), vec("other-issuing"), b);
	cr_expect_neq(memcmp(a, b, sizeof(a)), 0, "same name, another key");
}
