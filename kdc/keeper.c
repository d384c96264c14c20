/* keeper.c — see keeper.h. */
#include "keeper.h"
#include "reach.h"
#include "gw/log.h"
#include "gw/util.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define DISCOVER_MS       (60 * 1000)
#define CHECK_MS          (10 * 60 * 1000)
#define NTAUTH_MS         (60 * 1000)
#define RETRY_MS          (5 * 1000)
#define CHECK_BUDGET_MS   (8 * 1000)
#define HOSTNAME_SLOW_US  (50 * 1000)

struct gw_keeper {
	const struct gw_shared *shared;
	struct gw_loop *loop;
	struct gw_worker *worker; /* of the thread, once it runs */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	bool stop;
	bool was_within; /* of reach, at the last look; the thread's own */
	bool is_cut_off;
	struct gw_keeper_status status;
	struct gw_ntauth_msg ntauth;
	uint64_t ntauth_serial; /* 0: never read */
};

struct gw_keeper *
gw_keeper_new(const struct gw_shared *shared, struct gw_loop *loop)
{
	struct gw_keeper *k = gw_xcalloc(1, sizeof(*k));
	pthread_condattr_t attr;

	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->wanted, &attr);
	pthread_condattr_destroy(&attr);
	k->shared = shared;
	k->loop = loop;
	return k;
}

/* The way Cyrus SASL does it (sasl_client_new); a name with a dot spares
 * it. */
static void
time_hostname(struct gw_keeper *k)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_flags = AI_CANONNAME };
	char name[256] = "";
	struct addrinfo *ai = NULL;
	uint64_t start = gw_mono_us(), took;

	if (gethostname(name, sizeof(name) - 1) != 0 ||
	    strchr(name, '.') != NULL)
		return;
	if (getaddrinfo(name, NULL, &hints, &ai) == 0)
		freeaddrinfo(ai);
	took = gw_mono_us() - start;
	pthread_mutex_lock(&k->lock);
	k->status.hostname_us = took;
	k->status.is_hostname_slow = took > HOSTNAME_SLOW_US;
	pthread_mutex_unlock(&k->lock);
	if (took > HOSTNAME_SLOW_US)
		gw_event(GW_LOG_WARN, "hostname-slow", "host", name, "us",
			 GW_NUM(took), "detail",
			 "resolved at every login: put it into /etc/hosts",
			 NULL);
}

/* Logs a change for the worse or the better, not each time. */
static void
note(struct gw_keeper *k, char out[GW_DETAIL_MAX], const char *event,
     enum gw_err rc, const struct gw_error *err)
{
	const char *now = rc == GW_ERR_OK ? "" : err->detail;
	bool is_news;

	pthread_mutex_lock(&k->lock);
	is_news = (out[0] == '\0') != (now[0] == '\0');
	(void)gw_format(out, GW_DETAIL_MAX, "%.190s", now);
	pthread_mutex_unlock(&k->lock);
	if (is_news)
		gw_event(rc == GW_ERR_OK ? GW_LOG_INFO : GW_LOG_WARN, event,
			 "result", gw_err_name(rc), "detail",
			 rc == GW_ERR_OK ? NULL : now, NULL);
}

static void
check_names(struct gw_keeper *k)
{
	static const char *const files[] = { "/etc/resolv.conf", "/etc/hosts" };
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_err rc = GW_ERR_OK;
	bool is_cut_off = false;

	for (size_t i = 0; i < GW_COUNT(files) && rc == GW_ERR_OK; i++) {
		rc = gw_reach_check(files[i], &err);
		is_cut_off = rc != GW_ERR_OK && k->was_within &&
			     gw_reach_is_below(files[i], gw_reach_dirs);
	}
	note(k, k->status.names_error, "name-files", rc, &err);
	k->was_within = rc == GW_ERR_OK;
	if (!is_cut_off)
		return;
	pthread_mutex_lock(&k->lock);
	k->is_cut_off = true;
	pthread_mutex_unlock(&k->lock);
	gw_loop_wake(k->loop);
}

bool
gw_keeper_is_cut_off(struct gw_keeper *k)
{
	bool is;

	pthread_mutex_lock(&k->lock);
	is = k->is_cut_off;
	pthread_mutex_unlock(&k->lock);
	return is;
}

static bool
discover(struct gw_keeper *k)
{
	const struct gw_conf_directory *conf = &k->shared->conf->directory;
	struct gw_found_dc *found;
	struct gw_error err = { .code = GW_ERR_OK };
	size_t n = 0;
	enum gw_err rc;

	if (!gw_discover_needs_dns(conf))
		return true;
	found = gw_xcalloc(GW_DCS_MAX, sizeof(*found));
	rc = gw_discover(conf, found, &n, &err);
	/* An answer that leads nowhere does not take away what we have. */
	if (rc == GW_ERR_OK)
		gw_dcs_update(k->shared->dcs, found, n);
	free(found);
	note(k, k->status.discovery_error, "dc-discovery", rc, &err);
	return rc == GW_ERR_OK;
}

/* What an administrator may be about to mend is looked at again soon. */
static bool
is_sound(struct gw_keeper *k)
{
	struct gw_service_status s;

	gw_service_status(k->shared->service, &s);
	return s.view.any_protocol && !s.view.is_sensitive &&
	       s.view.has_spn && !gw_dcs_has_undelegated(k->shared->dcs);
}

static bool
check_service(struct gw_keeper *k)
{
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_err rc = gw_errand_check_service(
		k->worker, gw_mono_ms() + CHECK_BUDGET_MS, &err);

	pthread_mutex_lock(&k->lock);
	k->status.service_code = rc;
	pthread_mutex_unlock(&k->lock);
	note(k, k->status.service_error, "service-check", rc, &err);
	return rc == GW_ERR_OK && is_sound(k);
}

/* What cannot be read is left as it was: gwd-auth goes by what it was told
 * last. */
static void
take_ntauth(struct gw_keeper *k, const struct gw_ntauth_msg *m)
{
	bool is_news;

	pthread_mutex_lock(&k->lock);
	is_news = k->ntauth_serial == 0 || m->count != k->ntauth.count ||
		  memcmp(m->sha256, k->ntauth.sha256, sizeof(m->sha256)) != 0;
	if (is_news) {
		k->ntauth = *m;
		k->ntauth_serial++;
		k->status.is_ntauth_known = true;
		k->status.ntauth_count = m->count;
	}
	pthread_mutex_unlock(&k->lock);
	if (!is_news)
		return;
	gw_event(GW_LOG_INFO, "ntauth", "certificates", GW_NUM(m->count),
		 NULL);
	gw_loop_wake(k->loop);
}

static bool
read_ntauth(struct gw_keeper *k)
{
	struct gw_ntauth_msg m = { .count = 0 };
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_err rc = gw_errand_ntauth(
		k->worker, gw_mono_ms() + CHECK_BUDGET_MS, &m, &err);

	if (rc == GW_ERR_OK)
		take_ntauth(k, &m);
	note(k, k->status.ntauth_error, "ntauth-read", rc, &err);
	return rc == GW_ERR_OK;
}

bool
gw_keeper_ntauth(struct gw_keeper *k, uint64_t *serial,
		 struct gw_ntauth_msg *out)
{
	bool is_news;

	pthread_mutex_lock(&k->lock);
	is_news = k->ntauth_serial != *serial;
	*serial = k->ntauth_serial;
	if (is_news)
		*out = k->ntauth;
	pthread_mutex_unlock(&k->lock);
	return is_news;
}

static bool
sleep_until(struct gw_keeper *k, uint64_t until_ms)
{
	struct timespec ts = { .tv_sec = (time_t)(until_ms / 1000),
			       .tv_nsec = (long)(until_ms % 1000) * 1000000 };
	int rc = 0;
	bool go_on;

	pthread_mutex_lock(&k->lock);
	while (!k->stop && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&k->wanted, &k->lock, &ts);
	go_on = !k->stop;
	pthread_mutex_unlock(&k->lock);
	return go_on;
}

static void *
keeper_thread(void *arg)
{
	struct gw_keeper *k = arg;
	uint64_t discover_at = 0, check_at = 0, ntauth_at = 0;

	time_hostname(k);
	do {
		uint64_t now = gw_mono_ms();

		check_names(k);
		if (now >= discover_at)
			discover_at = now + (discover(k) ? DISCOVER_MS
							 : RETRY_MS);
		if (now >= check_at)
			check_at = now + (check_service(k) ? CHECK_MS
							   : RETRY_MS);
		if (now >= ntauth_at)
			ntauth_at = now + (read_ntauth(k) ? NTAUTH_MS
							  : RETRY_MS);
	} while (sleep_until(k, GW_MIN(GW_MIN(discover_at, check_at),
				       ntauth_at)));
	return NULL;
}

enum gw_err
gw_keeper_start(struct gw_keeper *k, struct gw_error *err)
{
	struct gw_found_dc *found = gw_xcalloc(GW_DCS_MAX, sizeof(*found));
	size_t n = gw_discover_static(&k->shared->conf->directory, found);
	enum gw_err rc = gw_worker_new(k->shared, &k->worker, err);
	int e;

	if (n > 0)
		gw_dcs_update(k->shared->dcs, found, n);
	free(found);
	if (rc != GW_ERR_OK)
		return rc;
	e = pthread_create(&k->thread, NULL, keeper_thread, k);
	if (e != 0)
		return gw_fail(err, GW_ERR_SYSTEM, "thread: %s", strerror(e));
	k->has_thread = true;
	return GW_ERR_OK;
}

void
gw_keeper_free(struct gw_keeper *k)
{
	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_cond_signal(&k->wanted);
	pthread_mutex_unlock(&k->lock);
	if (k->has_thread)
		pthread_join(k->thread, NULL);
	gw_service_free(k->shared->service,
			k->worker != NULL ? gw_worker_krb(k->worker) : NULL);
	gw_worker_free(k->worker);
	pthread_cond_destroy(&k->wanted);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

void
gw_keeper_status(struct gw_keeper *k, struct gw_keeper_status *out)
{
	pthread_mutex_lock(&k->lock);
	*out = k->status;
	pthread_mutex_unlock(&k->lock);
}
