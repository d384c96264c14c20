/* worker.c — see worker.h. */
#include "worker.h"
#include "entry.h"
#include "gw/util.h"

#include <string.h>

#define CONN_OLD_MS (10 * 60 * 1000) /* AD closes idle ones after 15 min */

struct gw_worker {
	const struct gw_shared *shared;
	struct gw_krb *krb;
	struct gw_names *names;
	uint64_t generation; /* of the service's ticket in `krb` */
	struct conn {
		struct gw_service_conn conn; /* ld NULL: none */
		union gw_addr addr;
		uint64_t opened_ms;
	} conns[GW_DCS_MAX];
};

enum gw_err
gw_worker_new(const struct gw_shared *shared, struct gw_worker **out,
	      struct gw_error *err)
{
	struct gw_worker *w = gw_xcalloc(1, sizeof(*w));
	enum gw_err rc = gw_krb_new(shared->krbconf, &w->krb, err);

	if (rc != GW_ERR_OK) {
		free(w);
		return rc;
	}
	w->shared = shared;
	w->names = gw_names_new();
	*out = w;
	return GW_ERR_OK;
}

static void
drop_conn(struct conn *c)
{
	gw_ldap_close(c->conn.ld);
	c->conn.ld = NULL;
}

void
gw_worker_free(struct gw_worker *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < GW_DCS_MAX; i++)
		drop_conn(&w->conns[i]);
	gw_names_free(w->names);
	gw_krb_free(w->krb);
	free(w);
}

const struct gw_shared *
gw_worker_shared(const struct gw_worker *w)
{
	return w->shared;
}

struct gw_krb *
gw_worker_krb(struct gw_worker *w)
{
	return w->krb;
}

struct gw_names *
gw_worker_names(struct gw_worker *w)
{
	return w->names;
}

/* ---- the service's own connection, kept for the next login */

enum gw_err
gw_worker_ticket(struct gw_worker *w, struct gw_error *err)
{
	return gw_service_ticket(w->shared->service, w->krb, &w->generation,
				 err);
}

void
gw_worker_spoil_ticket(struct gw_worker *w)
{
	gw_service_spoil(w->shared->service, w->generation);
}

/* A KDC that does not take our ticket gets a new one to see, once. */
static enum gw_err
service_cred(struct gw_worker *w, struct gw_cred *out, struct gw_error *err)
{
	krb5_error_code code = 0;
	enum gw_err rc = gw_worker_ticket(w, err);

	if (rc != GW_ERR_OK)
		return rc;
	rc = gw_krb_service(w->krb, out, &code, err);
	if (rc == GW_ERR_OK || !gw_krb_wants_new_ticket(code))
		return rc;
	gw_worker_spoil_ticket(w);
	rc = gw_worker_ticket(w, err);
	return rc != GW_ERR_OK ? rc : gw_krb_service(w->krb, out, &code, err);
}

static enum gw_err
bind_service(struct gw_worker *w, const struct gw_dc *dc,
	     const struct gw_limits *l, struct gw_service_conn *out,
	     struct gw_error *err)
{
	gw_auto(gw_ldap_close) LDAP *ld = NULL;
	struct gw_cred cred = GW_CRED_NONE;
	/* The ticket first: while there is none to be had, DCs are not
	 * bothered with connections. */
	enum gw_err rc = service_cred(w, &cred, err);

	if (rc == GW_ERR_OK)
		rc = gw_ldap_open(dc, l, -1, &ld, err);
	if (rc == GW_ERR_OK)
		rc = gw_ldap_bind(ld, &cred, l, err);
	if (rc == GW_ERR_LDAP_BIND_REFUSED)
		err->code = rc = GW_ERR_SERVICE_ACCOUNT;
	if (rc == GW_ERR_OK)
		rc = gw_lookup_tree(ld, l, &out->tree, err);
	gw_cred_clear(w->krb, &cred);
	if (rc == GW_ERR_OK)
		out->ld = gw_steal(&ld);
	return rc;
}

/* *out_is_new: made just now, so that a failure on it is not its age. */
static enum gw_err
service_conn(struct gw_worker *w, const struct gw_dc *dc,
	     const struct gw_limits *l, struct gw_service_conn **out,
	     bool *out_is_new, struct gw_error *err)
{
	struct conn *c = &w->conns[dc->id];
	uint64_t now = gw_mono_ms();
	enum gw_err rc;

	if (c->conn.ld != NULL &&
	    (now - c->opened_ms > CONN_OLD_MS ||
	     memcmp(&c->addr, &dc->addr, sizeof(c->addr)) != 0))
		drop_conn(c);
	*out = &c->conn;
	*out_is_new = c->conn.ld == NULL;
	if (!*out_is_new)
		return GW_ERR_OK;
	rc = bind_service(w, dc, l, &c->conn, err);
	c->opened_ms = now;
	c->addr = dc->addr;
	return rc;
}

enum gw_err
gw_worker_ask(struct gw_worker *w, const struct gw_dc *dc,
	      const struct gw_limits *l, gw_question_fn *fn, void *ctx,
	      struct gw_error *err)
{
	struct gw_lookup q = { .conf = w->shared->conf,
			       .service = w->shared->service, .limits = l };
	uint64_t start = gw_mono_ms();
	bool is_new = false;
	enum gw_err rc = GW_ERR_OK;

	for (int i = 0; i < 2; i++) {
		struct gw_service_conn *conn = NULL;

		rc = service_conn(w, dc, l, &conn, &is_new, err);
		q.conn = conn;
		if (rc == GW_ERR_OK)
			rc = fn(&q, ctx, err);
		if (rc != GW_ERR_LDAP_UNREACHABLE)
			break;
		drop_conn(&w->conns[dc->id]);
		if (is_new || gw_mono_ms() - start >= (uint64_t)l->ldap_ms)
			break;
	}
	return rc;
}

/* ---- the service account itself */

static enum gw_err
ask_service(const struct gw_lookup *q, void *ctx, struct gw_error *err)
{
	char **spns = NULL;
	enum gw_err rc = gw_lookup_service(q, ctx, &spns, err);

	gw_strings_free(spns);
	return rc;
}

enum gw_err
gw_worker_look_at_service(struct gw_worker *w, const struct gw_dc *dc,
			  const struct gw_limits *l,
			  struct gw_service_view *out, struct gw_error *err)
{
	enum gw_err rc = gw_worker_ask(w, dc, l, ask_service, out, err);

	if (rc == GW_ERR_OK)
		gw_service_saw(w->shared->service, out);
	return rc;
}
