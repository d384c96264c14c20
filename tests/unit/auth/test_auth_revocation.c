/* The ladder of responders, the cache and single flight, with a transport
 * that answers when the test says so. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answers.h"
#include "gw/memfd.h"
#include "gw/util.h"
#include "lists.h"
#include "revocation.h"
#include "revoked.h"
#include "share.h"

struct gw_fetch {
	char url[GW_URL_MAX];
	bool is_get;
	int fd;
	uint64_t timeout_ms;
	gw_fetch_fn *fn;
	void *arg;
};

static struct gw_fetch *asked[2048];
static size_t asked_count, cancelled, awaited_questions;
static time_t now = NOW;
static struct gw_loop *loop;
static struct gw_kept *kept; /* NULL unless a test opens it */
static struct gw_revocation *rev;
static struct gw_conf_revocation conf;
static struct gw_conf_ca ca;
static struct gw_crl_store *lists;
static struct gw_offload *offload;
static char dir[64], files[64];
static const char *kept_path;
static const char *words[2];
static char *places[2];

static struct gw_fetch *
start(void *ctx, const struct gw_fetch_ask *ask, gw_fetch_fn *fn, void *arg)
{
	struct gw_fetch *f = gw_xcalloc(1, sizeof(*f));

	(void)ctx;
	*f = (struct gw_fetch){ .timeout_ms = ask->timeout_ms, .fn = fn,
				.is_get = ask->body.len == 0, .fd = ask->fd,
				.arg = arg };
	cr_assert(gw_copy(f->url, sizeof(f->url), ask->url));
	asked[asked_count++] = f;
	if (asked_count == awaited_questions)
		gw_loop_stop(loop);
	return f;
}

static struct gw_fetch *
get(void *ctx, const char *url, int fd, size_t max, uint64_t timeout_ms,
    gw_fetch_fn *fn, void *arg)
{
	const struct gw_fetch_ask ask = { .url = url, .fd = fd, .max = max,
					  .timeout_ms = timeout_ms };

	return start(ctx, &ask, fn, arg);
}

/* The directory's part: the last question. */
static uint64_t ldap_id;
static char ldap_url[GW_URL_MAX];
static bool ldap_is_there = true;

static bool
ask_directory(void *ctx, uint64_t id, const char *url, uint64_t timeout_ms)
{
	(void)ctx;
	(void)timeout_ms;
	ldap_id = id;
	cr_assert(gw_copy(ldap_url, sizeof(ldap_url), url));
	return ldap_is_there;
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
open_all(void)
{
	static const struct gw_transport t = { NULL, start, cancel,
					       clock_now };
	const struct gw_crl_store_conf c = {
		.loop = loop, .offload = offload, .conf = &conf, .dir = dir,
		.crl_dir = files,
		.transport = { NULL, get, cancel, ask_directory, clock_now },
	};

	lists = gw_crl_store_new(&c);
	rev = gw_revocation_new(loop, &conf, &t, lists, kept);
}

static void
close_all(void)
{
	gw_revocation_free(rev);
	gw_crl_store_free(lists);
	rev = NULL;
	lists = NULL;
}

static void
unlink_all(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -f %s/*", dir);
	cr_assert_eq(system(cmd), 0);
}

static void
setup(void)
{
	conf = (struct gw_conf_revocation){
		.timeout_ms = 2000, .total_timeout_ms = 5000,
		.skew_ms = 300000, .max_age_ms = INT64_C(7) * 86400000,
		.cache_max_ms = 1800000, .cache_open_ms = 0,
		.crl_timeout_ms = 60000, .crl_refresh_ms = 3600000,
		.crl_max = 4,
	};
	ca = (struct gw_conf_ca){ .title = (char *)"t",
				  .ocsp_url = (char *)"http://r/",
				  .ocsp_method = GW_OCSP_POST,
				  .check_intermediates = true };
	snprintf(dir, sizeof(dir), "/tmp/gwd-lists-XXXXXX");
	snprintf(files, sizeof(files), "/tmp/gwd-files-XXXXXX");
	cr_assert(mkdtemp(dir) != NULL && mkdtemp(files) != NULL);
	cr_assert_eq(gw_loop_new(&loop), GW_ERR_OK);
	offload = gw_offload_new(loop);
	open_all();
}

static void
teardown(void)
{
	char cmd[200];

	close_all();
	gw_offload_free(offload);
	gw_loop_free(loop);
	snprintf(cmd, sizeof(cmd), "rm -rf %s %s", dir, files);
	cr_assert_eq(system(cmd), 0);
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

/* The path is the certificate and its CA, which is registered. */
static bool
ask_about(const char *leaf, const struct gw_conf_ca *section, bool is_anew,
	  struct waiter *w)
{
	struct gw_path path = { .certs = sk_X509_new_null(), .ca = section };
	const struct gw_revocation_about about = { .path = &path,
						   .is_anew = is_anew };
	bool is_now;

	sk_X509_push(path.certs, vec(leaf));
	sk_X509_push(path.certs, vec("issuing"));
	is_now = gw_revocation_ask(rev, &about, &w->wait, &w->res);
	sk_X509_free(path.certs);
	return is_now;
}

static bool
ask(const char *leaf, struct waiter *w)
{
	memset(w, 0, sizeof(*w));
	w->wait.fn = on_told;
	return ask_about(leaf, &ca, false, w);
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

	cr_expect_not(ask("aia", &w));
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
		close_all(); /* nothing is remembered */
		open_all();
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
	close_all();
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

	gw_revocation_key(vec("good"), vec("issuing"), &ca, a);
	gw_revocation_key(vec("second"), vec("issuing"), &ca, b);
	cr_expect_neq(memcmp(a, b, sizeof(a)), 0, "serial");
	gw_revocation_key(vec("good"), vec("other-issuing"), &ca, b);
	cr_expect_neq(memcmp(a, b, sizeof(a)), 0, "same name, another key");
}

/* ---- how responders are asked */

Test(revocation, get_first_then_post)
{
	struct waiter w;

	ca.ocsp_method = GW_OCSP_AUTO;
	cr_expect_not(ask("good", &w));
	cr_expect(asked[0]->is_get);
	cr_expect_eq(strncmp(asked[0]->url, "http://r/MF", 11), 0, "%s",
		     asked[0]->url);
	asked[0]->fn(asked[0]->arg, &(struct gw_fetched){
		.why = "HTTP 405 Method Not Allowed", .status = 405 });
	cr_assert_eq(asked_count, 2);
	cr_expect_not(asked[1]->is_get);
	cr_expect_str_eq(asked[1]->url, "http://r/");
	give(1, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_str_eq(w.res.source, "http://r/");
}

Test(revocation, no_second_try_when_nothing_came)
{
	struct waiter w;

	ca.ocsp_method = GW_OCSP_AUTO;
	cr_expect_not(ask("good", &w));
	break_off(0, "connect: Connection refused");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
}

Test(revocation, a_nonce_is_posted_and_must_come_back)
{
	struct waiter w;

	ca.ocsp_method = GW_OCSP_AUTO;
	ca.ocsp_nonce = true;
	cr_expect_not(ask("good", &w));
	cr_expect_not(asked[0]->is_get);
	give(0, FINE);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE);
	cr_expect_eq(asked_count, 1, "an answer without it is no reason to "
		     "leave it out");
}

Test(revocation, refused_nonce_is_left_out_once)
{
	static const struct answer no = {
		.response_status = OCSP_RESPONSE_STATUS_UNAUTHORIZED };
	struct waiter w;

	ca.ocsp_nonce = true;
	cr_expect_not(ask("good", &w));
	give(0, &no);
	cr_assert_eq(asked_count, 2);
	give(1, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_not(ask("second", &w));
	give(2, &no);
	give(3, &no);
	cr_expect_eq(asked_count, 4);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
}

/* ---- each server's share */

#define MANY 1000

/* Cards of the same CA, by number. */
static X509 *
numbered_card(long n)
{
	X509 *x = X509_dup(vec("good"));

	cr_assert_not_null(x);
	cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(x), n), 1);
	return x;
}

static bool
ask_about_number(long n, struct waiter *w)
{
	struct gw_path path = { .certs = sk_X509_new_null(), .ca = &ca };
	const struct gw_revocation_about about = { .path = &path };
	X509 *x = numbered_card(n);
	bool is_now;

	memset(w, 0, sizeof(*w));
	w->wait.fn = on_told;
	sk_X509_push(path.certs, x);
	sk_X509_push(path.certs, vec("issuing"));
	is_now = gw_revocation_ask(rev, &about, &w->wait, &w->res);
	sk_X509_free(path.certs);
	X509_free(x);
	return is_now;
}

static void stop_loop(struct gw_timer *t);
static void turn(void);

/* So many connections, the others wait for their turn; who needs another
 * responder does not; and of memory not more than some kilobytes each. */
Test(revocation, a_thousand_wait_for_a_stalled_responder)
{
	static struct waiter w[MANY];
	struct waiter other;
	size_t before = mallinfo2().uordblks;

	for (long i = 0; i < MANY; i++)
		cr_assert_not(ask_about_number(i + 1, &w[i]), "%ld", i);
	cr_expect_eq(asked_count, GW_SHARE_ASKING);
	cr_expect_eq(gw_revocation_count(rev).flights, MANY);
	cr_expect_lt(mallinfo2().uordblks - before, MANY * 16384,
		     "%zu bytes each",
		     (mallinfo2().uordblks - before) / MANY);
	cr_expect_not(ask("aia", &other), "its own responders are free");
	cr_expect_str_eq(asked[GW_SHARE_ASKING]->url, "http://one.example/a");
	give(GW_SHARE_ASKING, ANSWER(.leaf = "aia", .this = -10,
				     .next = 3600));
	cr_expect_eq(other.res.code, GW_ERR_OK);
	/* one is done: the next in line is asked about */
	break_off(0, "away");
	cr_expect_eq(w[0].told, 1);
	turn();
	cr_expect_eq(asked_count, GW_SHARE_ASKING + 2);
	cr_expect_eq(w[GW_SHARE_ASKING].told, 0);
}

/* Whoever did not get a turn is told in time, and has another source. */
Test(revocation, no_turn_in_time)
{
	static struct waiter w[GW_SHARE_ASKING];
	struct waiter late, cdp;
	struct gw_timer t = { .fn = stop_loop };

	conf.total_timeout_ms = 50;
	for (long i = 0; i < GW_SHARE_ASKING; i++)
		cr_assert_not(ask_about_number(i + 1, &w[i]));
	cr_assert_not(ask("good", &late));
	cr_assert_not(ask("cdp", &cdp));
	gw_timer_after(loop, &t, 200);
	gw_loop_run(loop);
	cr_expect_eq(asked_count, GW_SHARE_ASKING + 1,
		     "a list, for the next who asks");
	cr_expect_eq(late.told, 1);
	cr_expect_eq(late.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_not_null(strstr(late.res.detail, "before this one"), "%s",
			   late.res.detail);
	cr_expect_eq(cdp.told, 1, "no time is left for lists either");
}

/* There is an end to it, for one server and for one answer. */
Test(revocation, no_more_than_its_share)
{
	static struct waiter w[GW_SHARE_SEATS + 1];
	static struct waiter same[GW_REVOCATION_WAITERS];
	struct waiter other;

	for (long i = 0; i < GW_SHARE_SEATS; i++)
		cr_assert_not(ask_about_number(i + 1, &w[i]), "%ld", i);
	cr_expect(ask_about_number(GW_SHARE_SEATS + 1, &w[GW_SHARE_SEATS]));
	cr_expect_eq(w[GW_SHARE_SEATS].res.code,
		     GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_not_null(strstr(w[GW_SHARE_SEATS].res.detail, "too many"));
	cr_expect_not(ask("aia", &other), "another server has room");
	for (size_t i = 0; i < GW_COUNT(same); i++)
		(void)ask_about_number(1, &same[i]);
	cr_expect_eq(same[0].res.code, GW_ERR_OK);
	cr_expect_not_null(strstr(same[GW_COUNT(same) - 1].res.detail,
				  "too many"));
}

/* Lists of one server, each at a place of its own, are one share. */
Test(revocation, lists_of_a_stalled_server)
{
	static struct waiter w[GW_SHARE_SEATS + 1];
	static const char *const crl[] = { "crl" };
	struct waiter other;
	char url[64];

	conf.crl_max = 8;
	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)crl, 1 };
	places[0] = url;
	ca.crl = (struct gw_strlist){ places, 1 };
	for (long i = 0; i <= GW_SHARE_SEATS; i++) {
		snprintf(url, sizeof(url), "http://l:81/%ld", i % 4);
		(void)ask_about_number(i + 1, &w[i]);
	}
	cr_expect_eq(asked_count, 4, "each list once");
	cr_expect_eq(w[GW_SHARE_SEATS - 1].res.code, GW_ERR_OK, "waits");
	cr_expect_eq(w[GW_SHARE_SEATS].res.code,
		     GW_ERR_REVOCATION_UNAVAILABLE);
	snprintf(url, sizeof(url), "http://m/");
	cr_expect_not(ask("good", &other));
	cr_expect_eq(asked_count, 5, "another server's list is fetched");
}

/* Nor does it fill the store. */
Test(revocation, lists_of_a_stalled_server_leave_room)
{
	static const char *const crl[] = { "crl" };
	struct waiter w[4];
	char url[64];

	conf.crl_max = 4;
	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)crl, 1 };
	places[0] = url;
	ca.crl = (struct gw_strlist){ places, 1 };
	for (long i = 0; i < 4; i++) {
		snprintf(url, sizeof(url), "http://%s/%ld",
			 i < 3 ? "l" : "m", i);
		cr_expect_eq(ask_about_number(i + 1, &w[i]), i == 2, "%ld",
			     i);
	}
	cr_expect_not_null(strstr(w[2].res.detail, "its server"), "%s",
			   w[2].res.detail);
}

/* ---- once revoked */

#define SAID(s, t) ANSWER(.status = V_OCSP_CERTSTATUS_##s, .reason = 6, \
			  .this = (t), .next = 3600)

static enum gw_err
told(const struct answer *a)
{
	struct waiter w;
	size_t i = asked_count;

	memset(&w, 0, sizeof(w));
	w.wait.fn = on_told;
	cr_assert_not(ask_about("good", &ca, true, &w));
	if (a != NULL)
		give(i, a);
	else
		break_off(i, "away");
	cr_assert_eq(w.told, 1);
	return w.res.code;
}

/* An answer of before, played back while it is fresh. */
Test(revocation, only_a_newer_answer_takes_revoked_back)
{
	struct waiter w;

	cr_expect_eq(told(SAID(GOOD, -100)), GW_ERR_OK);
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
	cr_expect_eq(told(SAID(GOOD, -100)), GW_ERR_REVOCATION_STALE);
	cr_expect_eq(told(SAID(GOOD, -50)), GW_ERR_REVOCATION_STALE);
	cr_expect_eq(gw_revocation_count(rev).answers, 0);
	cr_expect_eq(told(NULL), GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_eq(told(SAID(REVOKED, -70)), GW_ERR_CERT_REVOKED);
	cr_expect_eq(told(SAID(GOOD, -60)), GW_ERR_REVOCATION_STALE,
		     "the latest counts");
	cr_expect_eq(told(SAID(GOOD, -49)), GW_ERR_OK, "no longer on hold");
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
	cr_expect(ask("good", &w));
	cr_expect_eq(w.res.code, GW_ERR_OK);
}

/* Nor does the answer that another section has kept, nor its grace. */
Test(revocation, revoked_is_revoked_in_every_section)
{
	struct gw_conf_ca other = ca;
	struct waiter w = { .wait.fn = on_told };

	other.title = (char *)(uintptr_t)"u";
	other.on_unavailable = GW_UNAVAILABLE_GRACE;
	other.grace_ms = 600000;
	cr_expect_not(ask_about("good", &other, false, &w));
	give(0, SAID(GOOD, -100));
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	memset(&w, 0, sizeof(w));
	w.wait.fn = on_told;
	cr_expect_not(ask_about("good", &other, false, &w), "it was kept");
	break_off(2, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE, "%s",
		     gw_err_name(w.res.code));
}

static void
remember(void *arg, const struct gw_kept_good *g)
{
	gw_revocation_remember(arg, g);
}

static void
remember_revoked(void *arg, const uint8_t name[GW_HASH], time_t as_of)
{
	gw_revocation_remember_revoked(arg, name, as_of);
}

static void
restart(void)
{
	close_all();
	gw_kept_free(kept);
	kept = gw_kept_open(loop, kept_path);
	cr_assert_not_null(kept);
	open_all();
	gw_kept_load_revoked(kept, now, remember_revoked, rev);
	gw_kept_load(kept, now, remember, rev);
}

Test(revocation, revoked_outlives_a_restart)
{
	struct waiter w;
	char path[96];

	snprintf(path, sizeof(path), "%s/answers.db", files);
	kept_path = path;
	restart();
	cr_expect_eq(told(SAID(GOOD, -100)), GW_ERR_OK);
	restart();
	cr_expect(ask("good", &w), "so does the good answer");
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	restart();
	cr_expect_eq(told(SAID(GOOD, -100)), GW_ERR_REVOCATION_STALE);
	cr_expect_eq(told(SAID(GOOD, -10)), GW_ERR_OK);
	restart();
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
	close_all();
	gw_kept_free(kept);
	kept = NULL;
	open_all();
}

/* With validity_skew a section takes a card whose life is over: until then
 * its being revoked is not forgotten either. */
Test(revocation, revoked_is_remembered_beyond_the_end)
{
	long end = (long)(gw_cert_not_after(vec("expired")) - NOW);
	struct waiter w = { .wait.fn = on_told };
	char path[96];

	snprintf(path, sizeof(path), "%s/answers.db", files);
	kept_path = path;
	now = NOW + end - 100;
	restart();
	cr_assert_not(ask_about("expired", &ca, true, &w));
	give(0, &(struct answer){
		.produced = end - 120, .n = 1,
		.v = { { .leaf = "expired", .reason = 1,
			 .status = V_OCSP_CERTSTATUS_REVOKED,
			 .this = end - 150, .next = end + 3600 } } });
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	now = NOW + end + 3599;
	restart();
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
	now = NOW + end + 3600;
	restart();
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
	close_all();
	gw_kept_free(kept);
	kept = NULL;
	now = NOW;
	open_all();
}

/* Tried out: nothing stays. */
Test(revocation, a_dry_run_remembers_nothing)
{
	struct gw_path path = { .certs = sk_X509_new_null(), .ca = &ca };
	struct gw_revocation_about about = { .path = &path, .is_dry = true };
	struct waiter w = { .wait.fn = on_told };

	sk_X509_push(path.certs, vec("good"));
	sk_X509_push(path.certs, vec("issuing"));
	cr_expect_not(gw_revocation_ask(rev, &about, &w.wait, &w.res));
	give(0, SAID(REVOKED, -50));
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	memset(&w, 0, sizeof(w));
	w.wait.fn = on_told;
	cr_expect_not(gw_revocation_ask(rev, &about, &w.wait, &w.res));
	give(2, SAID(GOOD, -10));
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
	sk_X509_free(path.certs);
}

/* Every one is remembered until there are too many: then the oldest go. */
Test(revocation, remembered_up_to_a_bound)
{
	struct gw_revoked *r = gw_revoked_new(NULL);
	uint8_t name[GW_HASH] = { 0 };

	for (uint32_t i = 0; i <= GW_REVOKED_MAX; i++) {
		memcpy(name, &i, sizeof(i));
		gw_revoked_add(r, name, NOW, NOW + 1);
	}
	cr_expect_eq(gw_revoked_count(r), GW_REVOKED_MAX);
	cr_expect(gw_revoked_outdates(r, name, NOW));
	cr_expect_not(gw_revoked_outdates(r, name, NOW + 1));
	memset(name, 0, sizeof(name));
	cr_expect_not(gw_revoked_outdates(r, name, NOW));
	gw_revoked_free(r);
}

/* ---- grace */

Test(revocation, grace_only_where_granted)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, FINE);
	now = NOW + 1801;
	cr_expect_not(ask("good", &w));
	break_off(1, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	now = NOW;
}

Test(revocation, grace_ends)
{
	struct waiter w;

	ca.on_unavailable = GW_UNAVAILABLE_GRACE;
	ca.grace_ms = 600000;
	cr_expect_not(ask("second", &w));
	break_off(0, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE,
		     "there was never an answer");
	cr_expect_not(ask("good", &w));
	give(1, FINE);
	now = NOW + 1800 + 599;
	cr_expect_not(ask("good", &w));
	break_off(2, "away");
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_not_null(strstr(w.res.source, "grace"), "%s", w.res.source);
	cr_expect_eq(gw_revocation_count(rev).by_grace, 1);
	now = NOW + 1800 + 600;
	cr_expect_not(ask("good", &w));
	break_off(3, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	now = NOW;
}

Test(revocation, no_grace_for_answers)
{
	const struct { const struct answer *a; enum gw_err want; } bad[] = {
		{ FOREIGN, GW_ERR_REVOCATION_SIGNER },
		{ REVOKED, GW_ERR_CERT_REVOKED },
	};
	struct waiter w;

	ca.on_unavailable = GW_UNAVAILABLE_GRACE;
	ca.grace_ms = 600000;
	for (size_t i = 0; i < GW_COUNT(bad); i++) {
		asked_count = 0;
		now = NOW;
		cr_expect_not(ask_about("good", &ca, true, (memset(
			&w, 0, sizeof(w)), w.wait.fn = on_told, &w)));
		give(0, FINE);
		now = NOW + 1801;
		cr_expect_not(ask("good", &w));
		give(1, &(struct answer){ .signer = bad[i].a->signer,
			.produced = 1801, .n = 1, .v = { {
			.status = bad[i].a->v[0].status, .reason = 1,
			.this = 1800, .next = 3600 } } });
		cr_expect_eq(w.res.code, bad[i].want, "%zu %s", i,
			     gw_err_name(w.res.code));
	}
	cr_expect_not(ask("good", &w), "revoked: nothing is left to prolong");
	break_off(2, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	now = NOW;
}

Test(revocation, flush)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, FINE);
	gw_revocation_flush(rev);
	cr_expect_not(ask("good", &w));
	give(1, FINE);
	cr_expect_eq(gw_revocation_count(rev).answers, 1);
}

/* Whose answer it is, and under which settings. */
Test(revocation, each_section_asks_for_itself)
{
	const struct gw_conf_ca other = {
		.title = (char *)"u", .ocsp_url = (char *)"http://s/",
		.ocsp_method = GW_OCSP_POST,
	};
	struct waiter w = { .wait.fn = on_told };

	cr_expect_not(ask("good", &w));
	give(0, FINE);
	memset(&w, 0, sizeof(w));
	w.wait.fn = on_told;
	cr_expect_not(ask_about("good", &other, false, &w));
	cr_expect_str_eq(asked[1]->url, "http://s/");
	break_off(1, "x");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
}

Test(revocation, settings_change_under_way)
{
	struct waiter w, late;

	cr_expect_not(ask("good", &w));
	gw_revocation_flush(rev);
	cr_expect(ask("good", &late), "not under the settings of before");
	cr_expect_eq(late.res.code, GW_ERR_BUSY);
	give(0, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_eq(gw_revocation_count(rev).answers, 0);
}

Test(revocation, no_grace_when_somebody_answers_badly)
{
	struct waiter w;

	ca.ocsp_url = (char *)"";
	ca.on_unavailable = GW_UNAVAILABLE_GRACE;
	ca.grace_ms = 600000;
	cr_expect_not(ask("aia", &w));
	give(0, ANSWER(.leaf = "aia", .this = -10, .next = 3600));
	cr_expect_eq(w.res.code, GW_ERR_OK);
	now = NOW + 1801;
	cr_expect_not(ask("aia", &w));
	give(1, ANSWER(.leaf = "second", .this = -10, .next = 3600));
	give(2, ANSWER(.leaf = "aia", .this = -7200, .next = -3600));
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s",
		     gw_err_name(w.res.code));
	now = NOW;
}

/* ---- lists */

static void
only_crl(const char *one, const char *two)
{
	words[0] = "crl";
	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)words, 1 };
	places[0] = (char *)(uintptr_t)one;
	places[1] = (char *)(uintptr_t)two;
	ca.crl = (struct gw_strlist){ places, (one != NULL) + (two != NULL) };
}

static void
stop_loop(struct gw_timer *t)
{
	(void)t;
	gw_loop_stop(loop);
}

/* Ten milliseconds of the loop. */
static void
turn(void)
{
	struct gw_timer t = { .fn = stop_loop };

	gw_timer_after(loop, &t, 10);
	gw_loop_run(loop);
	gw_timer_stop(loop, &t);
}

/* Until `w` is told, or ten seconds: the thread takes its time. */
static struct waiter *awaited;

static void
on_told_awaited(struct gw_revocation_wait *w,
		const struct gw_revocation_result *r)
{
	on_told(w, r);
	if (GW_CONTAINER(w, struct waiter, wait) == awaited)
		gw_loop_stop(loop);
}

static void
await(struct waiter *w)
{
	struct gw_timer limit = { .fn = stop_loop };

	if (w->told > 0)
		return;
	awaited = w;
	w->wait.fn = on_told_awaited;
	gw_timer_after(loop, &limit, 10000);
	gw_loop_run(loop);
	gw_timer_stop(loop, &limit);
	cr_assert_eq(w->told, 1, "nobody was told");
}

/* The i-th question was for a list. */
static void
give_list(size_t i, const struct list *l)
{
	struct gw_fetch *f = asked[i];
	size_t len;
	uint8_t *der = list_make(l, &len);

	cr_assert(f->is_get && f->fd >= 0);
	cr_assert_eq(write(f->fd, der, len), (ssize_t)len);
	f->fn(f->arg, &(struct gw_fetched){ .len = len });
	OPENSSL_free(der);
	free(f);
	asked[i] = NULL;
}

static void
write_list(const char *name, const struct list *l, char out[128])
{
	size_t len;
	uint8_t *der = list_make(l, &len);
	FILE *f;

	snprintf(out, 128, "%s/%s", files, name);
	f = fopen(out, "w");
	cr_assert(f != NULL && fwrite(der, 1, len, f) == len);
	fclose(f);
	OPENSSL_free(der);
}

#define LIST(...) (&(struct list){ __VA_ARGS__ })

Test(revocation, listed_is_revoked)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	cr_assert_eq(asked_count, 1);
	cr_expect_str_eq(asked[0]->url, "http://l/1");
	give_list(0, LIST(.revoked = { "good" }));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	cr_expect_not_null(strstr(w.res.source, "http://l/1"));
	cr_expect(ask("good", &w), "the list is here");
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect(ask("second", &w));
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	cr_expect_eq(asked_count, 1);
}

static const struct {
	const char *what;
	struct list list;
	enum gw_err want;
} unfit[] = {
	{ "another CA's", { .issuer = "other-issuing" },
	  GW_ERR_REVOCATION_UNAVAILABLE },
	{ "another key's", { .key = "other-issuing" },
	  GW_ERR_REVOCATION_SIGNER },
	{ "over", { .this = -7200, .next = -3600 }, GW_ERR_REVOCATION_STALE },
	{ "of the future", { .this = 3600, .next = 7200 },
	  GW_ERR_REVOCATION_UNAVAILABLE },
	{ "a delta alone", { .base = 1, .number = 2 },
	  GW_ERR_REVOCATION_UNAVAILABLE },
};

Test(revocation, unfit_lists)
{
	for (size_t i = 0; i < GW_COUNT(unfit); i++) {
		char url[32];
		struct waiter w;

		asked_count = 0;
		snprintf(url, sizeof(url), "http://l/%zu", i);
		only_crl(url, NULL);
		close_all();
		open_all();
		cr_expect_not(ask("good", &w));
		give_list(0, &unfit[i].list);
		await(&w);
		cr_expect_neq(w.res.code, GW_ERR_OK, "%s", unfit[i].what);
		cr_expect_eq(w.res.code, unfit[i].want, "%s: %s: %s",
			     unfit[i].what, gw_err_name(w.res.code),
			     w.res.detail);
	}
}

Test(revocation, garbage_is_no_list)
{
	struct waiter w;
	struct gw_fetch *f;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	f = asked[0];
	cr_assert_eq(write(f->fd, "<html>", 6), 6);
	f->fn(f->arg, &(struct gw_fetched){ .len = 6 });
	free(f);
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_not_null(strstr(w.res.detail, "CRL"), "%s", w.res.detail);
	cr_expect(ask("good", &w), "not asked again at once");
	cr_expect_eq(asked_count, 1);
}

Test(revocation, the_next_place)
{
	struct waiter w;

	only_crl("http://l/1", "http://l/2");
	cr_expect_not(ask("good", &w));
	break_off(0, "HTTP 404 Not Found");
	cr_assert_eq(asked_count, 2);
	cr_expect_str_eq(asked[1]->url, "http://l/2");
	give_list(1, LIST(.revoked = { "second" }));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
}

Test(revocation, ocsp_then_lists)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	ca.revocation.n = 0;
	cr_expect_not(ask("good", &w));
	cr_expect_str_eq(asked[0]->url, "http://r/");
	give(0, UNKNOWN);
	cr_assert_eq(asked_count, 2);
	give_list(1, LIST(.revoked = { "second" }));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_str_eq(w.res.source, "http://l/1");
}

/* With lists first, a responder stands in until there is a list. */
Test(revocation, lists_then_ocsp)
{
	static const char *const both[] = { "crl", "ocsp" };
	struct waiter w;

	only_crl("http://l/1", NULL);
	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)both, 2 };
	cr_expect_not(ask("good", &w));
	break_off(0, "HTTP 500");
	give(1, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect(ask("good", &w));
	cr_expect_str_eq(w.res.source, "cached");
	gw_crl_store_announce(lists, "http://l/1", vec("issuing"));
	cr_assert_eq(asked_count, 3);
	give_list(2, LIST(.revoked = { "good" }));
	for (int i = 0; i < 1000 && gw_crl_store_get(lists, "http://l/1") ==
					   NULL; i++)
		turn();
	cr_expect(ask("good", &w), "the list is here");
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
}

Test(revocation, distribution_points)
{
	struct waiter w;

	words[0] = "crl";
	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)words, 1 };
	cr_expect_not(ask("cdp", &w));
	cr_assert_eq(asked_count, 1);
	cr_expect_str_eq(asked[0]->url, "http://lists.example/one.crl");
	break_off(0, "HTTP 500");
	cr_expect_eq(strncmp(ldap_url, "ldap:///CN=two", 14), 0, "%s",
		     ldap_url);
	gw_crl_store_arrived(lists, ldap_id + 7, "not this one", -1);
	cr_expect_eq(w.told, 0);
	gw_crl_store_arrived(lists, ldap_id, "no such object", -1);
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_not_null(strstr(w.res.detail, "no such object"));
}

Test(revocation, list_of_the_directory)
{
	struct waiter w;
	struct gw_error err;
	size_t len;
	uint8_t *der = list_make(LIST(.revoked = { "cdp" }), &len);
	int fd;

	words[0] = "crl";
	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)words, 1 };
	cr_expect_not(ask("cdp", &w));
	break_off(0, "HTTP 500");
	cr_assert_eq(gw_memfd_new(der, len, &fd, &err), GW_ERR_OK);
	gw_crl_store_arrived(lists, ldap_id, NULL, fd);
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	OPENSSL_free(der);
}

/* gwd-kdc cannot answer for a server. */
Test(revocation, nobody_asked_the_directory)
{
	struct waiter w;
	struct gw_error err;
	size_t len;
	uint8_t *der = list_make(LIST(.this = -10, .next = 9000), &len);
	int fd;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	for (uint64_t id = 0; id < 2; id++) {
		cr_assert_eq(gw_memfd_new(der, len, &fd, &err), GW_ERR_OK);
		gw_crl_store_arrived(lists, id, NULL, fd);
	}
	give_list(0, LIST(.revoked = { "good" }));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	OPENSSL_free(der);
}

Test(revocation, the_directory_is_away)
{
	struct waiter w;

	ldap_is_there = false;
	words[0] = "crl";
	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)words, 1 };
	cr_expect_not(ask("cdp", &w));
	break_off(0, "HTTP 500");
	cr_expect_eq(w.told, 1);
	cr_expect_not_null(strstr(w.res.detail, "gwd-kdc"), "%s",
			   w.res.detail);
}

Test(revocation, list_in_a_file)
{
	struct waiter w;
	char path[128];

	write_list("a.crl", LIST(.revoked = { "good" }), path);
	only_crl(path, NULL);
	cr_expect_not(ask("good", &w));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	cr_expect_eq(asked_count, 0);
}

Test(revocation, files_only_from_their_directory)
{
	static const char *const bad[] = { "/etc/passwd", NULL, NULL };
	char up[128], none[128];
	struct waiter w;

	snprintf(up, sizeof(up), "%s/../etc/passwd", files);
	snprintf(none, sizeof(none), "%s/none", files);
	for (size_t i = 0; i < 3; i++) {
		only_crl(i == 0 ? bad[0] : i == 1 ? up : none, NULL);
		cr_expect(ask("good", &w), "%zu", i);
		cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
		cr_expect_not_null(strstr(w.res.detail, i < 2 ? "crl_dir"
							: "cannot open"),
				   "%s", w.res.detail);
	}
}

static void
await_question(size_t n)
{
	struct gw_timer limit = { .fn = stop_loop };

	gw_timer_after(loop, &limit, 10000);
	awaited_questions = n;
	if (asked_count < n)
		gw_loop_run(loop);
	gw_timer_stop(loop, &limit);
	cr_assert_eq(asked_count, n, "%zu questions", asked_count);
}

static void
give_base_and_delta(const struct list *delta, struct waiter *w)
{
	only_crl("http://l/base", NULL);
	cr_expect_not(ask("good", w));
	give_list(0, LIST(.revoked = { "second" }, .number = 5,
			  .deltas_at = "http://l/delta"));
	await_question(2);
	cr_expect_str_eq(asked[1]->url, "http://l/delta");
	if (delta != NULL)
		give_list(1, delta);
	else
		break_off(1, "HTTP 404");
	await(w);
}

Test(revocation, delta_revokes)
{
	struct waiter w;

	give_base_and_delta(LIST(.revoked = { "good" }, .number = 6,
				 .base = 5), &w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
}

Test(revocation, delta_takes_back)
{
	struct waiter w;

	give_base_and_delta(LIST(.removed = "second", .number = 6,
				 .base = 5), &w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	cr_expect(ask("second", &w));
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
}

Test(revocation, without_its_delta_a_list_stands)
{
	struct waiter w;

	give_base_and_delta(NULL, &w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
}

Test(revocation, survives_a_restart)
{
	struct waiter w;
	char cmd[128];

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	give_list(0, LIST(.revoked = { "good" }));
	await(&w);
	close_all();
	/* as if written at the time it is here */
	snprintf(cmd, sizeof(cmd), "touch -d @%d %s/*.crl", NOW, dir);
	cr_assert_eq(system(cmd), 0);
	open_all();
	cr_expect_not(ask("good", &w));
	await(&w);
	cr_expect_eq(asked_count, 1, "it was read from disk");
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
}

/* What a responder has called revoked, an older list does not take back; and
 * the other way round. */
Test(revocation, a_list_older_than_the_word_revoked)
{
	static const char *const both[] = { "crl", "ocsp" };
	struct waiter w;

	only_crl("http://l/1", NULL);
	ca.revocation.n = 0;
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	cr_expect_not(ask("good", &w));
	break_off(1, "away");
	give_list(2, LIST(.this = -100, .next = 3600));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s",
		     w.res.detail);
	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)both, 2 };
	only_crl("http://l/2", NULL);
	cr_expect_not(ask("good", &w));
	give_list(3, LIST(.this = -40, .next = 3600));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "a newer one does: %s",
		     w.res.detail);
}

Test(revocation, an_answer_older_than_the_list)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	give_list(0, LIST(.revoked = { "good" }, .this = -50, .next = 3600));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	ca.revocation.n = 0;
	ca.crl.n = 0;
	cr_expect_eq(told(SAID(GOOD, -60)), GW_ERR_REVOCATION_STALE);
	cr_expect_eq(told(SAID(GOOD, -40)), GW_ERR_OK);
}

/* removeFromCRL: the delta is the newer answer, its list is not. */
Test(revocation, a_delta_takes_revoked_back)
{
	struct waiter w;

	only_crl("http://l/base", NULL);
	cr_expect_not(ask("second", &w));
	give_list(0, LIST(.revoked = { "second" }, .number = 5, .this = -50,
			  .next = 3600, .deltas_at = "http://l/delta"));
	await_question(2);
	break_off(1, "HTTP 404");
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
	gw_crl_store_announce(lists, "http://l/delta", vec("issuing"));
	cr_assert_eq(asked_count, 3);
	give_list(2, LIST(.removed = "second", .number = 6, .base = 5,
			  .this = -40, .next = 3600));
	for (int i = 0; i < 1000 && gw_crl_store_get(lists, "http://l/delta")
					   == NULL; i++)
		turn();
	cr_expect(ask("second", &w));
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
}

/* What makes an old list newer must be its own delta, by its CA: neither one
 * that a stranger has signed, nor one that completes another list. */
static const struct {
	const char *what;
	struct list delta;
} no_deltas[] = {
	{ "a stranger's", { .key = "ocsp", .number = 7, .base = 5,
			    .this = -10, .next = 3600 } },
	{ "a stranger's of another scope",
	  { .key = "ocsp", .number = 7, .base = 5, .this = -10, .next = 3600,
	    .scope = "onlyuser:TRUE" } },
	{ "of another scope", { .number = 7, .base = 5, .this = -10,
				.next = 3600, .scope = "onlyuser:TRUE" } },
};

Test(revocation, no_other_delta_takes_revoked_back)
{
	for (size_t i = 0; i < GW_COUNT(no_deltas); i++) {
		static const char *const all[] = { "crl" };
		struct waiter w;

		asked_count = 0;
		ca.revocation.n = ca.crl.n = 0;
		close_all();
		unlink_all();
		open_all();
		cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
		only_crl("http://l/base", "http://l/also");
		ca.revocation = (struct gw_strlist){
			(char **)(uintptr_t)all, 1 };
		cr_expect_not(ask("good", &w));
		give_list(1, LIST(.number = 5, .this = -100, .next = 3600,
				  .deltas_at = "http://l/delta"));
		await_question(3);
		give_list(2, LIST(.number = 6, .base = 5, .this = -90,
				  .next = 3600));
		await_question(4);
		cr_expect_str_eq(asked[3]->url, "http://l/also");
		give_list(3, &no_deltas[i].delta);
		await(&w);
		cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s: %s: %s",
			     no_deltas[i].what, gw_err_name(w.res.code),
			     w.res.detail);
		cr_expect_eq(gw_revocation_count(rev).revoked, 1);
	}
}

/* A CA put back from a backup knows less than it did. While the list before
 * has not ended, it is the one that counts. */
Test(revocation, list_numbers_do_not_go_back)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	give_list(0, LIST(.revoked = { "good" }, .number = 7, .this = -100,
			  .next = 50));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	now = NOW + 60;
	cr_expect_not(ask("good", &w));
	now = NOW + 40; /* not over after all */
	give_list(1, LIST(.number = 6, .this = -20, .next = 9000));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect_not_null(strstr(gw_crl_store_why(lists, "http://l/1"),
				  "number"));
	close_all();
	open_all();
	now = NOW + 60;
	cr_expect_not(ask("good", &w), "the list on disk is over");
	await_question(3);
	give_list(2, LIST(.number = 6, .this = -20, .next = 9000));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	now = NOW;
}

/* ---- the responder's own certificate, RFC 6960, 4.2.2.2.1 */

#define BY_CHECKED(...) (&(struct answer){ .signer = "ocsp-checked", .n = 1, \
			.v = { { __VA_ARGS__, .this = -10, .next = 3600 } } })

static void
good_by_checked(struct waiter *w)
{
	cr_expect_not(ask("good", w));
	give(0, BY_CHECKED(.reason = -1));
	cr_assert_eq(asked_count, 2, "it is asked about itself");
	cr_expect_eq(w->told, 0);
}

static const struct {
	const char *what;
	struct list list; /* of responders */
	enum gw_err want;
} responders[] = {
	{ "not listed", { .revoked = { "second" } }, GW_ERR_OK },
	{ "listed", { .revoked = { "ocsp-checked" } },
	  GW_ERR_REVOCATION_SIGNER },
	{ "list over", { .this = -7200, .next = -3600 },
	  GW_ERR_REVOCATION_SIGNER },
};

/* A responder that says itself that it is good has said nothing, nor has one
 * that would have to be asked about, too. */
Test(revocation, responders_are_asked_about)
{
	for (size_t i = 0; i < GW_COUNT(responders); i++) {
		struct waiter w;

		asked_count = 0;
		close_all();
		unlink_all();
		open_all();
		good_by_checked(&w);
		give(1, &(struct answer){
			.signer = i == 0 ? "ocsp-checked-aia" : "ocsp-checked",
			.n = 1, .v = { { .leaf = "ocsp-checked", .this = -10,
					 .next = 3600 } } });
		cr_assert_eq(asked_count, 3, "%s", responders[i].what);
		cr_expect_str_eq(asked[2]->url,
				 "http://lists.example/responders.crl");
		give_list(2, &responders[i].list);
		await(&w);
		cr_expect_eq(w.res.code, responders[i].want, "%s: %s: %s",
			     responders[i].what, gw_err_name(w.res.code),
			     w.res.detail);
	}
}

Test(revocation, responders_vouched_for_by_others)
{
	struct waiter w, again;

	good_by_checked(&w);
	give(1, ANSWER(.leaf = "ocsp-checked", .this = -10, .next = 3600));
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	/* what is known of it serves for the next */
	cr_expect_not(ask("second", &again));
	give(2, BY_CHECKED(.leaf = "second"));
	cr_expect_eq(again.res.code, GW_ERR_OK, "%s", again.res.detail);
	cr_expect_eq(asked_count, 3);
}

Test(revocation, revoked_by_whomever)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, BY_CHECKED(.status = V_OCSP_CERTSTATUS_REVOKED,
			   .reason = -1));
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "doubt is denial");
}

Test(revocation, no_news_of_the_responder)
{
	struct gw_timer t = { .fn = stop_loop };
	struct waiter w;

	conf.total_timeout_ms = 50;
	good_by_checked(&w);
	gw_timer_after(loop, &t, 200);
	gw_loop_run(loop);
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_SIGNER);
	cr_expect_not_null(strstr(w.res.detail, "no time"), "%s",
			   w.res.detail);
}

Test(revocation, nobody_waits_for_news_of_the_responder)
{
	struct waiter w;

	good_by_checked(&w);
	gw_revocation_forget(&w.wait);
	close_all();
	cr_expect_eq(cancelled, 1);
}

/* A good answer that is held back until its responder is known to stand is no
 * newer for it: `revoked`, said meanwhile, stands. */
Test(revocation, revoked_while_a_responder_is_asked_about)
{
	struct gw_conf_ca other = ca;
	struct waiter w, late = { .wait.fn = on_told };

	other.title = (char *)(uintptr_t)"u";
	good_by_checked(&w);
	cr_expect_not(ask_about("good", &other, false, &late));
	give(2, SAID(REVOKED, -5));
	cr_expect_eq(late.res.code, GW_ERR_CERT_REVOKED);
	give(1, ANSWER(.leaf = "ocsp-checked", .this = -10, .next = 3600));
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s: %s",
		     gw_err_name(w.res.code), w.res.detail);
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
}

/* Whoever sits on the way can neither rewind a list nor swap it. */
Test(revocation, no_way_back)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	conf.crl_refresh_ms = 1000;
	cr_expect_not(ask("good", &w));
	give_list(0, LIST(.revoked = { "good" }, .this = -100, .next = 50));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	now = NOW + 60; /* over */
	cr_expect_not(ask("good", &w));
	give_list(1, LIST(.this = -200, .next = 9000));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s",
		     w.res.detail);
	now = NOW;
}
