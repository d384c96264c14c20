/* service.c — see service.h. */
#include "service.h"
#include "gw/util.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

/* A ticket this close to its end is none: Samba takes one in its last two
 * minutes for a password-change ticket and says "expired". */
#define LAST_USE_S        180
#define TRANSIENT_PAUSE_MS 1000          /* after an unreachable DC, while
					     the old ticket is still good */
#define SUFFIXES_OLD_MS   (10 * 60 * 1000)
#define SUFFIXES_RETRY_MS (10 * 1000)

struct gw_service {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const struct gw_krbconf *conf;

	char cache[64];          /* the shared copy: "MEMORY:…" */
	uint64_t generation;     /* of the ticket in it, 0: none */
	struct gw_tgt_times times;
	bool is_fetching;
	uint64_t fetches;        /* how many have ended */
	uint32_t failed_dc;      /* of the last one, when it failed */
	struct gw_error failure; /* of the last one; code OK when good */
	unsigned refusals;       /* in a row */
	uint64_t retry_at_ms;

	struct gw_service_view view;
	char **suffixes;
	uint64_t suffixes_at_ms;
};

struct gw_service *
gw_service_new(const struct gw_krbconf *conf)
{
	struct gw_service *s = gw_xcalloc(1, sizeof(*s));
	pthread_condattr_t attr;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	s->conf = conf;
	s->view.enctypes = -1;
	return s;
}

static void
free_list(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

void
gw_service_free(struct gw_service *s, struct gw_krb *k)
{
	if (s == NULL)
		return;
	if (s->generation != 0 && k != NULL)
		gw_krb_forget(k, s->cache);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free_list(s->suffixes);
	free(s);
}

uint64_t
gw_service_pause_ms(unsigned failures)
{
	static const uint64_t minutes[] = { 0, 1, 3, 9, 27, 60 };
	size_t i = GW_MIN((size_t)failures, GW_COUNT(minutes) - 1);

	return minutes[i] * 60 * 1000;
}

/* ---- the ticket; all with the lock held unless said otherwise */

static bool
is_valid(const struct gw_service *s, time_t now)
{
	return s->generation != 0 && now < s->times.end - LAST_USE_S;
}

static bool
is_past_half(const struct gw_service *s, time_t now)
{
	return now >= s->times.start + (s->times.end - s->times.start) / 2;
}

/* Refusals are the account's; all else was this DC's and passes. */
static bool
is_refusal(enum gw_err code)
{
	return code == GW_ERR_SERVICE_KEYTAB_STALE ||
	       code == GW_ERR_SERVICE_ACCOUNT ||
	       code == GW_ERR_ETYPE_MISMATCH;
}

static void
note_failure(struct gw_service *s, const struct gw_krb *k,
	     const struct gw_error *err)
{
	s->failure = *err;
	s->failed_dc = gw_krb_dc(k)->id;
	if (is_refusal(err->code))
		s->retry_at_ms = gw_mono_ms() +
				 gw_service_pause_ms(++s->refusals);
	else
		s->retry_at_ms = gw_mono_ms() + TRANSIENT_PAUSE_MS;
}

static enum gw_err
note_ticket(struct gw_service *s, struct gw_krb *k, uint64_t *generation,
	    const struct gw_tgt_times *times, struct gw_error *err)
{
	char name[sizeof(s->cache)];
	enum gw_err rc;

	(void)gw_format(name, sizeof(name), "MEMORY:gwd-kdc-service-%llu",
			(unsigned long long)s->generation + 1);
	rc = gw_krb_export_tgt(k, name, err);
	if (rc != GW_ERR_OK)
		return rc;
	if (s->generation != 0)
		gw_krb_forget(k, s->cache);
	memcpy(s->cache, name, sizeof(name));
	*generation = ++s->generation;
	s->times = *times;
	s->refusals = 0;
	s->retry_at_ms = 0;
	s->failure = (struct gw_error){ .code = GW_ERR_OK };
	return GW_ERR_OK;
}

/* Lets go of the lock while the DC is asked. */
static enum gw_err
fetch(struct gw_service *s, struct gw_krb *k, uint64_t *generation,
      struct gw_error *err)
{
	struct gw_tgt_times times = { .end = 0 };
	struct gw_error e = { .code = GW_ERR_INTERNAL };
	enum gw_err rc;

	s->is_fetching = true;
	pthread_mutex_unlock(&s->lock);
	rc = gw_krb_fetch_tgt(k, &times, &e);
	pthread_mutex_lock(&s->lock);
	s->is_fetching = false;
	s->fetches++;
	if (rc == GW_ERR_OK)
		rc = note_ticket(s, k, generation, &times, &e);
	if (rc != GW_ERR_OK) {
		note_failure(s, k, &e);
		*generation = 0; /* our cache may be half written */
		*err = e;
	}
	pthread_cond_broadcast(&s->changed);
	return rc;
}

/* Waits for another thread's fetch. Its failure is ours too when we would
 * have asked the same DC. */
static enum gw_err
await_fetch(struct gw_service *s, const struct gw_krb *k,
	    struct gw_error *err)
{
	uint64_t until = gw_krb_limits(k)->deadline_ms, seen = s->fetches;
	struct timespec ts = { .tv_sec = (time_t)(until / 1000),
			       .tv_nsec = (long)(until % 1000) * 1000000 };
	int e = 0;

	while (s->is_fetching && s->fetches == seen && e != ETIMEDOUT)
		e = pthread_cond_timedwait(&s->changed, &s->lock, &ts);
	if (s->fetches == seen)
		return gw_fail(err, GW_ERR_KDC_UNREACHABLE,
			       "waited too long for the service's ticket");
	if (s->failure.code != GW_ERR_OK &&
	    (is_refusal(s->failure.code) || s->failed_dc == gw_krb_dc(k)->id)) {
		*err = s->failure;
		return err->code;
	}
	return GW_ERR_OK;
}

/* Fail closed while the brake is on, with the reason that put it on. */
static enum gw_err
braked(const struct gw_service *s, struct gw_error *err)
{
	uint64_t now = gw_mono_ms();

	if (s->refusals == 0 || now >= s->retry_at_ms)
		return GW_ERR_OK;
	return gw_fail(err, s->failure.code, "%.140s; next try in %llu s",
		       s->failure.detail,
		       (unsigned long long)(s->retry_at_ms - now) / 1000 + 1);
}

static enum gw_err
use_ticket(struct gw_service *s, struct gw_krb *k, uint64_t *generation,
	   struct gw_error *err)
{
	enum gw_err rc = GW_ERR_OK;

	if (*generation != s->generation)
		rc = gw_krb_import_tgt(k, s->cache, err);
	*generation = rc == GW_ERR_OK ? s->generation : 0;
	return rc;
}

static enum gw_err
ticket_locked(struct gw_service *s, struct gw_krb *k, uint64_t *generation,
	      struct gw_error *err)
{
	struct gw_error ignored = { .code = GW_ERR_OK };
	time_t now = time(NULL);
	enum gw_err rc = GW_ERR_OK;

	if (is_valid(s, now)) {
		if (is_past_half(s, now) && !s->is_fetching &&
		    gw_mono_ms() >= s->retry_at_ms &&
		    fetch(s, k, generation, &ignored) == GW_ERR_OK)
			return GW_ERR_OK;
		return use_ticket(s, k, generation, err);
	}
	while (!is_valid(s, now) && rc == GW_ERR_OK) {
		rc = s->is_fetching ? await_fetch(s, k, err)
				    : braked(s, err);
		if (rc == GW_ERR_OK && !s->is_fetching && !is_valid(s, now))
			rc = fetch(s, k, generation, err);
	}
	return rc == GW_ERR_OK ? use_ticket(s, k, generation, err) : rc;
}

enum gw_err
gw_service_ticket(struct gw_service *s, struct gw_krb *k,
		  uint64_t *generation, struct gw_error *err)
{
	enum gw_err rc;

	pthread_mutex_lock(&s->lock);
	rc = ticket_locked(s, k, generation, err);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void
gw_service_spoil(struct gw_service *s, uint64_t generation)
{
	pthread_mutex_lock(&s->lock);
	if (generation == s->generation)
		s->times.end = 0;
	pthread_mutex_unlock(&s->lock);
}

/* ---- the account */

void
gw_service_saw(struct gw_service *s, const struct gw_service_view *v)
{
	pthread_mutex_lock(&s->lock);
	s->view = *v;
	pthread_mutex_unlock(&s->lock);
}

static const char *
ticket_state(const struct gw_service *s)
{
	if (s->refusals > 0)
		return "refused";
	if (s->is_fetching)
		return "renewing";
	return is_valid(s, time(NULL)) ? "ok" : "none";
}

void
gw_service_status(struct gw_service *s, struct gw_service_status *out)
{
	uint64_t now = gw_mono_ms();

	*out = (struct gw_service_status){ .kvno = s->conf->kvno };
	memcpy(out->principal, s->conf->principal_text,
	       sizeof(out->principal));
	pthread_mutex_lock(&s->lock);
	out->view = s->view;
	out->ticket_end = s->generation != 0 ? s->times.end : 0;
	out->ticket_state = ticket_state(s);
	/* A failed renewal matters once the ticket has ended. */
	if (s->failure.code != GW_ERR_OK &&
	    (s->refusals > 0 || !is_valid(s, time(NULL))))
		memcpy(out->ticket_error, s->failure.detail,
		       sizeof(out->ticket_error));
	if (s->refusals > 0 && s->retry_at_ms > now)
		out->retry_in_ms = s->retry_at_ms - now;
	pthread_mutex_unlock(&s->lock);
}

/* ---- suffixes */

static bool
has_suffix(const struct gw_service *s, const char *suffix)
{
	for (size_t i = 0; s->suffixes != NULL && s->suffixes[i] != NULL; i++)
		if (strcasecmp(s->suffixes[i], suffix) == 0)
			return true;
	return false;
}

bool
gw_service_has_suffix(struct gw_service *s, const char *suffix)
{
	bool yes;

	pthread_mutex_lock(&s->lock);
	yes = has_suffix(s, suffix);
	pthread_mutex_unlock(&s->lock);
	return yes;
}

bool
gw_service_wants_suffixes(struct gw_service *s, const char *suffix)
{
	uint64_t age;
	bool yes;

	pthread_mutex_lock(&s->lock);
	age = gw_mono_ms() - s->suffixes_at_ms;
	yes = s->suffixes == NULL || age > SUFFIXES_OLD_MS ||
	      (age > SUFFIXES_RETRY_MS && !has_suffix(s, suffix));
	pthread_mutex_unlock(&s->lock);
	return yes;
}

void
gw_service_set_suffixes(struct gw_service *s, char **list)
{
	char **old;

	pthread_mutex_lock(&s->lock);
	old = s->suffixes;
	s->suffixes = list;
	s->suffixes_at_ms = gw_mono_ms();
	pthread_mutex_unlock(&s->lock);
	free_list(old);
}
