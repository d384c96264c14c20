/* auth/crl_store_priv.h — the store of lists from the inside, for its parts
 * alone: crl_store.c has the places and who asks, crl_place.c what becomes of
 * one, crl_fetch.c how its list comes, crl_files.c what is kept on disk. A
 * place does one thing at a time: reads its file of before (once), fetches,
 * or takes apart what was fetched. */
#ifndef GW_CRL_STORE_PRIV_H
#define GW_CRL_STORE_PRIV_H

#include <sys/stat.h>

#include "crl_store.h"

#define NAME_LEN (2 * GW_HASH + 1)

LIST_HEAD(waits, gw_crl_wait);
TAILQ_HEAD(places, place);

enum doing { NOTHING, READING, FETCHING, PARSING };

struct place {
	struct gw_crl_store *store;
	TAILQ_ENTRY(place) entry; /* used last first */
	char name[GW_URL_MAX];
	char file[NAME_LEN];
	enum doing doing;
	bool was_read;      /* the file of before */
	bool is_announced;
	struct gw_crl_held held;
	STACK_OF(X509) *issuers;
	struct waits waits;
	struct gw_fetch *fetch;
	struct load *load;
	uint64_t ask_id;    /* of the directory */
	int new_fd;
	struct gw_timer timer; /* next fetch, or the end of the directory's */
	time_t fetched, used, next_fetch;
	struct stat source; /* an operator's file when it was read last */
	uint64_t failed_ms; /* monotonic; 0: the last fetch was good */
	unsigned failures;
	char why[GW_DETAIL_MAX];
};

struct gw_crl_store {
	struct gw_crl_store_conf c;
	struct places places;
	size_t count;
	uint64_t generation, last_ask;
	int dir;
};

time_t gw_crl_now(const struct gw_crl_store *s);

/* ---- crl_place.c. After settle, fail and whatever may call them the place
 * may be gone: who waits is told by them. */

bool gw_crl_place_is_current(const struct place *p, time_t now);
/* When it is fetched next, if nothing is under way. */
void gw_crl_place_plan(struct place *p);
void gw_crl_place_settle(struct place *p);
void gw_crl_place_fail(struct place *p, const char *why);
/* Parses and verifies what `from` holds, beside the loop; `to` as in
 * crl_load.h. Takes both descriptors, which may be one. */
void gw_crl_place_load(struct place *p, enum doing doing, int from, int to);
/* Nobody waits for what it is loading any more. */
void gw_crl_place_unload(struct place *p);
void gw_crl_place_on_timer(struct gw_timer *t);

/* ---- crl_fetch.c; the same holds */

void gw_crl_fetch(struct place *p);
/* The file of before, once. False: there is none. */
bool gw_crl_fetch_kept(struct place *p);

/* ---- crl_files.c */

/* Opens the directory and removes what is of no use; logs a failure. */
void gw_crl_files_open(struct gw_crl_store *s);
int gw_crl_file_new(const struct place *p);  /* owned; -1: errno */
int gw_crl_file_open(const struct place *p); /* the list kept; the same */
/* The new file takes the kept one's place; logs a failure. */
void gw_crl_file_publish(const struct place *p);
void gw_crl_file_remove_new(const struct place *p);
void gw_crl_file_remove(const struct place *p);

#endif
