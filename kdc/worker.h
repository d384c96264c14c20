/* worker.h — what one thread of the pool owns: a Kerberos context, connections
 * to the domain controllers bound as the service account, names of groups.
 * Linked into gwd-kdc only. */
#ifndef KDC_WORKER_H
#define KDC_WORKER_H

#include "dcs.h"
#include "lookup.h"

/* What all workers share; borrowed. */
struct gw_shared {
	const struct gw_conf *conf;
	struct gw_krbconf *krbconf;
	struct gw_service *service;
	struct gw_dcs *dcs;
};

struct gw_worker;
/* `shared` is borrowed. GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_worker_new(const struct gw_shared *shared,
					struct gw_worker **out,
					struct gw_error *err);
void gw_worker_free(struct gw_worker *w);

/* All borrowed. */
const struct gw_shared *gw_worker_shared(const struct gw_worker *w);
struct gw_krb *gw_worker_krb(struct gw_worker *w);
struct gw_names *gw_worker_names(struct gw_worker *w);

/* A good ticket of the service account in the worker's Kerberos context. As
 * gw_service_ticket(). */
GW_MUST_CHECK enum gw_err gw_worker_ticket(struct gw_worker *w,
					   struct gw_error *err);
/* The DC did not take it: get another. */
void gw_worker_spoil_ticket(struct gw_worker *w);

/* Asks one question over the connection to `dc` bound as the service, which
 * is kept for the next; when a kept one turns out to be dead (not silent),
 * once more over a new one. The Kerberos context must be aimed at `dc`.
 * Whatever `fn` returns, SERVICE_*, KDC_*, LDAP_UNREACHABLE. */
typedef enum gw_err gw_question_fn(const struct gw_lookup *q, void *ctx,
				   struct gw_error *err);
GW_MUST_CHECK enum gw_err gw_worker_ask(struct gw_worker *w,
					const struct gw_dc *dc,
					const struct gw_limits *l,
					gw_question_fn *fn, void *ctx,
					struct gw_error *err);

/* What the directory says of the service account, told to `service`. As
 * gw_worker_ask(). */
GW_MUST_CHECK enum gw_err
gw_worker_look_at_service(struct gw_worker *w, const struct gw_dc *dc,
			  const struct gw_limits *l,
			  struct gw_service_view *out, struct gw_error *err);

#endif
