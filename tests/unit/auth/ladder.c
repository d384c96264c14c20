/* ladder.c — see ladder.h. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gw/util.h"
#include "ladder.h"

struct gw_fetch *asked[2048];
size_t asked_count, cancelled;
uint64_t ldap_id;
char ldap_url[GW_URL_MAX];
bool ldap_is_there = true;
time_t now = NOW;
struct gw_loop *loop;
struct gw_conf_revocation conf;
struct gw_conf_ca ca;
struct gw_crl_store *lists;
struct gw_kept *kept;
struct gw_revocation *rev;
char dir[64], files[64];

static struct gw_offload *offload;
static size_t awaited_questions;
static struct waiter *awaited;

/* ---- the transport */

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

/* ---- the world */

void
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

void
close_all(void)
{
	gw_revocation_free(rev);
	gw_crl_store_free(lists);
	rev = NULL;
	lists = NULL;
}

void
unlink_all(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -f %s/*", dir);
	cr_assert_eq(system(cmd), 0);
}

void
ladder_setup(void)
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

void
ladder_teardown(void)
{
	char cmd[200];

	close_all();
	gw_offload_free(offload);
	gw_loop_free(loop);
	snprintf(cmd, sizeof(cmd), "rm -rf %s %s", dir, files);
	cr_assert_eq(system(cmd), 0);
}

/* ---- asking */

static void
on_told(struct gw_revocation_wait *w, const struct gw_revocation_result *r)
{
	struct waiter *x = GW_CONTAINER(w, struct waiter, wait);

	x->told++;
	x->res = *r;
}

bool
ask_x509(X509 *x, const struct gw_conf_ca *section,
	 struct gw_revocation_about how, struct waiter *w)
{
	struct gw_path path = { .certs = sk_X509_new_null(), .ca = section };
	bool is_now;

	*w = (struct waiter){ .wait.fn = on_told };
	how.path = &path;
	sk_X509_push(path.certs, x);
	sk_X509_push(path.certs, vec("issuing"));
	is_now = gw_revocation_ask(rev, &how, &w->wait, &w->res);
	sk_X509_free(path.certs);
	return is_now;
}

bool
ask_about(const char *leaf, const struct gw_conf_ca *section, bool is_anew,
	  struct waiter *w)
{
	return ask_x509(vec(leaf), section, (struct gw_revocation_about){
		.is_anew = is_anew }, w);
}

bool
ask(const char *leaf, struct waiter *w)
{
	return ask_about(leaf, &ca, false, w);
}

enum gw_err
told(const struct answer *a)
{
	struct waiter w;
	size_t i = asked_count;

	cr_assert_not(ask_about("good", &ca, true, &w));
	if (a != NULL)
		give(i, a);
	else
		break_off(i, "away");
	cr_assert_eq(w.told, 1);
	return w.res.code;
}

void
only_crl(const char *one, const char *two)
{
	static const char *const words[] = { "crl" };
	static char *places[2];

	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)words, 1 };
	places[0] = (char *)(uintptr_t)one;
	places[1] = (char *)(uintptr_t)two;
	ca.crl = (struct gw_strlist){ places, (one != NULL) + (two != NULL) };
}

/* ---- answering */

void
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

void
break_off(size_t i, const char *why)
{
	struct gw_fetch *f = asked[i];

	f->fn(f->arg, &(struct gw_fetched){ .why = why });
	free(f);
	asked[i] = NULL;
}

void
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

/* ---- waiting */

void
stop_loop(struct gw_timer *t)
{
	(void)t;
	gw_loop_stop(loop);
}

void
turn(void)
{
	struct gw_timer t = { .fn = stop_loop };

	gw_timer_after(loop, &t, 10);
	gw_loop_run(loop);
	gw_timer_stop(loop, &t);
}

static void
on_told_awaited(struct gw_revocation_wait *w,
		const struct gw_revocation_result *r)
{
	on_told(w, r);
	if (GW_CONTAINER(w, struct waiter, wait) == awaited)
		gw_loop_stop(loop);
}

void
await(struct waiter *w)
{
	struct gw_timer limit = { .fn = stop_loop };

	if (w->told > 0)
		return;
	awaited = w;
	w->wait.fn = on_told_awaited;
	gw_timer_after(loop, &limit, 60000);
	gw_loop_run(loop);
	gw_timer_stop(loop, &limit);
	cr_assert_eq(w->told, 1, "nobody was told");
}

void
await_question(size_t n)
{
	struct gw_timer limit = { .fn = stop_loop };

	gw_timer_after(loop, &limit, 60000);
	awaited_questions = n;
	if (asked_count < n)
		gw_loop_run(loop);
	gw_timer_stop(loop, &limit);
	cr_assert_eq(asked_count, n, "%zu questions", asked_count);
}

