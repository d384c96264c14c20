/* ladder.h — the world around the ladder of revocation: a loop, settings, one
 * section `ca`, a store of lists and a transport that answers when the test
 * says so. Linked into those unit tests of auth that ask about certificates.
 * Each test has it anew, by ladder_setup(). */
#ifndef LADDER_H
#define LADDER_H

#include "answers.h"
#include "lists.h"
#include "revocation.h"

/* A question under way: the tests' own, for what fetch.h only names. */
struct gw_fetch {
	char url[GW_URL_MAX];
	bool is_get;
	int fd; /* where a list's bytes go */
	uint64_t timeout_ms;
	gw_fetch_fn *fn;
	void *arg;
};

extern struct gw_fetch *asked[2048]; /* in their order; NULL: answered */
extern size_t asked_count, cancelled;
extern uint64_t ldap_id; /* the last question to the directory */
extern char ldap_url[GW_URL_MAX];
extern bool ldap_is_there;

extern time_t now; /* NOW at first */
extern struct gw_loop *loop;
extern struct gw_conf_revocation conf;
extern struct gw_conf_ca ca;
extern struct gw_crl_store *lists;
extern struct gw_kept *kept; /* NULL unless a test opens it */
extern struct gw_revocation *rev;
extern char dir[64], files[64]; /* of lists: the store's, the operators' */

void ladder_setup(void);
void ladder_teardown(void);
void open_all(void); /* `lists` and `rev`, with `kept` */
void close_all(void);
void unlink_all(void); /* what the store has kept on disk */

/* ---- asking */

struct waiter {
	struct gw_revocation_wait wait;
	struct gw_revocation_result res;
	unsigned told; /* how often */
};

/* True: `w->res` is the answer. The path is the certificate and its CA, which
 * is registered; of `how` the path is left out. */
bool ask_x509(X509 *x, const struct gw_conf_ca *section,
	      struct gw_revocation_about how, struct waiter *w);
bool ask_about(const char *leaf, const struct gw_conf_ca *section,
	       bool is_anew, struct waiter *w);
bool ask(const char *leaf, struct waiter *w); /* under `ca` */
/* What "good" is called, asked anew; NULL: nobody answers. */
enum gw_err told(const struct answer *a);

/* The certificates of `ca` are told of in these lists alone; NULL: none. */
void only_crl(const char *one, const char *two);

/* ---- answering the i-th question */

#define ANSWER(...) (&(struct answer){ .n = 1, .v = { { __VA_ARGS__ } } })
#define FINE     ANSWER(.this = -10, .next = 3600)
#define OPEN     ANSWER(.this = -10, .has_no_next = true)
#define REVOKED  ANSWER(.status = V_OCSP_CERTSTATUS_REVOKED, .reason = 1, \
			.this = -10, .next = 3600)
#define UNKNOWN  ANSWER(.status = V_OCSP_CERTSTATUS_UNKNOWN, .this = -10, \
			.next = 3600)
#define OLD      ANSWER(.this = -7200, .next = -3600)
#define FOREIGN  (&(struct answer){ .signer = "ocsp-by-other" })
#define SAID(s, t) ANSWER(.status = V_OCSP_CERTSTATUS_##s, .reason = 6, \
			  .this = (t), .next = 3600)
#define LIST(...) (&(struct list){ __VA_ARGS__ })

void give(size_t i, const struct answer *a);
void give_list(size_t i, const struct list *l);
void break_off(size_t i, const char *why);

/* ---- waiting */

void stop_loop(struct gw_timer *t);
void turn(void); /* ten milliseconds of the loop */
/* Until `w` is told, until there were `n` questions: ten seconds at most, for
 * the thread that parses takes its time. */
void await(struct waiter *w);
void await_question(size_t n);

#endif
