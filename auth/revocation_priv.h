/* auth/revocation_priv.h — one question from the inside, for the files named
 * revocation*.c alone: whoever asks comes in by revocation.c, answers are kept
 * by revocation_entry.c, revocation_flight.c takes a question up its ladder,
 * whose rungs are revocation_ocsp.c and revocation_crl.c. */
#ifndef GW_REVOCATION_PRIV_H
#define GW_REVOCATION_PRIV_H

#include "revocation.h"
#include "revoked.h"
#include "share.h"

#define BUCKETS 16384u /* power of two */

LIST_HEAD(bucket, entry);
TAILQ_HEAD(entries, entry);
LIST_HEAD(waiters, gw_revocation_wait);

enum rung { RUNG_OCSP, RUNG_CRL, RUNG_COUNT };

/* Names of sources. Heap: there may be thousands of flights. */
struct names {
	char (*v)[GW_URL_MAX];
	size_t n;
};

/* An answer's word. `until` (good) 0 keeps nothing, not even what was kept
 * before. `as_of`: thisUpdate. `lists`: the generation of those that said it,
 * 0: a responder did. */
struct word {
	const char *source;
	time_t as_of, until;
	uint64_t lists;
};

/* The OCSP part of a flight. */
struct asking {
	struct names urls;
	size_t next_url;
	struct gw_ocsp_question question;
	uint8_t *request;
	size_t request_len;
	bool is_get, is_posted, is_plain; /* how the present URL was asked */
	struct gw_fetch *fetch;
	struct gw_responder *responder;
	/* a good answer that waits for news of who gave it */
	struct gw_revocation_wait signer;
	struct word held;
};

/* The CRL part. */
struct looking {
	struct names places, deltas;
	size_t next_place, next_delta;
	struct names gathered;
	bool has_new; /* a list that was not yet part of a check */
	bool was_told;
	struct gw_crl_wait wait;
};

struct flight {
	struct entry *entry;
	struct gw_path path; /* references */
	int depth;
	STACK_OF(X509) *given;
	enum rung rungs[RUNG_COUNT];
	size_t rung_count, next_rung;
	struct asking ocsp;
	struct looking crl;
	struct gw_seat seat; /* at the server that is waited for */
	struct gw_timer deadline;
	uint64_t deadline_ms;
	uint64_t epoch;     /* of the settings it was begun under */
	bool is_dry, is_responder;
	bool has_no_grace;  /* somebody answered, if not well */
	struct waiters waiters;
	size_t waiter_count; /* that ever came */
	struct gw_revocation_result result;
};

struct entry {
	uint8_t key[GW_HASH];
	uint8_t name[GW_HASH]; /* the same without the section */
	struct gw_revocation *owner;
	LIST_ENTRY(entry) by_key;
	TAILQ_ENTRY(entry) kept; /* answers only, oldest first */
	bool has_answer;
	time_t good_until;       /* 0: used once, by its flight's waiters */
	time_t as_of;            /* thisUpdate */
	uint64_t lists;          /* generation of those that said it, or 0 */
	struct flight *flight;   /* or NULL */
	char serial[GW_SERIAL_MAX]; /* for people; "": from disk */
};

struct gw_revocation {
	struct gw_loop *loop;
	const struct gw_conf_revocation *conf;
	struct gw_transport transport;
	struct gw_crl_store *lists;
	struct gw_kept *disk;
	struct gw_revoked *revoked;
	struct gw_shares *shares;
	struct bucket buckets[BUCKETS];
	struct entries kept;
	struct gw_revocation_counts count;
	uint64_t epoch; /* how often settings have changed */
	struct gw_responder *responders[GW_RESPONDERS_MAX];
	size_t responder_count;
};

time_t gw_revocation_now(const struct gw_revocation *r);

/* ---- entries: revocation_entry.c. Owned by `owner`; all are borrowed. */

/* NULL: nothing is known or asked. */
struct entry *gw_entry_find(struct gw_revocation *r,
			    const uint8_t key[GW_HASH]);
struct entry *gw_entry_add(struct gw_revocation *r, const X509 *leaf,
			   const X509 *issuer, const uint8_t key[GW_HASH]);
/* Ends its flight, too, whose waiters are not told. */
void gw_entry_drop(struct entry *e);
void gw_entry_drop_if_empty(struct entry *e);

/* The kept answer: the newest word takes its place, on disk as well. Where
 * there are too many the oldest goes. */
void gw_entry_keep(struct entry *e, const struct word *w);
void gw_entry_forget(struct entry *e);
/* There is one, and it may still be used. */
bool gw_entry_is_fresh(const struct entry *e);
/* A good answer of this time is no newer than one that said revoked. */
bool gw_entry_is_outdated(const struct entry *e, time_t as_of);

/* ---- flights: revocation_flight.c. Owned by their entry. */

/* It has asked nobody yet: gw_flight_go_on(). */
struct flight *gw_flight_prepare(struct entry *e,
				 const struct gw_revocation_about *about);
void gw_flight_wait(struct flight *f, struct gw_revocation_wait *w);
/* Lets go of all that is under way and frees it; waiters: never told. */
void gw_flight_land(struct flight *f);
X509 *gw_flight_subject(const struct flight *f); /* borrowed, both */
X509 *gw_flight_issuer(const struct flight *f);

/* One source has no answer. Of several reasons the most telling is kept. */
void gw_flight_failed(struct flight *f, const char *source, enum gw_err code,
		      const char *why);
/* The rung has no more sources. The flight may be gone after this and after
 * the next two, which end it. */
void gw_flight_go_on(struct flight *f);
/* GW_ERR_REVOCATION_STALE: a good answer is no newer than one that said
 * revoked. */
GW_MUST_CHECK enum gw_err gw_flight_weigh(const struct flight *f, time_t as_of,
					  struct gw_error *err);
void gw_flight_good(struct flight *f, const struct word *w);
void gw_flight_revoked(struct flight *f, const struct word *w,
		       const char *why);

/* Once each, GW_PLACES_MAX at most. */
void gw_names_add(struct names *x, const char *name);

/* ---- the rungs: begin finds whom to ask; climb asks the next, and goes on
 * when there is none; give_up: no time is left; end lets go of what is under
 * way */

void gw_rung_ocsp_begin(struct flight *f);
void gw_rung_ocsp_climb(struct flight *f);
/* True: it waited, for its turn or for news of a responder. What was asked
 * ends by itself. */
bool gw_rung_ocsp_give_up(struct flight *f);
void gw_rung_ocsp_end(struct flight *f);

void gw_rung_crl_begin(struct flight *f);
void gw_rung_crl_climb(struct flight *f);
void gw_rung_crl_end(struct flight *f);
/* Lists that did not come go on coming, for the next who asks. */
void gw_rung_crl_give_up(struct flight *f);

#endif
