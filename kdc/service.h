/* service.h — what the threads share about the service account: its ticket,
 * the brake on failing logons, and what the directory says about it. Linked
 * into gwd-kdc only. All functions are thread safe. */
#ifndef KDC_SERVICE_H
#define KDC_SERVICE_H

#include "krb.h"

struct gw_service;

struct gw_service *gw_service_new(const struct gw_krbconf *conf);
/* `k` is any thread's, the last one alive. */
void gw_service_free(struct gw_service *s, struct gw_krb *k);

/* Sees to it that the thread's cache holds a good ticket. One thread at a
 * time asks the DC its `k` is aimed at; while the old ticket is still good,
 * nobody waits. After a refusal nobody asks again before a growing pause is
 * over: the DC counts wrong keys and would lock the account.
 * *generation: the thread's own, 0 at first. SERVICE_*, ETYPE_MISMATCH,
 * KDC_*. */
GW_MUST_CHECK enum gw_err gw_service_ticket(struct gw_service *s,
					    struct gw_krb *k,
					    uint64_t *generation,
					    struct gw_error *err);
/* The DC did not take the ticket of this generation: get another. */
void gw_service_spoil(struct gw_service *s, uint64_t generation);

/* Milliseconds before the next try after `failures` refusals in a row.
 * Pure: 1, 3, 9, 27, 60 minutes. */
uint64_t gw_service_pause_ms(unsigned failures);

/* What the directory says of the account. */
struct gw_service_view {
	bool is_known;
	bool any_protocol; /* TRUSTED_TO_AUTH_FOR_DELEGATION */
	bool is_sensitive; /* NOT_DELEGATED: its own tickets do not travel */
	bool has_spn;
	int64_t enctypes;  /* msDS-SupportedEncryptionTypes, -1: unset */
	size_t delegation_count;
	time_t checked_at;
};
void gw_service_saw(struct gw_service *s, const struct gw_service_view *v);

struct gw_service_status {
	struct gw_service_view view;
	char principal[GW_UPN_MAX];
	unsigned kvno;
	time_t ticket_end;        /* 0: none */
	const char *ticket_state; /* "none", "ok", "renewing", "refused" */
	char ticket_error[GW_DETAIL_MAX]; /* "" while there is a good one */
	uint64_t retry_in_ms;     /* while refused */
};
void gw_service_status(struct gw_service *s, struct gw_service_status *out);

/* ---- the forest's alternative UPN suffixes */

/* Whether the list is worth reading again: never read, or old. A name not on
 * the list makes it old sooner. */
bool gw_service_wants_suffixes(struct gw_service *s, const char *suffix);
/* Takes the list: an array of strings ended by NULL. */
void gw_service_set_suffixes(struct gw_service *s, char **list);
bool gw_service_has_suffix(struct gw_service *s, const char *suffix);

#endif
