/* gateway/supervisor/api_priv.h — the operator API as its files share it:
 * api.c has libmicrohttpd call, api_paths.c says what each path answers,
 * api_change.c has gwd-auth carry out a change, api_request.c has a request
 * wait and go on. Included by nobody else. */
#ifndef GW_API_PRIV_H
#define GW_API_PRIV_H

#include <jansson.h>
#include <microhttpd.h>

#include "api.h"
#include "collect.h"

struct gw_request;

struct gw_api {
	struct gw_loop *loop;
	struct gw_sup *sup;
	struct MHD_Daemon *mhd;
	struct gw_collect *collect;
	struct gw_io listener, poller;
	struct gw_timer timer;
	struct gw_timer change_timer;
	struct gw_request *waiting;
	uint64_t last_ask;
	bool is_running; /* inside MHD_run() */
};

struct gw_answer {
	unsigned status;
	json_t *body; /* owned */
};

struct gw_endpoint {
	const char *method, *prefix, *suffix; /* between them: one argument */
	struct gw_answer (*fn)(struct gw_api *a, const char *arg,
			       const json_t *doc);
	/* fn NULL: a change for gwd-auth */
	enum gw_admin_verb verb;
	uint32_t flags;
};

/* One request; lives in MHD's per-request pointer. */
struct gw_request {
	struct gw_request *next; /* among those that wait */
	struct MHD_Connection *conn;
	const struct gw_endpoint *endpoint;
	char arg[2 * GW_SESSION_ID + 1];
	struct gw_answer answer;
	bool has_answer;
	uint64_t ask;         /* of a change under way, else 0 */
	uint64_t deadline_ms; /* … and when it is given up */
	char *body;           /* of a change */
	size_t uploaded;
};

/* ---- api_request.c */

struct gw_answer gw_answer_error(unsigned status, const char *error,
				 const char *detail);
struct gw_answer gw_answer_no_auth(void);

/* The body of a change is kept; others' are ignored, within limits. MHD_NO
 * beyond them. */
enum MHD_Result gw_request_upload(struct gw_request *r, const char *p,
				  size_t len);
/* Sends r->answer. */
enum MHD_Result gw_request_answer(struct gw_request *r);
/* Suspended until it goes on with an answer, which is then sent by
 * gw_api_run(). */
void gw_request_wait(struct gw_api *a, struct gw_request *r);
void gw_request_go_on(struct gw_api *a, struct gw_request *r,
		      struct gw_answer answer);
void gw_request_unlink(struct gw_api *a, struct gw_request *r);
/* Lets libmicrohttpd work, and notes when it wants to again. */
void gw_api_run(struct gw_api *a);

/* ---- api_paths.c */

/* Sets r->endpoint, or r->answer when there is none. */
void gw_endpoint_find(struct gw_request *r, const char *url,
		      const char *method);

/* ---- api_change.c */

/* Sends the request's change on, and waits for what gwd-auth says. */
enum MHD_Result gw_api_change(struct gw_api *a, struct gw_request *r);
void gw_api_change_done(void *ctx, uint64_t ask, const struct gw_admin_done *d);
void gw_api_change_auth_gone(void *ctx);
void gw_api_change_timer(struct gw_timer *t);

#endif
