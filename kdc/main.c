/* main.c — gwd-kdc: the one process with the keytab. It hears gwd-auth only,
 * and answers each LOGON with the facts the directory confirmed or with the
 * reason it did not (links.c). The loop's thread moves messages; logins happen
 * in the pool. */
#include "kdc.h"
#include "gw/log.h"
#include "gw/util.h"
#include "ldapx.h"
#include "reach.h"

#include <stdio.h>

#define RATE_PER_THREAD 100 /* logins per second; a DC manages fewer */
#define FETCH_QUEUE_MAX 64  /* revocation lists waiting to be fetched */

/* ---- status */

static void
put_row(struct gw_kdc *app, uint64_t ask, const char *section, json_t *row)
{
	char *text = json_dumps(row, JSON_COMPACT);

	gw_child_status_row(app->child, ask, section, text);
	free(text);
	json_decref(row);
}

static json_t *
or_null(bool is_known, json_t *value)
{
	if (is_known)
		return value;
	json_decref(value);
	return json_null();
}

static json_t *
service_row(struct gw_kdc *app)
{
	struct gw_service_status s;
	struct gw_keeper_status k;
	const struct gw_service_view *v = &s.view;

	gw_service_status(app->shared.service, &s);
	gw_keeper_status(app->keeper, &k);
	return json_pack(
		"{s:s, s:I, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I,"
		" s:s, s:s, s:s, s:s, s:I, s:b, s:o, s:s}",
		"principal", s.principal,
		"ticket_end", (json_int_t)s.ticket_end,
		"ticket_state", s.ticket_state,
		"ticket_error", s.ticket_error,
		"retry_in_ms", (json_int_t)s.retry_in_ms,
		"keytab_kvno", (json_int_t)s.kvno,
		"any_protocol", or_null(v->is_known,
					json_boolean(v->any_protocol)),
		"sensitive", or_null(v->is_known,
				     json_boolean(v->is_sensitive)),
		"has_spn", or_null(v->is_known, json_boolean(v->has_spn)),
		"enctypes", or_null(v->is_known && v->enctypes >= 0,
				    json_integer(v->enctypes)),
		"delegation_count", (json_int_t)v->delegation_count,
		"checked_at", (json_int_t)v->checked_at,
		"check", gw_err_name(k.service_code),
		"check_error", k.service_error,
		"discovery_error", k.discovery_error,
		"names_error", k.names_error,
		"hostname_us", (json_int_t)k.hostname_us,
		"hostname_slow", (int)k.is_hostname_slow,
		"ntauth", or_null(k.is_ntauth_known,
				  json_integer((json_int_t)k.ntauth_count)),
		"ntauth_error", k.ntauth_error);
}

static json_t *
kdc_row(struct gw_kdc *app)
{
	struct gw_pool_status p;

	gw_pool_status(app->pool, &p);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "queue", (json_int_t)p.queue,
			 "queue_max", (json_int_t)p.queue_max,
			 "threads", (json_int_t)p.threads,
			 "busy", (json_int_t)p.busy,
			 "logons", (json_int_t)app->logons,
			 "refused", (json_int_t)app->refused,
			 "lists", (json_int_t)app->lists,
			 "lists_refused", (json_int_t)app->lists_refused);
}

static void
on_status(void *ctx, uint64_t ask)
{
	struct gw_kdc *app = ctx;
	json_t *row;

	for (size_t i = 0; (row = gw_dcs_row(app->shared.dcs, i)) != NULL;
	     i++) {
		if (json_object_size(row) > 0)
			put_row(app, ask, "dcs", row);
		else
			json_decref(row); /* gone */
	}
	put_row(app, ask, "service", service_row(app));
	put_row(app, ask, "kdc", kdc_row(app));
	gw_child_status_end(app->child, ask);
}

/* ---- start and end */

/* At the end of the turn in which start() ran: the process is locked in by
 * then, and threads made now are locked in with it. */
static void
start_threads(struct gw_task *t)
{
	struct gw_kdc *app = GW_CONTAINER(t, struct gw_kdc, starter);
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_err rc = gw_keeper_start(app->keeper, &err);

	if (rc == GW_ERR_OK)
		rc = gw_pool_start(app->pool, &err);
	if (rc == GW_ERR_OK)
		rc = gw_pool_start(app->fetchers, &err);
	if (rc != GW_ERR_OK) {
		gw_event(GW_LOG_ERR, "start-failed", "reason",
			 gw_err_name(rc), "detail", err.detail, NULL);
		gw_loop_stop(app->loop);
	}
}

/* gwd starts it again, and nothing is lost with it but the logins of this
 * moment, which would not find their way. */
static void
on_wake(void *ctx)
{
	struct gw_kdc *app = ctx;

	gw_links_wake(app);
	if (!gw_keeper_is_cut_off(app->keeper))
		return;
	gw_event(GW_LOG_WARN, "ending", "why", "to be started anew, within "
		 "reach of the resolver's files", NULL);
	gw_loop_stop(app->loop);
}

static enum gw_err
on_start(void *ctx, struct gw_child *c, struct gw_error *err)
{
	struct gw_kdc *app = ctx;
	const struct gw_conf *conf = gw_child_conf(c);
	const struct gw_conf_directory *d = &conf->directory;
	struct gw_shared *s = &app->shared;
	size_t threads = (size_t)d->threads;
	enum gw_err rc;

	app->child = c;
	app->loop = gw_child_loop(c);
	s->conf = conf;
	rc = gw_krbconf_setup(d, gw_child_file(c, GW_FILE_KEYTAB, NULL, NULL),
			      &s->krbconf, err);
	if (rc == GW_ERR_OK)
		rc = gw_dcs_new(d, s->krbconf, &s->dcs, err);
	if (rc != GW_ERR_OK)
		return rc;
	s->service = gw_service_new(s->krbconf);
	app->keeper = gw_keeper_new(s, app->loop);
	app->pool = gw_pool_new(s, app->loop, threads, (size_t)d->queue);
	/* One of its own: however long a list takes, no login waits for it,
	 * and no two lists are in memory at once. */
	app->fetchers = gw_pool_new(s, app->loop, 1, FETCH_QUEUE_MAX);
	app->bucket = gw_bucket_init(threads * RATE_PER_THREAD,
				     threads * RATE_PER_THREAD +
					     (size_t)d->queue,
				     gw_mono_ms());
	gw_loop_on_wake(app->loop, on_wake, app);
	app->starter.fn = start_threads;
	gw_loop_defer(app->loop, &app->starter);
	return GW_ERR_OK;
}

static void
on_end(void *ctx)
{
	struct gw_kdc *app = ctx;

	gw_links_clear(app);
	gw_pool_free(app->pool);
	gw_pool_free(app->fetchers);
	gw_keeper_free(app->keeper);
	gw_dcs_free(app->shared.dcs);
	gw_krbconf_free(app->shared.krbconf);
}

static const char *const *
on_readable(void *app)
{
	(void)app;
	return gw_reach_dirs;
}

static const struct gw_child_ops ops = {
	.name = "gwd-kdc", .start = on_start, .link = gw_links_add,
	.status = on_status, .end = on_end, .readable = on_readable,
};

int
main(void)
{
	struct gw_error err = { .code = GW_ERR_OK };
	struct gw_kdc *app;
	int status;

	if (!gw_krbconf_environment()) {
		fputs("gwd-kdc: must not run with raised privileges\n",
		      stderr);
		return 2;
	}
	if (gw_ldap_global_init(&err) != GW_ERR_OK) {
		fprintf(stderr, "gwd-kdc: %s\n", err.detail);
		return 2;
	}
	app = gw_xcalloc(1, sizeof(*app));
	status = gw_child_main(&ops, app);
	free(app);
	return status;
}
