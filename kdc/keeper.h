/* keeper.h — the housekeeping thread: finds the domain controllers, keeps
 * the service's ticket fresh, looks at the service account and at the CAs that
 * may issue cards. Linked into gwd-kdc only. No login ever waits for it. */
#ifndef KDC_KEEPER_H
#define KDC_KEEPER_H

#include "errand.h"
#include "gw/loop.h"

struct gw_keeper;

/* `loop` is woken when there is something new to tell. */
struct gw_keeper *gw_keeper_new(const struct gw_shared *shared,
				struct gw_loop *loop);
/* Takes a DC's address from the configuration at once; starts the thread.
 * After the process has locked itself in. GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_keeper_start(struct gw_keeper *k,
					  struct gw_error *err);
/* Ends the thread and frees the service's ticket with it. */
void gw_keeper_free(struct gw_keeper *k);

struct gw_keeper_status {
	uint64_t hostname_us;   /* what resolving our own name took: Cyrus
				   SASL does that at every bind */
	bool is_hostname_slow;
	char discovery_error[GW_DETAIL_MAX];
	char names_error[GW_DETAIL_MAX]; /* see reach.h */
	char service_error[GW_DETAIL_MAX];
	char ntauth_error[GW_DETAIL_MAX];
	size_t ntauth_count;
	bool is_ntauth_known;
	enum gw_err service_code;
};
void gw_keeper_status(struct gw_keeper *k, struct gw_keeper_status *out);

/* The resolver's files, which were within reach, are so no more, and would be
 * for who is started now. Not with those that never were: that would be for
 * ever. */
bool gw_keeper_is_cut_off(struct gw_keeper *k);

/* NTAuthCertificates as it was last read: false when that is what the caller
 * of this serial (0 at first) has, or when it has never been read. */
bool gw_keeper_ntauth(struct gw_keeper *k, uint64_t *serial,
		      struct gw_ntauth_msg *out);

#endif
